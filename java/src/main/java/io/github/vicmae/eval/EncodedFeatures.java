package io.github.vicmae.eval;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Features of views that are cropped and flipped anew each epoch: workers decode ahead, the frozen encoder follows. A sample's features are the mean over
 * its views.
 */
public final class EncodedFeatures implements FeatureBatches {
    private final BatchLoader loader;
    private final ViewFeatures encoder;
    private final boolean clips;
    private final int views;
    private final int[] classOf;
    private final FloatBuffer ofViews;
    private final float[] row;
    private final float[] sum;

    /**
     * Starts the workers.
     *
     * @param data samples that all have a class
     * @param view views of a sample
     * @param sampler of the frames of videos
     * @param classOf the class number of each label
     * @param first the epoch to begin with
     * @param onSkip is told of every file that cannot be read
     * @throws IOException if there is not enough memory
     */
    public EncodedFeatures(
            Dataset data,
            ViewSettings view,
            FrameSampler sampler,
            LoaderSettings settings,
            ViewFeatures encoder,
            int[] classOf,
            int first,
            Consumer<SkippedFile> onSkip)
            throws IOException {
        this.encoder = encoder;
        this.classOf = classOf.clone();
        clips = view.frames() > 1;
        views = view.views();
        ofViews = ByteBuffer.allocateDirect(Math.multiplyExact(
                        Float.BYTES,
                        Math.multiplyExact(encoder.width(), Math.multiplyExact(views, settings.batchSize()))))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        row = new float[encoder.width()];
        sum = new float[encoder.width()];
        loader = new BatchLoader(data, view, sampler, settings, first, 0, onSkip);
    }

    @Override
    public int stepsPerEpoch() {
        return loader.stepsPerEpoch();
    }

    @Override
    public void next(int epoch, int step, FloatBuffer features, int[] labels) throws IOException {
        Batch batch = loader.next();
        try {
            if (batch.epoch() != epoch || batch.step() != step) {
                throw new IllegalStateException("Batch " + step + " of epoch " + epoch + " was asked for, but batch "
                        + batch.step() + " of epoch " + batch.epoch() + " is next");
            }
            int size = batch.size();
            int width = encoder.width();
            FloatBuffer to = views == 1 ? features : ofViews;
            encoder.compute(batch.views(), clips, to, views * size);
            for (int i = 0; i < size; i++) {
                labels[i] = classOf[batch.labels()[i]];
                if (views > 1) {
                    mean(i, size, width);
                    features.put(i * width, sum);
                }
            }
        } finally {
            batch.release();
        }
    }

    private void mean(int sample, int size, int width) {
        Arrays.fill(sum, 0);
        for (int v = 0; v < views; v++) {
            ofViews.get((v * size + sample) * width, row);
            for (int d = 0; d < width; d++) {
                sum[d] += row[d] / views;
            }
        }
    }

    @Override
    public void close() {
        loader.close();
    }
}
