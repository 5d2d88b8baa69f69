package io.github.vicmae.objective;

import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;

/** Floating-point operations of a step, a multiply-add counting as two: the matrix products and attention, which are nearly all. */
public final class FlopCount {
    private FlopCount() {}

    /** Operations of forward and backward pass together, for all views of one sample; of each batch, if there are several. */
    public static double perSample(ModelConfig config) {
        return config.objective().batches(config.trunk(), 1).stream()
                .mapToDouble(views -> views.samples() * perView(config, views))
                .sum();
    }

    private static double perView(ModelConfig config, ViewBatch views) {
        TrunkConfig t = config.trunk();
        DecoderConfig d = config.decoder();
        double tokens = views.tokens();
        double all = views.grid().tokens();
        double patchEmbed = 2.0 * views.kept() * t.patchSize() * t.dim();
        double encoder = t.depth() * block(tokens, t.dim(), t.hidden());
        double decoder = d.depth() * block(all, d.dim(), d.hidden())
                + 2 * (d.embedsLast() ? all : tokens) * t.dim() * d.dim()
                + 2 * all * d.dim() * d.target(views.grid(), null).patchSize(views.grid(), t.channels());
        double heads = config.objective().headFlop(t);
        // Backward computes two products for each one forward; the images need no gradient.
        return 2 * patchEmbed + 3 * (encoder + decoder + heads);
    }

    private static double block(double tokens, double dim, double hidden) {
        double maps = 2 * tokens * (4 * dim * dim + 2 * dim * hidden);
        double attention = 2 * 2 * tokens * tokens * dim;
        return maps + attention;
    }
}
