package io.github.vicmae.train;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClipFeatures;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.ModelState;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.report.MonitorFacts;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Function;

/**
 * Measures the k-NN accuracy of an encoder on labelled samples while it is trained. It has weights, memory and a stream of its own and draws nothing at
 * random, so a run computes the same with and without it.
 */
final class Monitor implements AutoCloseable {
    /** Views that are encoded at once. */
    static final int BATCH = 32;

    private static final int NEIGHBOURS = 20;
    private static final double TEMPERATURE = 0.07;

    /** More products than this for the similarities of raw pixels would take a minute, where those of features take a second. */
    private static final double MOST_PIXEL_PRODUCTS = 2e10;

    private final MonitorData data;
    private final ClipFeatures reference;
    private final ClipFeatures query;
    private final int[] referenceLabels;
    private final int[] queryLabels;
    private final int classes;
    private final int k;
    private final FeatureExtractor extractor;
    private final long seed;

    /**
     * Reads all samples, and takes the encoder's memory.
     *
     * @param seed of the untrained encoder's weights
     * @param progress is told of files that cannot be read
     * @throws IOException if too few can be read, or their views are too large for memory
     */
    Monitor(Device device, ModelConfig model, MonitorData data, long seed, Progress progress) throws IOException {
        this.data = data;
        this.seed = seed;
        ViewSettings views = model.objective().viewSettings(model.trunk(), 0).withFrames(1);
        requireRoom(views);
        reference = read(data.reference(), views, progress);
        query = read(data.query(), views, progress);
        referenceLabels = reference.labels();
        queryLabels = data.isHalves() ? query.labels() : data.labelsOfQuery(query.labels());
        classes = (int) Arrays.stream(referenceLabels).distinct().count();
        if (classes < 2 || queryLabels.length == 0) {
            throw new IOException("Too few samples of --monitor can be read: " + referenceLabels.length + " of "
                    + data.reference().size() + " that classify, and " + queryLabels.length + " of "
                    + data.query().size() + " that are classified");
        }
        k = neighbours(
                data.isHalves() ? Math.min(referenceLabels.length, queryLabels.length) : referenceLabels.length,
                classes);
        extractor =
                new FeatureExtractor(device, model.trunk(), model.objective().pooling(), BATCH);
    }

    /** The usual 20, or the mean number of samples of a class where there are fewer: more neighbours would be of other classes. */
    static int neighbours(int samples, int classes) {
        return Math.max(1, Math.min(NEIGHBOURS, samples / classes));
    }

    private ClipFeatures read(Dataset samples, ViewSettings views, Progress progress) throws IOException {
        try {
            return new ClipFeatures(samples, views, data.frames());
        } catch (IOException e) {
            return new ClipFeatures(readable(samples, progress), views, data.frames());
        }
    }

    /** The samples that can be read; the others are named. */
    private Dataset readable(Dataset samples, Progress progress) {
        return samples.only(sample -> {
            try {
                Frames.spaced(sample.content(), sample.kind(), data.frames(), 0);
                return true;
            } catch (IOException e) {
                progress.warning("Left out of --monitor: " + e.getMessage());
                return false;
            }
        });
    }

    private void requireRoom(ViewSettings views) throws IOException {
        long largest = Math.max(data.reference().size(), data.query().size());
        long bytes = largest * data.frames() * views.viewSize() * Float.BYTES;
        if (bytes > Integer.MAX_VALUE) {
            throw new IOException("The views of " + largest + " samples of --monitor take " + (bytes >> 20)
                    + " MiB of memory, and 2047 are the most: give fewer samples, or fewer frames of each"
                    + " (--monitor-frames 1)");
        }
    }

    /** Accuracy of a model in training, 0 to 1; nothing may be under way. */
    double accuracy(ModelState model) {
        extractor.copyFrom(model);
        return accuracy(set -> set.encoded(extractor));
    }

    /** Accuracy of the same encoder with fresh weights. */
    double untrained() {
        extractor.initialise(seed);
        return accuracy(set -> set.encoded(extractor));
    }

    /** Accuracy of the pixels themselves, NaN where that would take too long. */
    private double pixels() {
        double products = (double) referenceLabels.length
                * queryLabels.length
                * extractor.trunk().imageSize();
        return products > MOST_PIXEL_PRODUCTS ? Double.NaN : accuracy(ClipFeatures::pixels);
    }

    private double accuracy(Function<ClipFeatures, float[][]> features) {
        float[][] known = features.apply(reference);
        float[][] others = features.apply(query);
        double right = right(known, referenceLabels, others, queryLabels);
        if (data.isHalves()) {
            right += right(others, queryLabels, known, referenceLabels);
        }
        return right / samples();
    }

    private double right(float[][] known, int[] labels, float[][] others, int[] wanted) {
        Knn knn = new Knn(known, labels, data.classNames().size(), k, TEMPERATURE);
        return knn.evaluate(others, wanted).accuracy() * others.length;
    }

    /** What is measured, as part of a sentence; says where a class has fewer samples than the usual number of neighbours. */
    String described() {
        return samples() + " labelled " + data.kinds() + " of " + classes + " classes, "
                + (data.isHalves() ? "each half classified by the other" : "classified by " + referenceLabels.length)
                + " (k = " + k + (k < NEIGHBOURS ? ", the samples of a class, which are fewer than " + NEIGHBOURS : "")
                + ")";
    }

    /** Samples that are classified. */
    int samples() {
        return queryLabels.length + (data.isHalves() ? referenceLabels.length : 0);
    }

    /**
     * What is measured, and what it is to be compared with.
     *
     * @param untrained accuracy of an untrained encoder
     */
    MonitorFacts facts(double untrained) {
        return new MonitorFacts(
                data.id(),
                samples(),
                data.kinds(),
                data.isHalves() ? 0 : referenceLabels.length,
                classes,
                k,
                data.frames(),
                untrained,
                pixels(),
                1.0 / classes);
    }

    @Override
    public void close() {
        extractor.close();
    }
}
