package io.github.vicmae.train;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run needs to go on besides its model and its settings; kept in a checkpoint's metadata.
 *
 * @param step steps done
 * @param rateScale factor of the learning rates: 1, halved by each rollback
 * @param rollbacks how often the run went back
 * @param bestBy the loss whose best model is kept, "null" for none
 * @param epochSum of the loss whose best model is kept, over the steps of the epoch that is not finished
 * @param epochSteps those steps
 */
record RunState(long step, double rateScale, int rollbacks, String bestBy, double epochSum, long epochSteps) {
    private static final String NONE = "null";

    /** Before the first step of a run that follows a loss, or none, which is null. */
    static RunState start(String bestBy) {
        return new RunState(0, 1, 0, String.valueOf(bestBy), 0, 0);
    }

    private static final String RATE_SCALE = "rate_scale";
    private static final String ROLLBACKS = "rollbacks";
    private static final String BEST_BY = "best_by";
    private static final String EPOCH_SUM = "epoch_sum";
    private static final String EPOCH_STEPS = "epoch_steps";

    Map<String, String> metadata() {
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put(RunLog.STEP, Long.toString(step));
        texts.put(RATE_SCALE, Double.toString(rateScale));
        texts.put(ROLLBACKS, Integer.toString(rollbacks));
        texts.put(BEST_BY, bestBy);
        texts.put(EPOCH_SUM, Double.toString(epochSum));
        texts.put(EPOCH_STEPS, Long.toString(epochSteps));
        return texts;
    }

    /**
     * Reads a checkpoint's metadata; what older versions did not write has its first value.
     *
     * @throws IOException if a value is no number
     */
    static RunState of(Map<String, String> metadata) throws IOException {
        try {
            return new RunState(
                    Long.parseLong(metadata.getOrDefault(RunLog.STEP, "0")),
                    Double.parseDouble(metadata.getOrDefault(RATE_SCALE, "1")),
                    Integer.parseInt(metadata.getOrDefault(ROLLBACKS, "0")),
                    metadata.getOrDefault(BEST_BY, NONE),
                    Double.parseDouble(metadata.getOrDefault(EPOCH_SUM, "0")),
                    Long.parseLong(metadata.getOrDefault(EPOCH_STEPS, "0")));
        } catch (NumberFormatException e) {
            throw new IOException("its metadata hold no valid step, rate or epoch sum", e);
        }
    }

    RunState afterStep(double loss) {
        return new RunState(step + 1, rateScale, rollbacks, bestBy, epochSum + loss, epochSteps + 1);
    }

    RunState afterEpoch() {
        return new RunState(step, rateScale, rollbacks, bestBy, 0, 0);
    }

    RunState afterRollback() {
        return new RunState(step, rateScale / 2, rollbacks + 1, bestBy, epochSum, epochSteps);
    }

    /** Where another loss is followed from now on: of the epoch that has begun there is no mean. */
    RunState withoutEpoch(String otherBestBy) {
        return new RunState(step, rateScale, rollbacks, otherBestBy, epochSteps == 0 ? 0 : Double.NaN, epochSteps);
    }

    /** The mean loss of the epoch's steps so far. */
    double epochMean() {
        return epochSum / epochSteps;
    }
}
