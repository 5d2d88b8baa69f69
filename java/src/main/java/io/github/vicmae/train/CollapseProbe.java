package io.github.vicmae.train;

import io.github.vicmae.eval.CollapseFigures;
import io.github.vicmae.objective.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects the pooled features of an epoch's last batches and turns them into collapse figures; without pooled features there are none. */
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

    /** The first batch of an epoch whose features are taken. */
    long firstBatch() {
        return firstBatch;
    }

    /** Takes the features of the batch that was just run, if it is one of the epoch's last. */
    void add(long batchOfEpoch) {
        if (batchOfEpoch < firstBatch || model.pooled() == null) {
            return;
        }
        float[] features = model.stream().read(model.pooled());
        addRows(first, features, 0);
        if (model.pooled().dim(0) > model.batch()) { // more views than two would say nothing else
            addRows(second, features, model.batch());
        }
    }

    /** Adds the features of one view of all samples. */
    private void addRows(List<float[]> to, float[] features, int from) {
        int dim = model.config().trunk().dim();
        for (int row = from; row < from + model.batch(); row++) {
            to.add(Arrays.copyOfRange(features, row * dim, (row + 1) * dim));
        }
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
        clear();
        return figures;
    }

    /** Forgets the features that were taken. */
    void clear() {
        first.clear();
        second.clear();
    }
}
