package io.github.vicmae.train;

import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.MemoryPlan;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;
import java.util.Locale;

/**
 * When a run is saved, what is kept of it, and what happens where it fails. None of this affects what a run computes, unless it rolls back: to the newest
 * checkpoint, whenever that was written.
 *
 * @param every epochs between checkpoints
 * @param minutes after which one is written within an epoch
 * @param keepLast checkpoints that stay, the newest among them
 * @param keepBest the metric whose best model is kept, or null
 * @param onNan what to do where a value is not finite
 */
public record CheckpointSettings(
        @Setting(
                flag = "--checkpoint-every",
                description = "epochs between checkpoints",
                value = "1",
                range = "[1, inf)")
        int every,

        @Setting(
                flag = "--checkpoint-minutes",
                description = "minutes after which a checkpoint is written in the middle of an epoch; 0 for never",
                value = "30",
                range = "[0, inf)",
                former = "30")
        double minutes,

        @Setting(
                flag = "--keep-last",
                description = "number of checkpoints to keep, including the newest",
                value = "2",
                range = "[1, 1000]",
                former = "2")
        int keepLast,

        @Setting(
                flag = "--keep-best",
                label = "loss|...|knn",
                description =
                        "also keep the model of the epoch in which the mean of this loss was lowest, or --monitor's accuracy highest, as"
                                + " best.safetensors",
                shownDefault = "none",
                former = "null")
        String keepBest,

        @Setting(
                flag = "--on-nan",
                label = "stop|rollback",
                description =
                        "if a value is not finite: stop, or return to the last checkpoint and halve the learning rate, at most three times",
                value = "stop",
                former = "\"stop\"")
        OnNan onNan) {
    /** The metric of the monitor, of which more is better. */
    static final String KNN = "knn";

    /** The metric of a classifier that is tested, of which more is better. */
    static final String ACCURACY = "accuracy";

    /** What a run does where a loss or a gradient is not finite. */
    public enum OnNan {
        STOP,
        /** Goes on from the last checkpoint with half the learning rate. */
        ROLLBACK;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * @throws IllegalArgumentException with one sentence, if a value is refused
     */
    public CheckpointSettings {
        keepBest = "none".equals(keepBest) ? null : keepBest;
        Definitions.check(CheckpointSettings.class, every, minutes, keepLast, keepBest, onNan);
    }

    /** Whether the best model is the one of the highest k-NN accuracy. */
    boolean isBestByAccuracy() {
        return KNN.equals(keepBest) || ACCURACY.equals(keepBest);
    }

    /** A checkpoint every so many epochs or half an hour, two of them kept. */
    public static CheckpointSettings every(int epochs) {
        return new CheckpointSettings(epochs, 30, 2, null, OnNan.STOP);
    }

    /** Of a step's losses the one whose mean decides which model is best. */
    double deciding(Losses losses) {
        int index = keepBest == null ? -1 : List.of(losses.names()).indexOf(keepBest);
        return index < 0 ? losses.total() : losses.values()[index];
    }

    /** Bytes of a run's checkpoints: those that are kept, the one that is being written, and the models without the optimizer. */
    public long plannedBytes(MemoryPlan model) {
        long checkpoint = model.parameters() + model.moments();
        int models = keepBest == null ? 1 : 2;
        return Math.addExact(Math.multiplyExact(keepLast + 1L, checkpoint), models * model.parameters());
    }
}
