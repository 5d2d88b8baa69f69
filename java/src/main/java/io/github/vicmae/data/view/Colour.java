package io.github.vicmae.data.view;

/**
 * Operations on the colours of a view: three planes of {@code pixels} values in [0, 1], red, green, blue, one after the other, changed in
 * place. Results are clamped to [0, 1]. The definitions are torchvision's.
 */
final class Colour {
    private Colour() {}

    private static float luma(float red, float green, float blue) {
        return 0.299f * red + 0.587f * green + 0.114f * blue;
    }

    private static float clamp(float value) {
        return value < 0 ? 0 : value > 1 ? 1 : value;
    }

    private static float max3(float a, float b, float c) {
        float max = a > b ? a : b;
        return max > c ? max : c;
    }

    private static float min3(float a, float b, float c) {
        float min = a < b ? a : b;
        return min < c ? min : c;
    }

    /** Multiplies every value. */
    static void brightness(float[] rgb, int pixels, float factor) {
        for (int i = 0; i < 3 * pixels; i++) {
            rgb[i] = clamp(rgb[i] * factor);
        }
    }

    /** Blends with the mean luma of the view: factor 0 gives that mean everywhere, 1 changes nothing. */
    static void contrast(float[] rgb, int pixels, float factor) {
        double sum = 0;
        for (int i = 0; i < pixels; i++) {
            sum += luma(rgb[i], rgb[pixels + i], rgb[2 * pixels + i]);
        }
        float rest = (1 - factor) * (float) (sum / pixels);
        for (int i = 0; i < 3 * pixels; i++) {
            rgb[i] = clamp(rgb[i] * factor + rest);
        }
    }

    /** Blends with the pixel's luma: factor 0 gives gray, 1 changes nothing. */
    static void saturation(float[] rgb, int pixels, float factor) {
        for (int r = 0, g = pixels, b = 2 * pixels; r < pixels; r++, g++, b++) {
            float rest = (1 - factor) * luma(rgb[r], rgb[g], rgb[b]);
            rgb[r] = clamp(rgb[r] * factor + rest);
            rgb[g] = clamp(rgb[g] * factor + rest);
            rgb[b] = clamp(rgb[b] * factor + rest);
        }
    }

    /** Replaces the colours by their luma, in all three planes. */
    static void gray(float[] rgb, int pixels) {
        for (int r = 0, g = pixels, b = 2 * pixels; r < pixels; r++, g++, b++) {
            float value = luma(rgb[r], rgb[g], rgb[b]);
            rgb[r] = value;
            rgb[g] = value;
            rgb[b] = value;
        }
    }

    /** Inverts every value of at least 128 / 255; any number of planes. */
    static void solarize(float[] planes, int values) {
        for (int i = 0; i < values; i++) {
            float value = planes[i];
            planes[i] = value >= 128f / 255f ? 1 - value : value;
        }
    }

    /** Rotates the hue by a fraction of the circle, in the HSV model. */
    static void hue(float[] rgb, int pixels, float turn) {
        for (int r = 0, g = pixels, b = 2 * pixels; r < pixels; r++, g++, b++) {
            float red = rgb[r];
            float green = rgb[g];
            float blue = rgb[b];
            float max = max3(red, green, blue);
            float min = min3(red, green, blue);
            float chroma = max - min;
            if (chroma <= 0) {
                continue;
            }
            float sector;
            if (max == red) {
                sector = (green - blue) / chroma;
            } else if (max == green) {
                sector = 2 + (blue - red) / chroma;
            } else {
                sector = 4 + (red - green) / chroma;
            }
            float turned = sector + 6 * turn;
            rgb[r] = channel(turned + 5, max, chroma);
            rgb[g] = channel(turned + 3, max, chroma);
            rgb[b] = channel(turned + 1, max, chroma);
        }
    }

    /** One channel of a colour by its place on the circle of six sectors: max - chroma * clamp(min(k, 4 - k)), k modulo 6. */
    private static float channel(float place, float max, float chroma) {
        float k = place - 6 * (float) Math.floor(place * (1f / 6f));
        return max - chroma * clamp(k < 2 ? k : 4 - k);
    }
}
