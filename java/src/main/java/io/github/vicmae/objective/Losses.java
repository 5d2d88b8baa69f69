package io.github.vicmae.objective;

/**
 * A step's losses.
 *
 * @param total the weighted sum
 * @param names of the parts
 * @param values of the parts, in the order of the names
 */
public record Losses(double total, String[] names, double[] values) {
    /** The name of the mean reconstruction loss over all views. */
    public static final String RECONSTRUCTION = "reconstruction";

    /** The name of the reconstruction loss of images, where clips have one of their own. */
    public static final String IMAGE_RECONSTRUCTION = "image_reconstruction";

    /** The name of the reconstruction loss of clips, where images have one of their own. */
    public static final String CLIP_RECONSTRUCTION = "clip_reconstruction";

    /** The name of the contrastive loss. */
    public static final String CONTRASTIVE = "contrastive";

    static Losses of(String[] names, double[] values, double[] weights) {
        double total = 0;
        for (int i = 0; i < values.length; i++) {
            total += weights[i] * values[i];
        }
        return new Losses(total, names, values);
    }

    /** The value of a part, NaN if the objective has none of that name. */
    public double value(String name) {
        for (int i = 0; i < names.length; i++) {
            if (names[i].equals(name)) {
                return values[i];
            }
        }
        return Double.NaN;
    }

    /** The mean reconstruction loss over all views. */
    public double reconstruction() {
        return value(RECONSTRUCTION);
    }

    /** The contrastive loss, NaN without one. */
    public double contrastive() {
        return value(CONTRASTIVE);
    }

    /**
     * Adds these losses, of one part of a step, to those of the parts before: totals add up, and the other values are averaged over all parts.
     *
     * @param before the sum over the parts before, or null for the first
     * @param parts the number of parts in the step
     */
    public Losses addedTo(Losses before, int parts) {
        double[] sums = new double[values.length];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = (before == null ? 0 : before.values[i]) + values[i] / parts;
        }
        return new Losses((before == null ? 0 : before.total) + total, names, sums);
    }

    public boolean isFinite() {
        boolean finite = Double.isFinite(total);
        for (double v : values) {
            finite &= Double.isFinite(v);
        }
        return finite;
    }
}
