package io.github.vicmae.eval;

import java.nio.FloatBuffer;
import java.util.List;

/** The mean over the feature vectors of a sample's views, for several kinds of features at once. */
final class FeatureMeans {
    private final int[] widths;
    private final int views;
    private float[][] sums;

    /**
     * @param widths values of a vector of each kind
     * @param views of a video
     */
    FeatureMeans(int[] widths, int views) {
        this.widths = widths;
        this.views = views;
        clear();
    }

    private void clear() {
        sums = new float[widths.length][];
        for (int k = 0; k < widths.length; k++) {
            sums[k] = new float[widths[k]];
        }
    }

    /**
     * Adds the vectors of a view.
     *
     * @param rows of each kind, [any][width]
     * @param row which of them
     * @param isWhole whether it is the sample's only view, and stands for as many as a video has; the mean of equal vectors is rounded as any other
     */
    void add(List<FloatBuffer> rows, int row, boolean isWhole) {
        for (int k = 0; k < widths.length; k++) {
            add(sums[k], rows.get(k), row * widths[k], views, isWhole ? views : 1);
        }
    }

    /** Adds a share of the vector at {@code offset} so many times. */
    static void add(float[] sum, FloatBuffer values, int offset, int views, int times) {
        for (int d = 0; d < sum.length; d++) {
            float part = values.get(offset + d) / views;
            for (int i = 0; i < times; i++) {
                sum[d] += part;
            }
        }
    }

    /** The means, one vector of each kind; begins with the next sample. */
    float[][] take() {
        float[][] done = sums;
        clear();
        return done;
    }
}
