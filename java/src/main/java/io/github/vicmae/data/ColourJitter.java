package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;

/**
 * Random changes of brightness, contrast, saturation and hue, in random order, as torchvision's ColorJitter makes them.
 *
 * <p>The factors of the first three are uniform in [max(0, 1 - s), 1 + s], the turn of the hue in [-s, s] of the whole circle.
 */
public record ColourJitter(float brightness, float contrast, float saturation, float hue) {
    /** The strengths of both presets. */
    public static final ColourJitter DEFAULT = new ColourJitter(0.4f, 0.4f, 0.2f, 0.1f);

    private static final int[][] ORDERS = orders();

    public ColourJitter {
        if (!(brightness >= 0 && contrast >= 0 && saturation >= 0) || !(hue >= 0 && hue <= 0.5f)) {
            throw new IllegalArgumentException(
                    "The colour jitter's strengths must not be negative and its hue at most 0.5, not " + brightness
                            + ", " + contrast + ", " + saturation + ", " + hue + ".");
        }
    }

    private static int[][] orders() {
        int[][] orders = new int[24][];
        int count = 0;
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 4; b++) {
                for (int c = 0; c < 4; c++) {
                    if (a != b && a != c && b != c) {
                        orders[count++] = new int[] {a, b, c, 6 - a - b - c};
                    }
                }
            }
        }
        return orders;
    }

    /**
     * Changes a view in place.
     *
     * @param rgb three planes of {@code pixels} values in [0, 1]
     */
    void apply(Philox random, float[] rgb, int pixels) {
        int[] order = ORDERS[random.nextInt(ORDERS.length)];
        float brightnessFactor = factor(random, brightness);
        float contrastFactor = factor(random, contrast);
        float saturationFactor = factor(random, saturation);
        float turn = random.nextFloat(-hue, hue);
        for (int operation : order) {
            switch (operation) {
                case 0 -> Colour.brightness(rgb, pixels, brightnessFactor);
                case 1 -> Colour.contrast(rgb, pixels, contrastFactor);
                case 2 -> Colour.saturation(rgb, pixels, saturationFactor);
                default -> Colour.hue(rgb, pixels, turn);
            }
        }
    }

    private static float factor(Philox random, float strength) {
        return random.nextFloat(Math.max(0, 1 - strength), 1 + strength);
    }
}
