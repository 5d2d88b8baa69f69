package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.FeatureExtractor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The evaluation views of a data set: some evenly spaced frames of each video, and each image itself. The features of a sample are the mean over
 * its views.
 */
public final class ClipFeatures {
    private final ViewSettings settings;
    private final int frames;
    private final int[] labels;
    private final FloatBuffer views;

    /**
     * Reads and prepares all views.
     *
     * @param frames the number of views of each sample, at least 1
     * @throws IOException if a file cannot be read
     * @throws IllegalArgumentException if there are fewer than one frame
     */
    public ClipFeatures(Dataset data, ViewSettings settings, int frames) throws IOException {
        if (frames < 1) {
            throw new IllegalArgumentException("Each sample needs at least one frame, not " + frames);
        }
        this.settings = settings;
        this.frames = frames;
        labels = data.samples().stream().mapToInt(Sample::label).toArray();
        int floats = Math.multiplyExact(Math.multiplyExact(labels.length, frames), settings.viewSize());
        views = ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        EvalView view = new EvalView(settings);
        int at = 0;
        for (Sample sample : data.samples()) {
            int side = Math.max(settings.height(), settings.width());
            for (Image image : Frames.spaced(sample.content(), sample.kind(), frames, side)) {
                view.write(image, views, at);
                at += settings.viewSize();
            }
        }
    }

    /** The samples' classes. */
    public int[] labels() {
        return labels.clone();
    }

    /** The encoder's features, [samples][D]. */
    public float[][] encoded(FeatureExtractor extractor) {
        int dim = extractor.trunk().dim();
        FloatBuffer features = ByteBuffer.allocateDirect(labels.length * frames * dim * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        extractor.extract(views, features, labels.length * frames);
        return means(features, dim);
    }

    /** The views' own values as features, [samples][C * H * W]. */
    public float[][] pixels() {
        return means(views, settings.viewSize());
    }

    private float[][] means(FloatBuffer rows, int width) {
        float[][] means = new float[labels.length][width];
        float[] row = new float[width];
        for (int i = 0; i < means.length; i++) {
            Arrays.fill(means[i], 0);
            for (int f = 0; f < frames; f++) {
                rows.get((i * frames + f) * width, row);
                for (int d = 0; d < width; d++) {
                    means[i][d] += row[d] / frames;
                }
            }
        }
        return means;
    }
}
