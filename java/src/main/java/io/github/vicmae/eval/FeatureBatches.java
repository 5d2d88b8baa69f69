package io.github.vicmae.eval;

import java.io.IOException;
import java.nio.FloatBuffer;

/** The training samples of a linear probe, epoch after epoch in batches of one size. What a batch holds is a function of epoch and step. */
public interface FeatureBatches extends AutoCloseable {
    /** Batches of an epoch; the samples that fill no whole batch are left for other epochs. */
    int stepsPerEpoch();

    /**
     * Writes the next batch. Batches are asked for in order.
     *
     * @param features [B, D], written from the first value on
     * @param labels [B], class numbers, written
     * @throws IOException if no sample can be read
     */
    void next(int epoch, int step, FloatBuffer features, int[] labels) throws IOException;

    @Override
    void close();
}
