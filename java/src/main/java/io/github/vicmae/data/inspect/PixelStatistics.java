package io.github.vicmae.data.inspect;

import io.github.vicmae.data.image.Image;

/** Mean and standard deviation of pixels from 0 to 1, by channel; each picture counts alike, whatever its size. Safe for use by several threads. */
public final class PixelStatistics {
    private static final int CHANNELS = 3;
    private static final double WHITE = 255;

    private final double[] sum = new double[CHANNELS];
    private final double[] squares = new double[CHANNELS];
    private long pictures;

    /** Adds an RGB picture. */
    void add(Image image) {
        byte[] pixels = image.pixels();
        long[] sums = new long[CHANNELS];
        long[] squareSums = new long[CHANNELS];
        for (int i = 0; i < pixels.length; i++) {
            int value = pixels[i] & 0xFF;
            sums[i % CHANNELS] += value;
            squareSums[i % CHANNELS] += (long) value * value;
        }
        double count = (double) image.width() * image.height();
        synchronized (this) {
            pictures++;
            for (int c = 0; c < CHANNELS; c++) {
                sum[c] += sums[c] / count / WHITE;
                squares[c] += squareSums[c] / count / (WHITE * WHITE);
            }
        }
    }

    /** Pictures that were added. */
    public synchronized long pictures() {
        return pictures;
    }

    /** [3]; NaN before the first picture. */
    public synchronized double[] mean() {
        double[] mean = new double[CHANNELS];
        for (int c = 0; c < CHANNELS; c++) {
            mean[c] = sum[c] / pictures;
        }
        return mean;
    }

    /** [3]; NaN before the first picture. */
    public synchronized double[] deviation() {
        double[] deviation = new double[CHANNELS];
        for (int c = 0; c < CHANNELS; c++) {
            double mean = sum[c] / pictures;
            deviation[c] = Math.sqrt(Math.max(0, squares[c] / pictures - mean * mean));
        }
        return deviation;
    }
}
