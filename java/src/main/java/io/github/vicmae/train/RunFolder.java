package io.github.vicmae.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Closing;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
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
final class RunFolder implements AutoCloseable {
    /** Settings that may change when a run is resumed: they affect its results no more than another device does. */
    private static final Set<String> FREE = Set.of(
            "loading.workers", "loading.prefetch", "loading.deviceViews", "compute.recompute", "checkpointEvery");

    private static final String CHECKPOINT = "checkpoint.safetensors";
    private static final String SETTINGS = "settings.json";

    private static final String CONTRAST = "model.objective.contrast";
    private static final String CONTRAST_HASH = "model.objective.contrastHash";

    private final Path path;
    private final FileChannel lockFile;
    private final FileLock lock;
    private final JsonLines metrics;

    private RunFolder(Path path, FileChannel lockFile, FileLock lock, JsonLines metrics) {
        this.path = path;
        this.lockFile = lockFile;
        this.lock = lock;
        this.metrics = metrics;
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
        if (Files.exists(path.resolve(CHECKPOINT)) && !resume) {
            throw new IOException(path + " holds a run already; use --resume to go on with it, or another folder");
        }
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
        boolean exists = Files.exists(path.resolve(CHECKPOINT));
        FileChannel lockFile = lockFile(path.resolve(".lock"));
        try {
            FileLock lock = tryLock(lockFile);
            if (lock == null) {
                throw new IOException(path + " is in use by another run");
            }
            Path settingsFile = path.resolve(SETTINGS);
            if (exists) {
                compare(settingsFile, settings);
            } else {
                Files.deleteIfExists(path.resolve("metrics.jsonl"));
            }
            if (settings.model().objective() instanceof ViCMaeConfig contrastive) {
                contrastive.copyContrast(path.resolve("contrast"));
            }
            AtomicFile.write(settingsFile, (SettingTree.prettyJson(settings) + "\n").getBytes(StandardCharsets.UTF_8));
            return new RunFolder(path, lockFile, lock, JsonLines.open(path.resolve("metrics.jsonl")));
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, lockFile);
            throw e;
        }
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

    private static void compare(Path file, TrainSettings settings) throws IOException {
        List<String> differences = new ArrayList<>();
        ObjectNode old = SettingTree.parse(Files.readString(file));
        TrainSettings.upgrade(old);
        // Through text, so that numbers have the same type on both sides.
        ObjectNode now = SettingTree.parse(SettingTree.json(settings));
        compare("", old, now, differences);
        if (!differences.isEmpty()) {
            throw new IOException("The run in " + file.getParent()
                    + " cannot go on with other settings than it began with:\n  " + String.join("\n  ", differences));
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

    /** The checkpoint to resume from: model, optimizer and position in the run. */
    Path checkpoint() {
        return path.resolve(CHECKPOINT);
    }

    /** The finished model, without the optimizer. */
    Path model() {
        return path.resolve("model.safetensors");
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
