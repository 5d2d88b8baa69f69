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
                .mapToDouble(views -> views.samples() * encoder(config, views)
                        + (config.decoder() == null ? 0 : views.reconstructed().samples() * decoder(config, views)))
                .sum();
    }

    /** Operations of an encoder's forward pass over all patches of an image. */
    public static double features(TrunkConfig t) {
        int tokens = t.patches() + (t.classToken() ? 1 : 0) + t.registers();
        return 2.0 * t.patches() * t.patchSize() * t.dim() + t.depth() * block(tokens, t.dim(), t.hidden());
    }

    private static double encoder(ModelConfig config, ViewBatch views) {
        TrunkConfig t = config.trunk();
        double patchEmbed = 2.0 * views.kept() * t.patchSize() * t.dim();
        double blocks = t.depth() * block(views.tokens(), t.dim(), t.hidden());
        // Backward computes two products for each one forward; the images need no gradient.
        return 2 * patchEmbed + 3 * (blocks + config.objective().headFlop(t));
    }

    private static double decoder(ModelConfig config, ViewBatch views) {
        TrunkConfig t = config.trunk();
        DecoderConfig d = config.decoder();
        double all = views.grid().tokens();
        double blocks = d.depth() * block(all, d.dim(), d.hidden());
        double embed = 2 * (d.embedsLast() ? all : views.tokens()) * t.dim() * d.dim();
        double predict = 2 * all * d.dim() * d.target(views.grid(), null).patchSize(views.grid(), t.channels());
        return 3 * (blocks + embed + predict);
    }

    private static double block(double tokens, double dim, double hidden) {
        double maps = 2 * tokens * (4 * dim * dim + 2 * dim * hidden);
        double attention = 2 * 2 * tokens * tokens * dim;
        return maps + attention;
    }
}
