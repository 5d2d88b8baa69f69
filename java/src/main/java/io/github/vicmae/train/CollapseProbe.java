package io.github.vicmae.train;

import io.github.vicmae.eval.CollapseFigures;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.objective.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects the pooled features of an epoch's last batches and turns them into collapse figures. Where the method pools none, the mean of the visible
 * patches' tokens is taken, which features are made of after training.
 */
final class CollapseProbe {
    /** Samples that are enough for the figures. */
    private static final int SAMPLES = 256;

    private final Objective model;
    private final long firstBatch;
    private final List<float[]> first = new ArrayList<>();
    private final List<float[]> second = new ArrayList<>();

    /**
     * @param batches batches of an epoch
     */
    CollapseProbe(Objective model, int batches) {
        this.model = model;
        firstBatch = Math.max(0, batches - (SAMPLES + model.batch() - 1) / model.batch());
    }

    /** Takes the features of the batch that was just run, if it is one of the epoch's last. */
    void add(long batchOfEpoch) {
        if (batchOfEpoch < firstBatch) {
            return;
        }
        MaskedAutoencoder last =
                model.autoencoder(model.workspace().views().size() - 1); // of images and clips, the clips
        int samples = last.views().batch();
        float[] features = model.pooled() != null ? model.stream().read(model.pooled()) : means(last);
        addRows(first, features, 0, samples);
        if (last.views().views() > 1) { // more views than two would say nothing else
            addRows(second, features, samples, samples);
        }
    }

    private void addRows(List<float[]> to, float[] features, int row, int count) {
        int dim = model.config().trunk().dim();
        for (int i = row; i < row + count; i++) {
            to.add(Arrays.copyOfRange(features, i * dim, (i + 1) * dim));
        }
    }

    /** [N, D]: the means of the visible patches' tokens. */
    private float[] means(MaskedAutoencoder autoencoder) {
        float[] tokens = model.stream().read(autoencoder.encoded());
        int dim = model.config().trunk().dim();
        int count = autoencoder.views().tokens();
        int patches = autoencoder.views().kept();
        float[] means = new float[autoencoder.views().samples() * dim];
        for (int n = 0; n < autoencoder.views().samples(); n++) {
            for (int t = count - patches; t < count; t++) {
                for (int d = 0; d < dim; d++) {
                    means[n * dim + d] += tokens[(n * count + t) * dim + d] / patches;
                }
            }
        }
        return means;
    }

    /** The figures by name; starts anew. */
    Map<String, Double> figures() {
        Map<String, Double> figures = new LinkedHashMap<>();
        if (!first.isEmpty()) {
            boolean pairs = !second.isEmpty();
            CollapseFigures f =
                    CollapseFigures.of(first.toArray(float[][]::new), (pairs ? second : first).toArray(float[][]::new));
            figures.put("feature_deviation", f.featureDeviation());
            figures.put("effective_rank", f.effectiveRank());
            if (pairs) {
                figures.put("positive_similarity", f.positiveSimilarity());
            }
            figures.put("negative_similarity", f.negativeSimilarity());
        }
        first.clear();
        second.clear();
        return figures;
    }
}
