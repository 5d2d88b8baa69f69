package io.github.vicmae.train;

import io.github.vicmae.optim.ConstantSchedule;
import io.github.vicmae.optim.CosineSchedule;
import io.github.vicmae.optim.RateSchedule;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.Locale;

/** A run's length, batches and learning rate. */
public record Schedule(
        @Setting(flag = "--epochs", description = "passes over the data", value = "100", range = "[1, inf)")
        int epochs,

        @Setting(flag = "--batch", description = "samples of a forward pass", value = "32", range = "[1, inf)")
        int batch,

        @Setting(flag = "--accumulate", description = "forward passes of an update", value = "1", range = "[1, inf)")
        int accumulate,

        @Setting(
                flag = "--accumulate-contrast",
                label = "whole|part",
                description =
                        "which samples serve as negatives: those of the whole update, at the cost of a further forward pass, or of the same pass",
                value = "whole",
                former = "\"part\"")
        Negatives accumulateContrast,

        @Setting(
                flag = "--lr",
                description = "base learning rate, for 256 samples an update",
                value = "1.5e-4",
                shownDefault = "the method's",
                range = "(0, inf)")
        double baseLearningRate,

        @Setting(
                flag = "--warmup",
                description = "epochs of linear warm-up, may be a fraction",
                shownDefault = "the method's",
                range = "[0, inf)")
        double warmupEpochs,

        @Setting(
                flag = "--decay",
                label = "cosine|constant",
                description =
                        "how the rate goes on after the warm-up: half a cosine to 0, or constant, so that the run can be extended",
                value = "cosine",
                former = "\"cosine\"")
        Decay decay,

        @Setting(
                flag = "--cooldown",
                description = "epochs at the end in which a constant rate falls to 0, may be a fraction",
                value = "0",
                range = "[0, inf)",
                former = "0")
        double cooldownEpochs) {
    /** Samples for which the base learning rate is meant. */
    private static final double RATE_BATCH = 256;

    /** The samples that are a sample's negatives where an update takes several forward passes. */
    public enum Negatives {
        /** Those of all its passes: embeddings are computed first, and cached (GradCache, Gao et al. 2021). */
        WHOLE,
        /** Those of the same pass. */
        PART;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How the rate goes on after the warm-up. */
    public enum Decay {
        /** Half a cosine to 0 at the end of the run: every step's rate depends on the length of the run. */
        COSINE,
        /** Constant until the cooldown. */
        CONSTANT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public Schedule {
        Definitions.check(
                Schedule.class,
                epochs,
                batch,
                accumulate,
                accumulateContrast,
                baseLearningRate,
                warmupEpochs,
                decay,
                cooldownEpochs);
        if (warmupEpochs > epochs) {
            throw new IllegalArgumentException(
                    "A warm-up of " + warmupEpochs + " epochs does not fit into a run of " + epochs);
        }
        if (decay == Decay.COSINE && cooldownEpochs > 0) {
            throw new IllegalArgumentException("--cooldown does not apply to --decay cosine, which ends at 0 anyway");
        }
        if (warmupEpochs + cooldownEpochs > epochs) {
            throw new IllegalArgumentException("A warm-up of " + warmupEpochs + " epochs and a cooldown of "
                    + cooldownEpochs + " do not fit into a run of " + epochs);
        }
    }

    /** Where an update takes several passes, with the negatives of all of them. */
    public Schedule(int epochs, int batch, int accumulate, double baseLearningRate, double warmupEpochs) {
        this(epochs, batch, accumulate, Negatives.WHOLE, baseLearningRate, warmupEpochs, Decay.COSINE, 0);
    }

    /** Samples of an update. */
    public int effectiveBatch() {
        return Math.multiplyExact(batch, accumulate);
    }

    /** The highest learning rate. */
    public double peakLearningRate() {
        return baseLearningRate * batch * accumulate / RATE_BATCH;
    }

    /** Steps of a run whose epochs have so many batches. */
    public long steps(int batchesPerEpoch) {
        return Math.max(1, (long) batchesPerEpoch * epochs / accumulate);
    }

    /** The learning rate of each step of such a run. */
    public RateSchedule rates(int batchesPerEpoch) {
        long steps = steps(batchesPerEpoch);
        if (decay == Decay.COSINE) {
            return new CosineSchedule(peakLearningRate(), Math.round(steps * warmupEpochs / epochs), steps);
        }
        double stepsPerEpoch = (double) batchesPerEpoch / accumulate;
        return new ConstantSchedule(
                peakLearningRate(),
                Math.round(stepsPerEpoch * warmupEpochs),
                Math.min(steps, Math.round(stepsPerEpoch * cooldownEpochs)),
                steps);
    }
}
