package io.github.vicmae.train;

import io.github.vicmae.io.Safetensors;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.objective.Objective;
import java.io.IOException;
import java.util.Map;

/** A run's checkpoint on disk, and the step after which it was written. */
final class SavedRun {
    /** The metadata's key of the data set's fingerprint. */
    private static final String DATA = "data";

    private final RunFolder run;
    private final Objective model;
    private final String fingerprint;
    private long step = -1;

    /**
     * @param fingerprint of the data set
     */
    SavedRun(RunFolder run, Objective model, String fingerprint) {
        this.run = run;
        this.model = model;
        this.fingerprint = fingerprint;
    }

    /** The step after which the checkpoint was written, -1 if there is none. */
    long step() {
        return step;
    }

    /**
     * Loads the run's checkpoint into the model and its optimizer state.
     *
     * @return the step after which it was written
     * @throws IOException if it cannot be read, does not fit the model, or was written by a run on other data
     */
    long load() throws IOException {
        try (Safetensors file = Safetensors.open(run.checkpoint())) {
            String before = file.metadata().get(DATA); // checkpoints of older versions have none
            if (before != null && !before.equals(fingerprint)) {
                throw new IOException("The run in " + run.path() + " cannot go on with other data than it began with:"
                        + " files were added, removed or renamed, or their sizes or classes have changed. Bring the old"
                        + " data back, or begin a new run with --init " + run.checkpoint());
            }
            Checkpoint.load(file, model.state(), true);
            step = Long.parseLong(file.metadata().getOrDefault(RunLog.STEP, "0"));
            return step;
        } catch (NumberFormatException e) {
            throw new IOException(run.checkpoint() + " does not say at which step it was written", e);
        }
    }

    /**
     * Writes the checkpoint, unless it has this step already.
     *
     * @throws IOException if it cannot be written; the message says which one is kept
     * @throws io.github.vicmae.device.DeviceException if the device fails
     */
    void save(long after) throws IOException {
        if (after == step) {
            return;
        }
        try {
            Checkpoint.save(run.checkpoint(), model.state(), true, metadata(after));
            step = after;
        } catch (IOException e) {
            throw new IOException(
                    "The checkpoint after step " + after + " could not be written, " + kept() + ": " + e.getMessage(),
                    e);
        }
    }

    /** Writes the finished model, without the optimizer. */
    void saveModel(long after) throws IOException {
        Checkpoint.save(run.model(), model.state(), false, metadata(after));
    }

    private Map<String, String> metadata(long after) {
        return Map.of(RunLog.STEP, Long.toString(after), DATA, fingerprint);
    }

    /** What there is on disk, as part of a sentence. */
    String kept() {
        return step < 0 ? "there is none yet" : "the one after step " + step + " is kept";
    }

    /** The last good checkpoint, as a sentence. */
    String lastGood() {
        return (step < 0
                        ? "There is no checkpoint yet"
                        : "The last good checkpoint is " + run.checkpoint() + " after step " + step)
                + ".";
    }
}
