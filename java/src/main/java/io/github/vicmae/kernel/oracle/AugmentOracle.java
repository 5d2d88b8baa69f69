package io.github.vicmae.kernel.oracle;

/** A random view by its definition, in double precision: every output value from the whole crop, every blurred one from the whole kernel. */
public final class AugmentOracle {
    private static final double[] LUMA = {0.299, 0.587, 0.114};

    private AugmentOracle() {}

    private static double filter(double x, boolean bicubic) {
        double t = Math.abs(x);
        if (!bicubic) {
            return Math.max(0, 1 - t);
        }
        double a = -0.5; // Keys 1981
        if (t <= 1) {
            return (a + 2) * t * t * t - (a + 3) * t * t + 1;
        }
        return t < 2 ? a * (t * t * t - 5 * t * t + 8 * t - 4) : 0;
    }

    private static double[] weights(int at, int in, int out, boolean bicubic) {
        double scale = (double) in / out;
        double[] weights = new double[in];
        double sum = 0;
        for (int k = 0; k < in; k++) {
            weights[k] = filter((k + 0.5 - (at + 0.5) * scale) / Math.max(1, scale), bicubic);
            sum += weights[k];
        }
        for (int k = 0; k < in; k++) {
            weights[k] /= sum;
        }
        return weights;
    }

    /** The crop, [rows, columns, channels] bytes, as [channels, height, width] in [0, 1]. */
    public static double[] resize(
            byte[] crop, int rows, int columns, int channels, int height, int width, boolean bicubic, boolean flip) {
        double[] out = new double[channels * height * width];
        for (int y = 0; y < height; y++) {
            double[] down = weights(y, rows, height, bicubic);
            for (int x = 0; x < width; x++) {
                double[] across = weights(x, columns, width, bicubic);
                for (int c = 0; c < channels; c++) {
                    double sum = 0;
                    for (int v = 0; v < rows; v++) {
                        for (int u = 0; u < columns && down[v] != 0; u++) {
                            sum += down[v] * across[u] * (crop[(v * columns + u) * channels + c] & 0xFF) / 255;
                        }
                    }
                    out[(c * height + y) * width + (flip ? width - 1 - x : x)] = clamp(sum);
                }
            }
        }
        return out;
    }

    private static double clamp(double v) {
        return Math.max(0, Math.min(1, v));
    }

    private static double luma(double[] rgb) {
        return LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2];
    }

    private static double[] pixel(double[] planes, int at) {
        int size = planes.length / 3;
        return new double[] {planes[at], planes[size + at], planes[2 * size + at]};
    }

    /**
     * One operation of torchvision's ColorJitter on three planes, in place.
     *
     * @param operation 0 brightness, 1 contrast, 2 saturation, 3 hue
     * @param factor of the first three; of the hue the share of the circle
     */
    public static void jitter(double[] planes, int operation, double factor) {
        int size = planes.length / 3;
        double mean = 0;
        for (int i = 0; i < size; i++) {
            mean += luma(pixel(planes, i)) / size;
        }
        for (int i = 0; i < size; i++) {
            double[] rgb = pixel(planes, i);
            double other = operation == 0 ? 0 : operation == 1 ? mean : luma(rgb);
            double[] turned = operation == 3 ? turn(rgb, factor) : null;
            for (int c = 0; c < 3; c++) {
                planes[c * size + i] = turned != null ? turned[c] : clamp(factor * rgb[c] + (1 - factor) * other);
            }
        }
    }

    /** To hue, saturation and value, and back with another hue. */
    private static double[] turn(double[] rgb, double turn) {
        double max = Math.max(rgb[0], Math.max(rgb[1], rgb[2]));
        double chroma = max - Math.min(rgb[0], Math.min(rgb[1], rgb[2]));
        if (chroma == 0) {
            return rgb;
        }
        double hue = max == rgb[0]
                ? (rgb[1] - rgb[2]) / chroma
                : max == rgb[1] ? 2 + (rgb[2] - rgb[0]) / chroma : 4 + (rgb[0] - rgb[1]) / chroma;
        double sector = hue + 6 * turn;
        sector -= 6 * Math.floor(sector / 6);
        int s = (int) sector;
        double f = sector - s;
        double p = max - chroma;
        double q = max - chroma * f;
        double t = max - chroma * (1 - f);
        return switch (s) {
            case 0 -> new double[] {max, t, p};
            case 1 -> new double[] {q, max, p};
            case 2 -> new double[] {p, max, t};
            case 3 -> new double[] {p, q, max};
            case 4 -> new double[] {t, p, max};
            default -> new double[] {max, p, q};
        };
    }

    /** Three planes become their luma, in place. */
    public static void gray(double[] planes) {
        int size = planes.length / 3;
        for (int i = 0; i < size; i++) {
            double value = luma(pixel(planes, i));
            planes[i] = value;
            planes[size + i] = value;
            planes[2 * size + i] = value;
        }
    }

    /** The first {@code count} planes blurred, each by one sum over two dimensions. */
    public static double[] blur(double[] planes, int count, int height, int width, double sigma) {
        int radius = Math.max(1, (int) Math.ceil(3 * sigma));
        double[] gauss = new double[radius + 1];
        double sum = 0;
        for (int i = 0; i <= radius; i++) {
            gauss[i] = Math.exp(-0.5 * i * i / (sigma * sigma));
            sum += (i == 0 ? 1 : 2) * gauss[i];
        }
        double[] out = planes.clone();
        for (int at = 0; at < count * height * width; at++) {
            int plane = at / (height * width) * height * width;
            int y = at / width % height;
            int x = at % width;
            double value = 0;
            for (int dy = -radius; dy <= radius; dy++) {
                for (int dx = -radius; dx <= radius; dx++) {
                    value += gauss[Math.abs(dy)]
                            * gauss[Math.abs(dx)]
                            * planes[plane + mirror(y + dy, height) * width + mirror(x + dx, width)];
                }
            }
            out[at] = value / (sum * sum);
        }
        return out;
    }

    /** Steps back and forth between the edges, each of whose pixels counts twice. */
    private static int mirror(int at, int size) {
        int place = at;
        while (place < 0 || place >= size) {
            place = place < 0 ? -1 - place : 2 * size - 1 - place;
        }
        return place;
    }
}
