package io.github.vicmae.kernel.oracle;

/** The naive form of the masked reconstruction loss in double precision. */
public final class MaskedMseOracle {
    private final int views;
    private final int samples;
    private final int channels;
    private final int height;
    private final int width;
    private final int patch;
    private final int kept;
    private final boolean normPix;

    public MaskedMseOracle(
            int views, int samples, int channels, int height, int width, int patch, int kept, boolean normPix) {
        this.views = views;
        this.samples = samples;
        this.channels = channels;
        this.height = height;
        this.width = width;
        this.patch = patch;
        this.kept = kept;
        this.normPix = normPix;
    }

    /** Each view's loss; adds {@code weight} times the gradient of their mean to dpred [samples, 1 + patches, pixels]. */
    public double[] loss(double[] dpred, double[] pred, double[] images, int[] restore, double weight) {
        int patches = height / patch * (width / patch);
        int pixels = patch * patch * channels;
        int perView = samples / views;
        double[] loss = new double[views];
        int[] masked = new int[views];
        for (int n = 0; n < samples; n++) {
            for (int l = 0; l < patches; l++) {
                masked[n / perView] += restore[n * patches + l] >= kept ? 1 : 0;
            }
        }
        for (int n = 0; n < samples; n++) {
            int view = n / perView;
            for (int l = 0; l < patches; l++) {
                if (restore[n * patches + l] < kept) {
                    continue;
                }
                double[] target = target(images, n, l);
                for (int i = 0; i < pixels; i++) {
                    int at = (n * (1 + patches) + 1 + l) * pixels + i;
                    double difference = pred[at] - target[i];
                    loss[view] += difference * difference / pixels / masked[view];
                    dpred[at] += weight / views * 2 * difference / pixels / masked[view];
                }
            }
        }
        return loss;
    }

    private double[] target(double[] images, int n, int l) {
        int across = width / patch;
        double[] target = new double[patch * patch * channels];
        double mean = 0;
        for (int row = 0; row < patch; row++) {
            for (int column = 0; column < patch; column++) {
                for (int channel = 0; channel < channels; channel++) {
                    int y = l / across * patch + row;
                    int x = l % across * patch + column;
                    double pixel = images[((n * channels + channel) * height + y) * width + x];
                    target[(row * patch + column) * channels + channel] = pixel;
                    mean += pixel / target.length;
                }
            }
        }
        if (normPix) {
            double var = 0;
            for (double t : target) {
                var += (t - mean) * (t - mean) / (target.length - 1);
            }
            for (int i = 0; i < target.length; i++) {
                target[i] = (target[i] - mean) / Math.sqrt(var + 1e-6);
            }
        }
        return target;
    }
}
