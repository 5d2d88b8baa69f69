package io.github.vicmae.kernel.augment;

import java.nio.IntBuffer;

/**
 * Rows of the table that tells {@link AugmentKernels} what to make of each view (cuda/augment.cuh): {@link #WORDS} 32-bit words a view, floats
 * by their bits. A view's row starts with {@link #crop} or {@link #resized}; operations omitted after that are skipped.
 */
public final class AugmentDraws {
    /** Words of a row. */
    public static final int WORDS = 11;

    /** Bytes at whose multiples views and rows of crops begin. */
    public static final int ALIGNMENT = Integer.BYTES;

    private static final int OFFSET = 0;
    private static final int WIDTH = 1;
    private static final int HEIGHT = 2;
    private static final int PITCH = 3;
    private static final int FLAGS = 4;
    private static final int ORDER = 5;
    private static final int FACTORS = 6;
    private static final int SIGMA = 10;

    private static final int FLIP = 1;
    private static final int RESIZED = 2;
    private static final int JITTER = 4;
    private static final int GRAY = 8;
    private static final int SOLARIZE = 16;

    private AugmentDraws() {}

    /**
     * Begins the row of a view that is made from a crop of interleaved bytes.
     *
     * @param offset byte of the frames' memory where the crop begins, a multiple of {@link #ALIGNMENT}
     * @param width columns of the crop
     * @param height rows of the crop
     * @param channels bytes of a pixel; a row takes {@link #pitch} bytes
     * @param flip whether the view is mirrored left to right
     */
    public static void crop(IntBuffer draws, int view, int offset, int width, int height, int channels, boolean flip) {
        begin(draws, view, offset);
        put(draws, view, WIDTH, width);
        put(draws, view, HEIGHT, height);
        put(draws, view, PITCH, pitch(width, channels) / Integer.BYTES);
        set(draws, view, FLIP, flip);
    }

    /** Bytes from one row of a crop to the next. */
    public static int pitch(int width, int channels) {
        return (width * channels + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Begins the row of a view that is resized and mirrored already.
     *
     * @param offset byte of the frames' memory where its floats [channels, height, width] in [0, 1] begin, a multiple of {@link #ALIGNMENT}
     */
    public static void resized(IntBuffer draws, int view, int offset) {
        begin(draws, view, offset);
        set(draws, view, RESIZED, true);
    }

    /**
     * Has the view's colours jittered, which is for three channels alone.
     *
     * @param order the four operations (0 brightness, 1 contrast, 2 saturation, 3 hue), two bits each, the first one in the lowest
     * @param turn share of the circle that the hue is turned by
     */
    public static void jitter(
            IntBuffer draws, int view, int order, float brightness, float contrast, float saturation, float turn) {
        set(draws, view, JITTER, true);
        put(draws, view, ORDER, order);
        put(draws, view, FACTORS, Float.floatToRawIntBits(brightness));
        put(draws, view, FACTORS + 1, Float.floatToRawIntBits(contrast));
        put(draws, view, FACTORS + 2, Float.floatToRawIntBits(saturation));
        put(draws, view, FACTORS + 3, Float.floatToRawIntBits(turn));
    }

    /**
     * Says what follows the jitter.
     *
     * @param gray whether the colours are replaced by their luma, which is for three channels alone
     * @param sigma deviation of the blur in pixels of the view, at most 100; 0 for none
     * @param solarize whether values from 128 / 255 on are inverted
     */
    public static void rest(IntBuffer draws, int view, boolean gray, float sigma, boolean solarize) {
        set(draws, view, GRAY, gray);
        set(draws, view, SOLARIZE, solarize);
        put(draws, view, SIGMA, Float.floatToRawIntBits(sigma));
    }

    private static void begin(IntBuffer draws, int view, int offset) {
        if (offset < 0 || offset % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "A view's bytes must begin at a multiple of " + ALIGNMENT + ", not at " + offset);
        }
        for (int i = 0; i < WORDS; i++) {
            put(draws, view, i, 0);
        }
        put(draws, view, OFFSET, offset / Integer.BYTES);
    }

    private static void set(IntBuffer draws, int view, int flag, boolean on) {
        int at = view * WORDS + FLAGS;
        draws.put(at, on ? draws.get(at) | flag : draws.get(at) & ~flag);
    }

    private static void put(IntBuffer draws, int view, int word, int value) {
        draws.put(view * WORDS + word, value);
    }
}
