package io.github.vicmae.data.view;

import io.github.vicmae.kernel.Philox;

/**
 * Random changes of brightness, contrast, saturation and hue, in random order, as torchvision's ColorJitter makes them.
 *
 * <p>The factors of the first three are uniform in [max(0, 1 - s), 1 + s], the rotation of the hue in [-s, s] as a fraction of the circle.
 */
public record ColourJitter(float brightness, float contrast, float saturation, float hue) {
    /** The strengths of both presets. */
    public static final ColourJitter DEFAULT = new ColourJitter(0.4f, 0.4f, 0.2f, 0.1f);

    private static final int[][] ORDERS = orders();

    /**
     * The random factors of one view.
     *
     * @param order index of the operations' order among all 24
     * @param turn rotation of the hue as a fraction of the circle
     */
    record Factors(int order, float brightness, float contrast, float saturation, float turn) {
        /**
         * Changes a view in place.
         *
         * @param rgb three planes of {@code pixels} values in [0, 1]
         */
        void apply(float[] rgb, int pixels) {
            for (int operation : ORDERS[order]) {
                switch (operation) {
                    case 0 -> Colour.brightness(rgb, pixels, brightness);
                    case 1 -> Colour.contrast(rgb, pixels, contrast);
                    case 2 -> Colour.saturation(rgb, pixels, saturation);
                    default -> Colour.hue(rgb, pixels, turn);
                }
            }
        }

        /** The four operations (0 brightness, 1 contrast, 2 saturation, 3 hue), two bits each, the first one in the lowest. */
        int packedOrder() {
            int[] operations = ORDERS[order];
            return operations[0] | operations[1] << 2 | operations[2] << 4 | operations[3] << 6;
        }
    }

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

    /** Draws the order, the factors and the turn. */
    Factors draw(Philox random) {
        int order = random.nextInt(ORDERS.length);
        float brightnessFactor = factor(random, brightness);
        float contrastFactor = factor(random, contrast);
        float saturationFactor = factor(random, saturation);
        return new Factors(order, brightnessFactor, contrastFactor, saturationFactor, random.nextFloat(-hue, hue));
    }

    private static float factor(Philox random, float strength) {
        return random.nextFloat(Math.max(0, 1 - strength), 1 + strength);
    }
}
