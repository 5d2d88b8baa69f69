package io.github.vicmae.data.view;

import java.util.Arrays;

/**
 * A picture in levels 0 to 255, one plane for each channel, and the operations of RandAugment on it. They are defined by Pillow, rounding
 * included, since the published augmentations were made with it: tables for single levels, blends towards a degenerate picture
 * (ImageEnhance), affine maps that fill what comes from outside with the mean colour.
 *
 * <p>Alpha, the last of two or four channels, is moved with the picture but is no colour. Not thread-safe: it keeps its buffers.
 */
final class LevelPlanes {
    private static final int LEVELS = 256;

    private final int channels;
    private final int colours;
    private final int height;
    private final int width;
    private final int pixels;
    private final byte[] fill;
    private byte[] levels;
    private byte[] other;
    private final byte[] table = new byte[LEVELS];
    private final int[] histogram = new int[LEVELS];

    /** @param mean of each channel in [0, 1]: the colour of what lies outside of the picture */
    LevelPlanes(int channels, int height, int width, float[] mean) {
        this.channels = channels;
        this.height = height;
        this.width = width;
        colours = channels - (channels % 2 == 0 ? 1 : 0);
        pixels = height * width;
        levels = new byte[channels * pixels];
        other = new byte[levels.length];
        fill = new byte[channels];
        for (int c = 0; c < channels; c++) {
            fill[c] = (byte) Math.max(0, Math.min(255, Math.round(255 * mean[c])));
        }
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    /** Takes a picture of values in [0, 1], rounded to levels. */
    void load(float[] planes) {
        for (int i = 0; i < levels.length; i++) {
            levels[i] = (byte) (int) (planes[i] * 255f + 0.5f);
        }
    }

    /** Writes the picture as values in [0, 1]. */
    void store(float[] planes) {
        for (int i = 0; i < levels.length; i++) {
            planes[i] = (levels[i] & 0xFF) / 255f;
        }
    }

    /** The level at a place. */
    int get(int channel, int y, int x) {
        return levels[channel * pixels + y * width + x] & 0xFF;
    }

    /** Stretches the levels of each colour to 0 to 255. */
    void autoContrast() {
        for (int c = 0; c < colours; c++) {
            count(c);
            int low = 0;
            while (histogram[low] == 0) {
                low++;
            }
            int high = LEVELS - 1;
            while (histogram[high] == 0) {
                high--;
            }
            if (high > low) {
                double scale = 255.0 / (high - low);
                for (int i = 0; i < LEVELS; i++) {
                    table[i] = (byte) clip((int) (i * scale - low * scale));
                }
                look(c);
            }
        }
    }

    /** Makes the levels of each colour equally frequent. */
    void equalize() {
        for (int c = 0; c < colours; c++) {
            count(c);
            int last = 0;
            for (int i = 0; i < LEVELS; i++) {
                last = histogram[i] > 0 ? histogram[i] : last;
            }
            int step = (pixels - last) / 255;
            if (step > 0) {
                int below = step / 2;
                for (int i = 0; i < LEVELS; i++) {
                    table[i] = (byte) clip(below / step);
                    below += histogram[i];
                }
                look(c);
            }
        }
    }

    /** Keeps the upper bits of the colours, 0 to 8 of them. */
    void posterize(int bits) {
        int mask = -1 << 8 - bits;
        for (int i = 0; i < LEVELS; i++) {
            table[i] = (byte) (i & mask);
        }
        lookAll();
    }

    /** Inverts the levels from the threshold on: 0 inverts all, 256 none. */
    void solarize(int threshold) {
        for (int i = 0; i < LEVELS; i++) {
            table[i] = (byte) (i < threshold ? i : 255 - i);
        }
        lookAll();
    }

    /** Adds to the levels below 128. */
    void solarizeAdd(int amount) {
        for (int i = 0; i < LEVELS; i++) {
            table[i] = (byte) (i < 128 ? Math.min(255, i + amount) : i);
        }
        lookAll();
    }

    /** Blends with the picture's luma: factor 0 gives gray, 1 changes nothing. It needs three colours, and leaves others alone. */
    void color(float factor) {
        if (colours == 3) {
            for (int i = 0; i < pixels; i++) {
                int gray = luma(i);
                for (int at = i; at < 3 * pixels; at += pixels) {
                    levels[at] = (byte) blend(gray, levels[at] & 0xFF, factor);
                }
            }
        }
    }

    /** Blends with the mean luma. */
    void contrast(float factor) {
        long sum = 0;
        for (int i = 0; i < pixels; i++) {
            sum += luma(i);
        }
        blendWith((int) ((double) sum / pixels + 0.5), factor);
    }

    /** Blends with black. */
    void brightness(float factor) {
        blendWith(0, factor);
    }

    /** Blends with the picture smoothed by 3 x 3 weights, five in the middle and one around it; the border stays as it is. */
    void sharpness(float factor) {
        System.arraycopy(levels, 0, other, 0, levels.length);
        for (int c = 0; c < colours; c++) {
            for (int y = 1; y < height - 1; y++) {
                int from = c * pixels + y * width;
                for (int i = from + 1; i < from + width - 1; i++) {
                    int sum = 5 * (levels[i] & 0xFF) + (levels[i - 1] & 0xFF) + (levels[i + 1] & 0xFF);
                    for (int row = i - width; row <= i + width; row += 2 * width) {
                        sum += (levels[row - 1] & 0xFF) + (levels[row] & 0xFF) + (levels[row + 1] & 0xFF);
                    }
                    other[i] = (byte) blend((2 * sum + 13) / 26, levels[i] & 0xFF, factor);
                }
            }
        }
        swap();
    }

    /** Rotates around the centre, counter-clockwise for positive degrees. */
    void rotate(double degrees, Resize.Filter filter) {
        double angle = -Math.toRadians(degrees);
        double cos = Math.cos(angle);
        double sin = Math.sin(angle);
        double x = width / 2.0;
        double y = height / 2.0;
        affine(cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y, filter);
    }

    /**
     * Moves pixels: what is seen at (x, y) comes from (a x + b y + c, d x + e y + f), both counted from the picture's corner, with pixels'
     * centres at halves. Bicubic is the one of Pillow's transforms, a = -1, which is not that of its resizing.
     */
    void affine(double a, double b, double c, double d, double e, double f, Resize.Filter filter) {
        boolean cubic = filter == Resize.Filter.BICUBIC;
        int taps = cubic ? 4 : 2;
        int[] columns = new int[taps];
        int[] rows = new int[taps];
        double[] lines = new double[taps];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                double u = a * (x + 0.5) + b * (y + 0.5) + c;
                double v = d * (x + 0.5) + e * (y + 0.5) + f;
                int to = y * width + x;
                if (!(u >= 0 && u < width && v >= 0 && v < height)) {
                    for (int p = 0; p < channels; p++) {
                        other[p * pixels + to] = fill[p];
                    }
                    continue;
                }
                double across = around(u - 0.5, width, 1, columns);
                double down = around(v - 0.5, height, width, rows);
                for (int p = 0; p < channels; p++) {
                    for (int k = 0; k < taps; k++) {
                        lines[k] = line(p * pixels + rows[k], columns, across, cubic);
                    }
                    double level = cubic
                            ? cubic(lines[0], lines[1], lines[2], lines[3], down)
                            : lines[0] + down * (lines[1] - lines[0]);
                    other[p * pixels + to] = (byte) clip((int) level); // fractions are dropped, as Pillow does
                }
            }
        }
        swap();
    }

    /**
     * Writes the offsets of the pixels around a place on one axis; those outside are the ones at the border.
     *
     * @return how far the place lies from the last pixel before it, in [0, 1)
     */
    private static double around(double place, int size, int stride, int[] offsets) {
        double before = Math.floor(place);
        int first = (int) before - (offsets.length == 4 ? 1 : 0);
        for (int k = 0; k < offsets.length; k++) {
            offsets[k] = Math.max(0, Math.min(size - 1, first + k)) * stride;
        }
        return place - before;
    }

    private double line(int row, int[] columns, double t, boolean cubic) {
        double first = levels[row + columns[0]] & 0xFF;
        double second = levels[row + columns[1]] & 0xFF;
        return cubic
                ? cubic(first, second, levels[row + columns[2]] & 0xFF, levels[row + columns[3]] & 0xFF, t)
                : first + t * (second - first);
    }

    /** The cubic through the middle two of four values whose slopes there are the differences of their neighbours. */
    private static double cubic(double before, double from, double to, double after, double t) {
        double slope = to - before;
        double second = 2 * (before - from) + to - after;
        double third = from - before + after - to;
        return from + t * (slope + t * (second + t * third));
    }

    private void swap() {
        byte[] result = other;
        other = levels;
        levels = result;
    }

    private void blendWith(int degenerate, float factor) {
        for (int i = 0; i < LEVELS; i++) {
            table[i] = (byte) blend(degenerate, i, factor);
        }
        lookAll();
    }

    private static int blend(int degenerate, int level, float factor) {
        return clip((int) (degenerate + factor * (level - degenerate)));
    }

    private static int clip(int level) {
        return Math.max(0, Math.min(255, level));
    }

    /** ITU-R 601 in fixed point. */
    private int luma(int i) {
        if (colours < 3) {
            return levels[i] & 0xFF;
        }
        int red = levels[i] & 0xFF;
        int green = levels[pixels + i] & 0xFF;
        int blue = levels[2 * pixels + i] & 0xFF;
        return 19595 * red + 38470 * green + 7471 * blue + 0x8000 >> 16;
    }

    private void count(int channel) {
        Arrays.fill(histogram, 0);
        for (int i = channel * pixels; i < (channel + 1) * pixels; i++) {
            histogram[levels[i] & 0xFF]++;
        }
    }

    private void look(int channel) {
        for (int i = channel * pixels; i < (channel + 1) * pixels; i++) {
            levels[i] = table[levels[i] & 0xFF];
        }
    }

    private void lookAll() {
        for (int c = 0; c < colours; c++) {
            look(c);
        }
    }
}
