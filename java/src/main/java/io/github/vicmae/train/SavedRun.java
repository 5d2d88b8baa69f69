package io.github.vicmae.train;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.MisfitException;
import io.github.vicmae.objective.Objective;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A run's checkpoints on disk, and the step after which the newest was written. */
final class SavedRun {
    /** The metadata's key of the data set's fingerprint. */
    private static final String DATA = "data";
    /** The metadata's key of how many samples there were. */
    private static final String SAMPLES = "samples";

    private static final String METRIC = "metric";
    private static final String VALUE = "value";
    private static final String MEASURED_ON = "measured_on";
    private static final double GIB = 1L << 30;

    private final RunFolder run;
    private final CheckpointFiles files;
    private final CheckpointSettings settings;
    private final Objective model;
    private final String fingerprint;
    private final String samples;
    private final Progress progress;
    private long step = -1;
    private boolean otherData;
    private double best = Double.POSITIVE_INFINITY;

    SavedRun(RunFolder run, CheckpointSettings settings, Objective model, Dataset data, Progress progress) {
        this.run = run;
        this.settings = settings;
        this.model = model;
        this.progress = progress;
        files = new CheckpointFiles(run.path());
        fingerprint = data.fingerprint();
        samples = data.videos() + " videos and " + data.images() + " images";
    }

    /** The step after which the newest checkpoint was written, -1 if there is none. */
    long step() {
        return step;
    }

    /** Whether there is a checkpoint to go on from. */
    boolean exists() throws IOException {
        return files.latest() != null;
    }

    private Path path(Resume how) throws IOException {
        return how.fromStep() == null ? files.latest() : files.after(how.fromStep());
    }

    /**
     * The run's state in a checkpoint, before anything is changed.
     *
     * @throws IOException if it cannot be read, or was written by a run on other data
     */
    RunState peek(Resume how) throws IOException {
        Path path = path(how);
        try (Safetensors file = Safetensors.open(path)) {
            requireSameData(path, file.metadata(), how.dataChanged());
            return RunState.of(file.metadata());
        } catch (OtherDataException e) {
            throw e;
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** Whether the last checkpoint that was looked at is of other data. */
    boolean isOfOtherData() {
        return otherData;
    }

    /**
     * Loads a checkpoint into the model and its optimizer state.
     *
     * @param measuredOn what the metric of the best model is measured on, empty for the run's own data
     * @return the run's state when it was written
     * @throws IOException if it cannot be read, or does not fit the model
     */
    RunState load(Resume how, String measuredOn) throws IOException {
        Path path = path(how);
        RunState state;
        try (Safetensors file = Safetensors.open(path)) {
            state = RunState.of(file.metadata());
            Checkpoint.load(file, model.state(), true);
        } catch (MisfitException e) {
            throw e;
        } catch (IOException e) {
            throw unreadable(path, e);
        }
        if (!String.valueOf(settings.keepBest()).equals(state.bestBy())) {
            state = state.withoutEpoch(String.valueOf(settings.keepBest()));
        }
        step = state.step();
        if (how.fromStep() != null) {
            List<Path> aside = files.setAsideAfter(step, path);
            if (!aside.isEmpty()) {
                progress.warning("Going on after step " + step + "; what was newer is set aside as " + aside);
            }
        }
        loadBest(measuredOn);
        return state;
    }

    private static final class OtherDataException extends IOException {
        private static final long serialVersionUID = 1;

        OtherDataException(String message) {
            super(message);
        }
    }

    private void requireSameData(Path path, Map<String, String> metadata, boolean mayDiffer) throws IOException {
        String before = metadata.get(DATA); // checkpoints of older versions have none
        otherData = false;
        if (before == null || before.equals(fingerprint)) {
            return;
        }
        String had = metadata.get(SAMPLES);
        String numbers = had == null || had.equals(samples) ? "" : " (" + had + " then, " + samples + " now)";
        otherData = true;
        if (mayDiffer) {
            progress.warning("The data have changed since the run began" + numbers
                    + ". It goes on at its step; epochs and the schedule are those of the new data.");
            return;
        }
        throw new OtherDataException("The run in " + run.path() + " cannot go on with other data than it began with"
                + numbers
                + ": files were added, removed or renamed, or their sizes or classes have changed. Bring the old"
                + " data back, accept the new ones with --data-changed, or begin a new run with --init " + path);
    }

    /** Offers the checkpoint before one that cannot be read. */
    private IOException unreadable(Path path, IOException e) throws IOException {
        Long before = files.lastWhole(path);
        String offer = before == null
                ? " There is no earlier checkpoint."
                : " There is one after step " + before + " that can be read: add --from-step " + before
                        + " to go on from there.";
        return new IOException("The checkpoint " + path + " cannot be read: " + e.getMessage() + offer, e);
    }

    /**
     * Writes the checkpoint, unless it has this step already.
     *
     * @throws IOException if it cannot be written; the message says which one is kept
     * @throws io.github.vicmae.device.DeviceException if the device fails
     */
    void save(RunState state) throws IOException {
        if (state.step() != step) {
            write(state);
        }
    }

    /**
     * Writes the run's last checkpoint; if its folder takes none, into another one, so that the work is not lost.
     *
     * @throws IOException if it is not in the run's folder; the message says where it is, if anywhere
     */
    void saveLast(RunState state) throws IOException {
        try {
            save(state);
        } catch (IOException e) {
            Path elsewhere = saveElsewhere(state, e);
            if (elsewhere == null) {
                throw e;
            }
            throw new IOException(
                    e.getMessage() + " It is in " + elsewhere + " instead: make room, move it to " + newest()
                            + ", and --resume " + run.path() + " goes on with it.",
                    e);
        }
    }

    /**
     * If no more data can be read, the model is saved before the run fails.
     *
     * @return what the run fails with
     */
    IOException withoutData(RunState state, IOException e) {
        if (state.step() == 0) {
            return e;
        }
        String kept;
        try {
            saveLast(state);
            kept = newest() + " holds it.";
        } catch (IOException unsaved) {
            e.addSuppressed(unsaved);
            kept = unsaved.getMessage();
        }
        return new IOException(e.getMessage() + " The run stops after step " + state.step() + ". " + kept, e);
    }

    /** Tries the folder that the run lies in, the user's and that for temporary files; null if none takes it. */
    private Path saveElsewhere(RunState state, IOException why) {
        Path parent = run.path().toAbsolutePath().normalize().getParent();
        for (Path folder : new Path[] {
            parent, Path.of(System.getProperty("user.home")), Path.of(System.getProperty("java.io.tmpdir"))
        }) {
            Path made = null;
            try {
                made = Files.createTempDirectory(folder, "vicmae-");
                Path file = made.resolve(newest().getFileName());
                Checkpoint.save(file, model.state(), true, metadata(state));
                return file;
            } catch (IOException e) {
                why.addSuppressed(e);
                remove(made);
            }
        }
        return null;
    }

    private static void remove(Path folder) {
        try {
            if (folder != null) {
                Files.deleteIfExists(folder);
            }
        } catch (IOException e) {
            return; // an empty folder stays
        }
    }

    /** Writes the checkpoint in place of the one of the same step, if there is one. */
    void write(RunState state) throws IOException {
        try {
            if (settings.keepLast() > 1 && step >= 0 && step != state.step()) {
                files.keepNewest(step);
            }
            Checkpoint.save(files.newest(), model.state(), true, metadata(state));
            step = state.step();
            files.keepLast(settings.keepLast() - 1);
        } catch (IOException e) {
            throw new IOException(
                    "The checkpoint after step " + state.step() + " could not be written, " + kept() + ": "
                            + e.getMessage(),
                    e);
        }
    }

    /** Writes the finished model, without the optimizer. */
    void saveModel(RunState state) throws IOException {
        Checkpoint.save(run.model(), model.state(), false, metadata(state));
    }

    /**
     * Writes the model if its epoch was the best so far.
     *
     * @param value of the metric that decides: an epoch's mean loss, or an accuracy, of which more is better
     * @param of what it was measured on; values on other samples are not compared
     * @throws IOException if it cannot be written
     */
    void saveIfBest(RunState state, double value, String of) throws IOException {
        boolean isBetter = settings.isBestByAccuracy() ? value > best || Double.isInfinite(best) : value < best;
        if (isBetter) {
            Map<String, String> texts = metadata(state);
            texts.put(METRIC, settings.keepBest());
            texts.put(MEASURED_ON, of);
            texts.put(VALUE, Double.toString(value));
            Checkpoint.save(run.best(), model.state(), false, texts);
            best = value;
        }
    }

    private void loadBest(String of) {
        best = Double.POSITIVE_INFINITY; // nothing yet
        if (settings.keepBest() == null || !Files.exists(run.best())) {
            return;
        }
        try (Safetensors file = Safetensors.open(run.best())) {
            // One of a later step is of a run that was taken back: the same or another one will take its place.
            boolean isReached = RunState.of(file.metadata()).step() <= step;
            boolean isOfSame = of.equals(file.metadata().getOrDefault(MEASURED_ON, ""));
            if (isReached
                    && isOfSame
                    && settings.keepBest().equals(file.metadata().get(METRIC))) {
                best = Double.parseDouble(file.metadata().get(VALUE));
            }
        } catch (IOException | RuntimeException e) {
            progress.warning(run.best() + " cannot be read, and will be replaced: " + e.getMessage());
        }
    }

    private Map<String, String> metadata(RunState state) {
        Map<String, String> texts = new LinkedHashMap<>(state.metadata());
        texts.put(DATA, fingerprint);
        texts.put(SAMPLES, samples);
        return texts;
    }

    /**
     * Refuses to begin where the checkpoints will find no room.
     *
     * @throws IOException if there is too little free space; the message says how much is needed
     */
    void requireSpace() throws IOException {
        long inUse = 0;
        for (Path file : run.ownFiles()) {
            inUse += Files.size(file);
        }
        requireSpace(
                run.path(),
                settings.plannedBytes(model.memory()),
                inUse + run.path().toFile().getUsableSpace(),
                settings.keepLast() > 1);
    }

    /** The same for so much room; none at all means that the system does not say. */
    static void requireSpace(Path folder, long needed, long room, boolean canKeepFewer) throws IOException {
        if (room > 0 && room < needed) {
            throw new IOException(String.format(
                    Locale.ROOT,
                    "%s needs %.2f GiB for its checkpoints, and there are %.2f GiB; make room or name another folder%s",
                    folder,
                    needed / GIB,
                    room / GIB,
                    canKeepFewer ? ", or keep fewer checkpoints (--keep-last 1)" : ""));
        }
    }

    /** What there is on disk, as part of a sentence. */
    String kept() {
        return step < 0 ? "there is none yet" : "the one after step " + step + " is kept";
    }

    /** The last good checkpoint, as a sentence. */
    String lastGood() {
        return (step < 0
                        ? "There is no checkpoint yet"
                        : "The last good checkpoint is " + files.newest() + " after step " + step)
                + ".";
    }

    /** The newest checkpoint's file. */
    Path newest() {
        return files.newest();
    }
}
