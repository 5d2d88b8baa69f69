package io.github.vicmae.model;

/** Floating-point operations of a step, a multiply-add counting as two: the matrix products and attention, which are nearly all. */
public final class FlopCount {
    private FlopCount() {}

    /** Operations of forward and backward pass together, for one sample (a pair of views). */
    public static double perPair(ModelConfig c) {
        double tokens = c.grid().tokens(c.kept());
        double all = c.grid().tokens();
        double patchEmbed = 2.0 * c.kept() * c.patchSize() * c.dim();
        double encoder = c.depth() * block(tokens, c.dim(), c.hidden());
        double decoder = c.decoderDepth() * block(all, c.decoderDim(), c.decoderHidden())
                + 2 * tokens * c.dim() * c.decoderDim()
                + 2 * all * c.decoderDim() * c.patchSize();
        double h = c.headHidden();
        double heads = (c.variant() == Variant.PAPER ? 2 : 1) * 2 * (c.dim() * h + h * h + h * c.headOut());
        // Backward computes two products for each one forward; the images need no gradient.
        return ViCMae.VIEWS * (2 * patchEmbed + 3 * (encoder + decoder + heads));
    }

    private static double block(double tokens, double dim, double hidden) {
        double maps = 2 * tokens * (4 * dim * dim + 2 * dim * hidden);
        double attention = 2 * 2 * tokens * tokens * dim;
        return maps + attention;
    }
}
