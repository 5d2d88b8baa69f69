package io.github.vicmae.train;

import io.github.vicmae.objective.Losses;
import java.time.Duration;

/** Receives training progress; all calls but {@link #warning} come from the training thread. */
public interface Progress {
    /**
     * A finished step.
     *
     * @param step its number, from 1
     * @param totalSteps steps of the run
     * @param epoch passes over the data so far
     * @param losses its losses
     * @param samplesPerSecond samples of the method (schedule.batch counts them) over the last minute
     * @param waiting share of that minute spent waiting for data, 0 to 1
     * @param remaining time that the rest will take at this rate
     * @param accuracy what was last measured on labelled samples, 0 to 1; NaN if nothing was
     * @param measure what that is, in a word or two
     */
    record Update(
            long step,
            long totalSteps,
            double epoch,
            Losses losses,
            double samplesPerSecond,
            double waiting,
            Duration remaining,
            double accuracy,
            String measure) {}

    /** The run is about to start or resume. */
    void started(String message);

    /** A step is done. */
    void step(Update update);

    /** Something went wrong that does not stop the run. */
    void warning(String message);

    /** The settings will hardly do what they are for; says what to do. */
    default void advice(String message) {
        warning(message);
    }
}
