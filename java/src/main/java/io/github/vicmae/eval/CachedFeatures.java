package io.github.vicmae.eval;

import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;

/** Features that were computed once, in an order of their own each epoch. */
final class CachedFeatures implements FeatureBatches {
    /** Of an epoch's order; no draw of the data has this kind. */
    private static final int PURPOSE = 0x4F524450; // "ORDP"

    private final float[][] features;
    private final int[] labels;
    private final int batch;
    private final long seed;
    private int[] order;
    private int orderOf = -1;

    /**
     * @param features [n][D]
     * @param labels [n], class numbers
     * @param batch samples of a batch, at most n
     */
    CachedFeatures(float[][] features, int[] labels, int batch, long seed) {
        if (batch > features.length || labels.length != features.length) {
            throw new IllegalArgumentException("Batches of " + batch + " samples cannot be made of " + features.length
                    + " feature vectors and " + labels.length + " labels");
        }
        this.features = features;
        this.labels = labels;
        this.batch = batch;
        this.seed = seed;
    }

    @Override
    public int stepsPerEpoch() {
        return features.length / batch;
    }

    @Override
    public void next(int epoch, int step, FloatBuffer to, int[] toLabels) {
        if (orderOf != epoch) {
            order = order(features.length, new Philox(seed, epoch, 0, PURPOSE));
            orderOf = epoch;
        }
        int width = features[0].length;
        for (int i = 0; i < batch; i++) {
            int sample = order[step * batch + i];
            to.put(i * width, features[sample]);
            toLabels[i] = labels[sample];
        }
    }

    /** A random permutation (Fisher and Yates). */
    static int[] order(int count, Philox random) {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    @Override
    public void close() {}
}
