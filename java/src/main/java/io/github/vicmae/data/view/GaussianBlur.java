package io.github.vicmae.data.view;

/**
 * A separable Gaussian blur of planes of floats. The kernel extends to three standard deviations and is normalised; the picture is mirrored
 * at its edges, so that the mean of a plane stays as it is. Not thread-safe, since it keeps work buffers.
 */
final class GaussianBlur {
    private float[] kernel = new float[0];
    private float[] padded = new float[0];
    private float[] rows = new float[0];

    /**
     * Blurs in place.
     *
     * @param planes {@code count} planes of height times width
     * @param sigma deviation in pixels, positive
     */
    void apply(float[] planes, int count, int height, int width, float sigma) {
        int radius = Math.max(1, (int) Math.ceil(3 * sigma));
        setKernel(radius, sigma);
        if (rows.length < height * width) {
            rows = new float[height * width];
        }
        for (int c = 0; c < count; c++) {
            alongRows(planes, c * height * width, height, width, radius);
            alongColumns(planes, c * height * width, height, width, radius);
        }
    }

    private void setKernel(int radius, float sigma) {
        if (kernel.length < radius + 1) {
            kernel = new float[radius + 1];
        }
        double sum = 0;
        for (int i = 0; i <= radius; i++) {
            double weight = Math.exp(-0.5 * i * i / ((double) sigma * sigma));
            kernel[i] = (float) weight;
            sum += i == 0 ? weight : 2 * weight;
        }
        for (int i = 0; i <= radius; i++) {
            kernel[i] = (float) (kernel[i] / sum);
        }
    }

    /** The index to which a position outside [0, size) is mirrored; the edge pixel is repeated. */
    static int mirror(int at, int size) {
        int period = 2 * size;
        int place = Math.floorMod(at, period);
        return place < size ? place : period - 1 - place;
    }

    private void alongRows(float[] planes, int offset, int height, int width, int radius) {
        if (padded.length < width + 2 * radius) {
            padded = new float[width + 2 * radius];
        }
        for (int y = 0; y < height; y++) {
            int from = offset + y * width;
            System.arraycopy(planes, from, padded, radius, width);
            for (int i = 1; i <= radius; i++) {
                padded[radius - i] = planes[from + mirror(-i, width)];
                padded[radius + width - 1 + i] = planes[from + mirror(width - 1 + i, width)];
            }
            int to = y * width;
            for (int x = 0; x < width; x++) {
                rows[to + x] = kernel[0] * padded[radius + x];
            }
            for (int i = 1; i <= radius; i++) {
                addPair(padded, radius - i, radius + i, kernel[i], rows, to, width);
            }
        }
    }

    private void alongColumns(float[] planes, int offset, int height, int width, int radius) {
        for (int y = 0; y < height; y++) {
            int to = offset + y * width;
            for (int x = 0; x < width; x++) {
                planes[to + x] = kernel[0] * rows[y * width + x];
            }
            for (int i = 1; i <= radius; i++) {
                int above = mirror(y - i, height) * width;
                int below = mirror(y + i, height) * width;
                addPair(rows, above, below, kernel[i], planes, to, width);
            }
        }
    }

    private static void addPair(float[] in, int first, int second, float weight, float[] out, int to, int count) {
        for (int x = 0; x < count; x++) {
            out[to + x] += weight * (in[first + x] + in[second + x]);
        }
    }
}
