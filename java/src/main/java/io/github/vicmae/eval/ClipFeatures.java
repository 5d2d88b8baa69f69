package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.FeatureExtractor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * The evaluation views of a data set, all of them in memory, for encoders that are asked again and again: some evenly spaced frames of each video,
 * and each image itself. The features of a sample are the mean over its views. {@link SampleFeatures} is for data sets of any size.
 */
public final class ClipFeatures {
    private final ViewSettings settings;
    private final int frames;
    private final List<Sample> samples;
    /** The place of each sample's first view, and behind the last one their number. */
    private final int[] first;

    private final FloatBuffer views;

    /**
     * Reads and prepares all views.
     *
     * @param frames the number of views of each video, at least 1
     * @throws IOException if a file cannot be read
     * @throws IllegalArgumentException if there are fewer than one frame
     */
    public ClipFeatures(Dataset data, ViewSettings settings, int frames) throws IOException {
        if (frames < 1) {
            throw new IllegalArgumentException("Each sample needs at least one frame, not " + frames);
        }
        this.settings = settings;
        this.frames = frames;
        samples = data.samples();
        SampleViews reader = new SampleViews(settings, frames, 1, 1);
        first = new int[samples.size() + 1];
        for (int i = 0; i < samples.size(); i++) {
            first[i + 1] = Math.addExact(first[i], reader.count(samples.get(i)));
        }
        views = DirectBuffers.floats(Math.multiplyExact(first[samples.size()], settings.viewSize()));
        for (int i = 0; i < samples.size(); i++) {
            List<Image> images = reader.read(samples.get(i));
            for (int row = first[i]; row < first[i + 1]; row++) {
                reader.write(samples.get(i), images, row - first[i], views, row * settings.viewSize());
            }
        }
    }

    /** The samples, in the order of the features. */
    public List<Sample> samples() {
        return samples;
    }

    /** The samples' classes. */
    public int[] labels() {
        return samples.stream().mapToInt(Sample::label).toArray();
    }

    /** The encoder's features, [samples][D]. */
    public float[][] encoded(FeatureExtractor extractor) {
        int dim = extractor.trunk().dim();
        int count = first[samples.size()];
        FloatBuffer features = DirectBuffers.floats(Math.multiplyExact(count, dim));
        extractor.extract(views, features, count);
        return means(features, dim);
    }

    /** The views' own values as features, [samples][C * H * W]. */
    public float[][] pixels() {
        return means(views, settings.viewSize());
    }

    private float[][] means(FloatBuffer rows, int width) {
        float[][] means = new float[samples.size()][width];
        for (int i = 0; i < means.length; i++) {
            int times = samples.get(i).isVideo() ? 1 : frames;
            for (int row = first[i]; row < first[i + 1]; row++) {
                FeatureMeans.add(means[i], rows, row * width, frames, times);
            }
        }
        return means;
    }
}
