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
 * A data set's samples as evaluation views: of each video some frames, evenly spaced; of each image itself. The features of a sample are the mean
 * over its views.
 */
public final class ClipFeatures {
    private final ViewSettings settings;
    private final int frames;
    private final int[] labels;
    private final FloatBuffer views;

    /**
     * Reads and prepares all views.
     *
     * @param frames views of each sample
     * @throws IOException if a file cannot be read
     */
    public ClipFeatures(Dataset data, ViewSettings settings, int frames) throws IOException {
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
            for (Image image : Frames.spaced(sample.path(), frames, Math.max(settings.height(), settings.width()))) {
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
        int dim = extractor.config().dim();
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
