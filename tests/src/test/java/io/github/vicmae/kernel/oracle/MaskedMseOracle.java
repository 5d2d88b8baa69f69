package io.github.vicmae.kernel.oracle;

/** The naive form of the masked reconstruction loss. */
public final class MaskedMseOracle {
    private MaskedMseOracle() {}

    /**
     * @param dpred written: gradient of weight times the mean over views
     * @return each view's loss
     */
    public static double[] lossAndGradient(
            double[] dpred,
            double[] pred,
            double[] images,
            int[] restore,
            int views,
            int samples,
            int channels,
            int height,
            int width,
            int patch,
            int kept,
            boolean normPix,
            double weight) {
        int patches = (height / patch) * (width / patch);
        int size = patch * patch * channels;
        double[] loss = new double[views];
        double masked = (double) (samples / views) * (patches - kept);
        for (int n = 0; n < samples; n++) {
            for (int l = 0; l < patches; l++) {
                if (restore[n * patches + l] < kept) {
                    continue;
                }
                double[] target = target(images, n, l, channels, height, width, patch, normPix);
                for (int i = 0; i < size; i++) {
                    int at = (n * (1 + patches) + 1 + l) * size + i;
                    double e = pred[at] - target[i];
                    loss[n / (samples / views)] += e * e / size / masked;
                    dpred[at] = weight / views * 2 * e / size / masked;
                }
            }
        }
        return loss;
    }

    private static double[] target(
            double[] images, int n, int l, int channels, int height, int width, int patch, boolean normPix) {
        int columns = width / patch;
        double[] t = new double[patch * patch * channels];
        int i = 0;
        for (int y = 0; y < patch; y++) {
            for (int x = 0; x < patch; x++) {
                for (int c = 0; c < channels; c++) {
                    int row = l / columns * patch + y;
                    int column = l % columns * patch + x;
                    t[i++] = images[((n * channels + c) * height + row) * width + column];
                }
            }
        }
        if (normPix) {
            double mean = 0;
            for (double v : t) {
                mean += v / t.length;
            }
            double var = 0;
            for (double v : t) {
                var += (v - mean) * (v - mean) / (t.length - 1);
            }
            for (i = 0; i < t.length; i++) {
                t[i] = (t[i] - mean) / Math.sqrt(var + 1e-6);
            }
        }
        return t;
    }
}
