package io.github.vicmae.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Closing;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** A run's folder: settings, metrics, checkpoints and report. Held by one process at a time. */
public final class RunFolder implements AutoCloseable {
    /**
     * Settings that may change when a run is resumed: they affect its results no more than another device does. The data are known by their
     * fingerprint, wherever they lie, and the length of the run has a check of its own.
     */
    private static final Set<String> FREE = Set.of(
            "data",
            "schedule.epochs",
            "schedule.cooldownEpochs",
            "loading.workers",
            "loading.prefetch",
            "loading.deviceViews",
            "compute.recompute",
            "checkpoints.every",
            "checkpoints.minutes",
            "checkpoints.keepLast",
            "checkpoints.keepBest",
            "checkpoints.onNan",
            "monitor.data",
            "monitor.test",
            "monitor.every",
            "monitor.frames");

    /** The name of a run's settings. */
    private static final String SETTINGS = "settings.yaml";

    /** Their name in runs of older versions. */
    private static final String FORMER_SETTINGS = "settings.json";

    private static final String METRICS = "metrics.jsonl";
    private static final String MODEL = "model.safetensors";
    private static final String BEST = "best.safetensors";
    private static final String CONTRAST = "model.objective.contrast";
    private static final String CONTRAST_COPY = "contrast";
    private static final String CONTRAST_HASH = "model.objective.contrastHash";

    private final Path path;
    private final FileChannel lockFile;
    private final FileLock lock;
    private final JsonLines metrics;
    /** The settings before the run was resumed, null for a new one. */
    private final ObjectNode former;
    /** What a run without a checkpoint had recorded, null if there was none. */
    private final Path formerMetrics;

    private RunFolder(
            Path path, FileChannel lockFile, FileLock lock, JsonLines metrics, ObjectNode former, Path formerMetrics) {
        this.path = path;
        this.lockFile = lockFile;
        this.lock = lock;
        this.metrics = metrics;
        this.former = former;
        this.formerMetrics = formerMetrics;
    }

    /**
     * Checks whether a run can be stored here, without changing anything: it is called before the data are read, which may take long.
     *
     * @throws IOException if the folder cannot be made or written, or holds a run and {@code resume} is not set
     */
    static void check(Path path, boolean resume) throws IOException {
        refuseOther(path, resume);
        Path existing = path.toAbsolutePath().normalize();
        while (!Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw new IOException("Cannot write " + path + ": " + existing + " is a file, not a folder");
        }
        AtomicFile.checkWritable(existing.resolve(SETTINGS));
    }

    private static void refuseOther(Path path, boolean resume) throws IOException {
        boolean finished = Files.exists(path.resolve(MODEL)) || Files.exists(path.resolve(BEST));
        if (resume && finished && !CheckpointFiles.exist(path)) {
            throw new IOException(path + " holds a trained model, and no checkpoint to go on from; name another folder,"
                    + " and begin with --init " + path.resolve(Files.exists(path.resolve(MODEL)) ? MODEL : BEST));
        }
        if ((CheckpointFiles.exist(path) || finished) && !resume) {
            throw new IOException(
                    path + " holds a run already; --resume " + path + " goes on with it; or name another folder");
        }
    }

    /**
     * Reads the settings of the run in a folder, up to date with this version.
     *
     * @throws IOException if there is no run, or its settings cannot be read
     */
    public static ObjectNode settings(Path run) throws IOException {
        Path file = settingsFile(run);
        if (file == null) {
            throw new IOException(run + " holds no run: there is no " + SETTINGS + " in it");
        }
        ObjectNode settings = SettingsBuilder.read(file);
        TrainSettings.upgrade(settings);
        JsonNode contrast = SettingTree.get(settings, CONTRAST);
        if (contrast.isTextual() && ViCMaeConfig.isFile(contrast.asText()) && isAnother(settings, contrast.asText())) {
            Path copy = run.resolve(CONTRAST_COPY)
                    .resolve(Path.of(contrast.asText()).getFileName());
            if (Files.exists(copy)) {
                SettingTree.put(settings, CONTRAST, copy.toString());
            }
        }
        return settings;
    }

    /** Whether a folder has the settings of a run. */
    public static boolean hasSettings(Path run) {
        return settingsFile(run) != null;
    }

    /** Whether a user's loss is gone, or was changed since the run began. */
    private static boolean isAnother(ObjectNode settings, String contrast) {
        try {
            return !SettingTree.get(settings, CONTRAST_HASH).asText().equals(ViCMaeConfig.hashOf(contrast));
        } catch (IllegalArgumentException e) {
            return true; // it cannot be read
        }
    }

    /**
     * The file of weights that a user means: the file itself, or of a run's folder the newest one.
     *
     * @throws IOException if there is no such file, or the folder has no weights
     */
    public static Path weights(Path given) throws IOException {
        if (!Files.exists(given)) {
            throw new IOException("There is no checkpoint or run " + given);
        }
        if (!Files.isDirectory(given)) {
            return given;
        }
        Path model = given.resolve(MODEL);
        Path checkpoint = new CheckpointFiles(given).latest();
        if (checkpoint == null && !Files.exists(model)) {
            throw new IOException(given + " has no weights: neither " + MODEL + " nor a checkpoint. "
                    + (hasSettings(given)
                            ? "The run was ended before its first checkpoint"
                            : "Give a checkpoint, or the folder of a run"));
        }
        boolean isDone = Files.exists(model)
                && (checkpoint == null
                        || Files.getLastModifiedTime(model).compareTo(Files.getLastModifiedTime(checkpoint)) >= 0);
        return isDone ? model : checkpoint;
    }

    /** The file of a run's settings, also of one of an older version; null if there is none. */
    static Path settingsFile(Path run) {
        for (String name : List.of(SETTINGS, FORMER_SETTINGS)) {
            if (Files.exists(run.resolve(name))) {
                return run.resolve(name);
            }
        }
        return null;
    }

    /**
     * Opens the folder of a new or resumed run.
     *
     * @throws IOException if another process holds it, if a new run would overwrite an old one, or if the old run had other settings
     */
    static RunFolder open(Path path, TrainSettings settings, boolean resume) throws IOException {
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
        refuseOther(path, resume);
        FileChannel lockFile = lockFile(path.resolve(".lock"));
        try {
            FileLock lock = tryLock(lockFile);
            if (lock == null) {
                throw new IOException(path + " is in use by another run");
            }
            ObjectNode former = CheckpointFiles.exist(path) ? settings(path) : null;
            Path formerMetrics = null;
            if (former == null) {
                formerMetrics = setAside(path.resolve(METRICS));
            } else {
                compare(path, former, settings);
            }
            return new RunFolder(path, lockFile, lock, JsonLines.open(path.resolve(METRICS)), former, formerMetrics);
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, lockFile);
            throw e;
        }
    }

    /** The schedule that the run had before it was resumed; null if it is new. */
    Schedule formerSchedule() {
        return former == null ? null : SettingTree.build((ObjectNode) former.get("schedule"), Schedule.class);
    }

    /** Where the metrics of a run are that was ended before its first checkpoint; null if there was none. */
    Path formerMetrics() {
        return formerMetrics;
    }

    /** Writes the run's settings, complete, so that they can be given to another run. */
    void writeSettings(TrainSettings settings) throws IOException {
        if (settings.model().objective() instanceof ViCMaeConfig contrastive) {
            contrastive.copyContrast(path.resolve(CONTRAST_COPY));
        }
        String text =
                "# The settings of this run; 'vicmae pretrain --settings FILE --out NEW' makes another one with them.\n"
                        + SettingYaml.write(SettingTree.tree(settings));
        AtomicFile.write(path.resolve(SETTINGS), text.getBytes(StandardCharsets.UTF_8));
        Files.deleteIfExists(path.resolve(FORMER_SETTINGS));
    }

    /** Renames the metrics of a run that was ended before its first checkpoint. */
    private static Path setAside(Path file) throws IOException {
        return Files.exists(file) && Files.size(file) > 0 ? Files.move(file, CheckpointFiles.backup(file)) : null;
    }

    private static FileChannel lockFile(Path path) throws IOException {
        try {
            return FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
    }

    private static FileLock tryLock(FileChannel file) throws IOException {
        try {
            return file.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // held by this very process
        }
    }

    private static void compare(Path path, ObjectNode former, TrainSettings settings) throws IOException {
        List<String> differences = new ArrayList<>();
        // Through text, so that numbers have the same type on both sides.
        ObjectNode now = SettingTree.parse(SettingTree.json(settings));
        compare("", former, now, differences);
        if (!differences.isEmpty()) {
            throw new IOException("The run in " + path + " cannot go on with other settings than it began with:\n  "
                    + String.join("\n  ", differences));
        }
    }

    private static void compare(String prefix, JsonNode old, JsonNode now, List<String> differences) {
        Set<String> names = new TreeSet<>();
        for (Iterator<String> i = old.fieldNames(); i.hasNext(); ) {
            names.add(i.next());
        }
        now.fieldNames().forEachRemaining(names::add);
        for (String name : names) {
            JsonNode a = old.path(name);
            JsonNode b = now.path(name);
            if (a.isObject() && b.isObject()) {
                compare(prefix + name + ".", a, b, differences);
            } else if (!FREE.contains(prefix + name)
                    && !isSame(a, b)
                    && !((prefix + name).equals(CONTRAST) && isSameFile(old, now))) {
                differences.add(difference(prefix + name, a, b));
            }
        }
    }

    /** A missing setting equals null. */
    private static boolean isSame(JsonNode a, JsonNode b) {
        if (a.isNumber() && b.isNumber()) {
            return a.doubleValue() == b.doubleValue();
        }
        return a.equals(b) || (a.isNull() || a.isMissingNode()) && (b.isNull() || b.isMissingNode());
    }

    /** Compares the objective's settings: a user's loss is identified by its content, wherever its file is. */
    private static boolean isSameFile(JsonNode old, JsonNode now) {
        JsonNode hash = old.path("contrastHash");
        return hash.isTextual() && hash.equals(now.path("contrastHash"));
    }

    private static String difference(String name, JsonNode old, JsonNode now) {
        return name.equals(CONTRAST_HASH) && old.isTextual() && now.isTextual()
                ? "the file of the contrastive loss has changed since: its content's hash was " + old.asText()
                        + " and is " + now.asText() + " now"
                : name + " was " + old + " and is " + now + " now";
    }

    Path path() {
        return path;
    }

    /** The finished model, without the optimizer. */
    Path model() {
        return path.resolve(MODEL);
    }

    /** The best epoch's model, without the optimizer. */
    Path best() {
        return path.resolve(BEST);
    }

    /** The checkpoints and models that there are. */
    List<Path> ownFiles() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path, "*.safetensors")) {
            List<Path> found = new ArrayList<>();
            files.forEach(found::add);
            return found;
        }
    }

    /** The file of the metrics. */
    Path metrics() {
        return path.resolve(METRICS);
    }

    /** Adds a line to the metrics. */
    void metric(Map<String, ?> line) throws IOException {
        metrics.write(line);
    }

    /** Drops the metrics of later steps, which will be repeated. */
    void truncateMetrics(long step) throws IOException {
        metrics.truncateAfter(step);
    }

    @Override
    public void close() throws IOException {
        try (lockFile;
                metrics) {
            lock.release();
        }
    }
}
