package io.github.vicmae.train;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.Objective;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The collapse figures of a model before its first step, on the very views with which the first epoch's are measured: what to compare those of a
 * trained encoder with. Loaders of their own supply the views, so the run's are not disturbed.
 */
final class UntrainedFigures {
    private UntrainedFigures() {}

    /**
     * Measures them, which overwrites activations but nothing that the model learns from.
     *
     * @param input that no step is using
     * @param batchesPerEpoch batches of the run's epochs
     * @return the figures by name, empty if the model has no features to measure
     * @throws IOException if the samples cannot be read
     */
    static Map<String, Double> of(Objective model, List<Feed> feeds, StepInput input, int batchesPerEpoch)
            throws IOException {
        if (model.pooled() == null) {
            return Map.of();
        }
        CollapseProbe probe = new CollapseProbe(model, batchesPerEpoch);
        List<BatchLoader> loaders = new ArrayList<>();
        try {
            for (Feed feed : feeds) {
                loaders.add(feed.aside(probe.firstBatch()));
            }
            for (long batch = probe.firstBatch(); batch < batchesPerEpoch; batch++) {
                input.drawMasks(true);
                for (int i = 0; i < loaders.size(); i++) {
                    load(loaders.get(i), input, input.batch(i));
                }
                input.upload(model.stream());
                if (!model.pool(input)) {
                    break;
                }
                probe.add(batch);
            }
        } finally {
            loaders.forEach(BatchLoader::close);
        }
        return probe.figures();
    }

    private static void load(BatchLoader loader, StepInput input, ViewInput views) throws IOException {
        Batch batch = loader.next();
        try {
            input.host()
                    .floats()
                    .put(views.imagesOffset(), batch.views(), 0, batch.views().capacity());
            views.keys(batch.noiseKeys());
        } finally {
            batch.release();
        }
    }
}
