package io.github.vicmae.train;

import io.github.vicmae.model.ModelState;
import java.io.IOException;
import java.nio.file.Path;

/** What a run measures of its model on labelled samples while it trains, when, and what came of it. */
interface Measuring extends AutoCloseable {
    /** Tells the samples apart that are measured on; empty without any. */
    String id();

    /** What is measured, as the end of a sentence; empty where nothing is. */
    default String described() {
        return "";
    }

    /** Measures the untrained model of a new run. */
    void begin(ModelState fresh) throws IOException;

    /**
     * Goes on with what a resumed run has measured.
     *
     * @param metrics of the run
     */
    void resume(long step, double epoch, Path metrics) throws IOException;

    /**
     * Measures the model as the run begins.
     *
     * @param isFresh whether it still has the weights that {@link #begin} has measured
     */
    void measureStart(ModelState model, boolean isFresh) throws IOException;

    /** Measures the model after so many steps; nothing may be under way. */
    void measure(long step, double epoch, ModelState model) throws IOException;

    /** Whether the model is to be measured after so many whole epochs. */
    boolean isDue(long epochs, boolean isEnd);

    /** The accuracy that was measured last, NaN if there is none. */
    double last();

    /** What came of it, as a line for the console; null if nothing was measured. */
    String outcome();

    @Override
    void close();
}
