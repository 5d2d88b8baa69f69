package io.github.vicmae.kernel.oracle;

import io.github.vicmae.kernel.PatchGrid;

/** The naive form of the masked reconstruction loss in double precision. */
public final class MaskedMseOracle {
    private final PatchGrid grid;
    private final int views;
    private final int samples;
    private final int channels;
    private final int kept;
    private final int targetFrames;
    private final boolean byPatch;
    private final double[] deviation;
    private double lostDigits = 1;

    /** All frames, normalised by patch or not at all. */
    public MaskedMseOracle(PatchGrid grid, int views, int samples, int channels, int kept, boolean normPix) {
        this(grid, views, samples, channels, kept, grid.frames(), normPix, null);
    }

    /**
     * @param targetFrames frames that are reconstructed
     * @param byPatch whether targets are normalised by patch
     * @param deviation what each channel is multiplied with before targets are normalised by patch and channel; null if they are not
     */
    public MaskedMseOracle(
            PatchGrid grid,
            int views,
            int samples,
            int channels,
            int kept,
            int targetFrames,
            boolean byPatch,
            double[] deviation) {
        this.grid = grid;
        this.views = views;
        this.samples = samples;
        this.channels = channels;
        this.kept = kept;
        this.targetFrames = targetFrames;
        this.byPatch = byPatch;
        this.deviation = deviation;
    }

    /**
     * Each view's loss; adds {@code weight} times the gradient of their mean to dpred [samples, grid.tokens(), pixels].
     *
     * @param images [samples, channels, frames, height, width], or of one frame that is repeated
     */
    public double[] loss(double[] dpred, double[] pred, double[] images, int[] restore, double weight) {
        int patches = grid.patches();
        int pixels = pred.length / samples / grid.tokens();
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
                    int at = (n * grid.tokens() + grid.classTokens() + l) * pixels + i;
                    double difference = pred[at] - target[i];
                    loss[view] += difference * difference / pixels / masked[view];
                    dpred[at] += weight / views * 2 * difference / pixels / masked[view];
                }
            }
        }
        return loss;
    }

    private double[] target(double[] images, int n, int l) {
        int patch = grid.patch();
        int tube = targetFrames / grid.times();
        int stored = images.length / (samples * channels * grid.height() * grid.width());
        double[] target = new double[tube * patch * patch * channels];
        for (int i = 0; i < target.length; i++) {
            int channel = i % channels;
            int x = i / channels % patch + l % grid.columns() * patch;
            int y = i / channels / patch % patch + l % grid.places() / grid.columns() * patch;
            int frame = stored == 1 ? 0 : frame(l / grid.places() * tube + i / channels / patch / patch);
            target[i] = images[(((n * channels + channel) * stored + frame) * grid.height() + y) * grid.width() + x];
        }
        if (byPatch) {
            normalise(target, 0, 1);
        }
        for (int c = 0; deviation != null && c < channels; c++) {
            for (int i = c; i < target.length; i += channels) {
                target[i] *= deviation[c];
            }
            normalise(target, c, channels);
        }
        return target;
    }

    /** torch.linspace(0, frames - 1, targetFrames), rounded down. */
    private int frame(int index) {
        return targetFrames == 1 ? 0 : (int) Math.floor(index * (grid.frames() - 1.0) / (targetFrames - 1));
    }

    /** Elements first, first + step, ... by their own mean and unbiased variance. */
    private void normalise(double[] values, int first, int step) {
        int count = values.length / step;
        double mean = 0;
        double square = 0;
        for (int i = first; i < values.length; i += step) {
            mean += values[i] / count;
            square += values[i] * values[i] / count;
        }
        double var = 0;
        for (int i = first; i < values.length; i += step) {
            var += (values[i] - mean) * (values[i] - mean) / (count - 1);
        }
        lostDigits = Math.max(lostDigits, Math.sqrt(square / (var + 1e-6)));
        for (int i = first; i < values.length; i += step) {
            values[i] = (values[i] - mean) / Math.sqrt(var + 1e-6);
        }
    }

    /**
     * By how much the subtraction of the mean enlarged the relative rounding error of a target, at most: the root mean square of a patch's values
     * over their deviation, of all patches so far; at least 1.
     */
    public double lostDigits() {
        return lostDigits;
    }
}
