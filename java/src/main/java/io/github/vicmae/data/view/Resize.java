package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import java.util.Arrays;

/**
 * Resizes a box of an image to planes of floats in [0, 1], with a filter that is widened when shrinking to avoid aliasing (as in Pillow
 * and torchvision's antialias; pixels outside the box do not count). Bicubic uses a = -0.5. Not thread-safe, since it keeps work buffers.
 */
final class Resize {
    /** The filters; the support is in source pixels where nothing is shrunk. */
    enum Filter {
        BILINEAR(1),
        BICUBIC(2);

        private final double support;

        Filter(double support) {
            this.support = support;
        }

        double weight(double x) {
            double t = Math.abs(x);
            if (this == BILINEAR) {
                return Math.max(0, 1 - t);
            }
            if (t < 1) {
                return (1.5 * t - 2.5) * t * t + 1;
            }
            return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
        }
    }

    /** For every output position, the first source position and the normalised weights from there on. */
    private static final class Taps {
        private int[] first = new int[0];
        private int[] count = new int[0];
        private float[] weights = new float[0];
        private int stride;

        /**
         * @param start of the box, in pixels of the whole picture, as is its {@code length}
         * @param reduction pixels of the whole picture to one of the source; positions are counted from the first one that the box touches
         */
        void set(int start, int length, int reduction, int out, Filter filter) {
            int in = touched(start, length, reduction);
            double begin = (double) (start % reduction) / reduction;
            double end = begin + (double) length / reduction;
            double scale = (double) length / reduction / out;
            double stretch = Math.max(1, scale);
            double support = filter.support * stretch;
            stride = 2 * (int) Math.ceil(support) + 1;
            if (first.length < out) {
                first = new int[out];
                count = new int[out];
            }
            if (weights.length < out * stride) {
                weights = new float[out * stride];
            }
            for (int i = 0; i < out; i++) {
                double centre = begin + (i + 0.5) * scale;
                int from = Math.max(0, (int) (centre - support + 0.5));
                int to = Math.min(in, (int) (centre + support + 0.5));
                double sum = 0;
                for (int k = from; k < to; k++) {
                    double inside = Math.min(k + 1, end) - Math.max(k, begin);
                    double weight = inside * filter.weight((k + 0.5 - centre) / stretch);
                    weights[i * stride + k - from] = (float) weight;
                    sum += weight;
                }
                for (int k = 0; k < to - from; k++) {
                    weights[i * stride + k] /= (float) sum;
                }
                first[i] = from;
                count[i] = to - from;
            }
        }
    }

    /** Source pixels of which the box has at least a part. */
    private static int touched(int start, int length, int reduction) {
        return (start + length + reduction - 1) / reduction - start / reduction;
    }

    private final Taps vertical = new Taps();
    private final Taps horizontal = new Taps();
    /** Source rows as floats, in a ring buffer as long as the vertical filter. */
    private float[] ring = new float[0];

    private float[] row = new float[0];

    /** Resizes a box of a picture at its own size. */
    void apply(Image image, CropBox box, boolean flip, Filter filter, float[] out, int height, int width) {
        apply(ReducedImage.of(image), box, flip, filter, out, height, width);
    }

    /**
     * @param box in pixels of the whole picture; of a reduced one its edges may lie within pixels, which then count by their share
     * @param flip whether the result is mirrored left to right
     * @param out receives channels x height x width values from 0 on
     */
    void apply(ReducedImage picture, CropBox box, boolean flip, Filter filter, float[] out, int height, int width) {
        Image image = picture.image();
        int reduction = picture.reduction();
        int channels = image.channels();
        int left = box.x() / reduction;
        int top = box.y() / reduction;
        int length = touched(box.x(), box.width(), reduction) * channels;
        vertical.set(box.y(), box.height(), reduction, height, filter);
        horizontal.set(box.x(), box.width(), reduction, width, filter);
        int slots = vertical.stride;
        if (ring.length < slots * length) {
            ring = new float[slots * length];
        }
        if (row.length < length) {
            row = new float[length];
        }
        int loaded = 0;
        for (int y = 0; y < height; y++) {
            int first = vertical.first[y];
            int end = first + vertical.count[y];
            for (loaded = Math.max(loaded, first); loaded < end; loaded++) {
                int from = ((top + loaded) * image.width() + left) * channels;
                load(image.pixels(), from, ring, loaded % slots * length, length);
            }
            Arrays.fill(row, 0, length, 0f);
            for (int k = 0; k < vertical.count[y]; k++) {
                add(ring, (first + k) % slots * length, vertical.weights[y * vertical.stride + k] / 255f, row, length);
            }
            for (int c = 0; c < channels; c++) {
                shrinkRow(c, channels, flip, out, (c * height + y) * width, width);
            }
        }
    }

    private static void load(byte[] in, int from, float[] out, int to, int count) {
        for (int i = 0; i < count; i++) {
            out[to + i] = in[from + i] & 0xFF;
        }
    }

    private static void add(float[] in, int from, float weight, float[] out, int count) {
        for (int i = 0; i < count; i++) {
            out[i] += weight * in[from + i];
        }
    }

    private void shrinkRow(int channel, int channels, boolean flip, float[] out, int to, int width) {
        for (int x = 0; x < width; x++) {
            int at = horizontal.first[x] * channels + channel;
            int tap = x * horizontal.stride;
            float sum = 0;
            for (int k = 0; k < horizontal.count[x]; k++, at += channels) {
                sum += horizontal.weights[tap + k] * row[at];
            }
            out[to + (flip ? width - 1 - x : x)] = sum < 0 ? 0 : sum > 1 ? 1 : sum;
        }
    }
}
