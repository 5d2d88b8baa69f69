package io.github.vicmae.train;

import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.Safetensors;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The checkpoints in a run's folder: {@code checkpoint.safetensors} is the newest, {@code checkpoint-STEP.safetensors} are those before it.
 */
final class CheckpointFiles {
    private static final String NEWEST = "checkpoint.safetensors";
    private static final Pattern EARLIER = Pattern.compile("checkpoint-([0-9]{1,18})\\.safetensors");
    private static final String SET_ASIDE = ".bak";

    private final Path folder;

    CheckpointFiles(Path folder) {
        this.folder = folder;
    }

    /** Where the newest is, or will be. */
    Path newest() {
        return folder.resolve(NEWEST);
    }

    private Path earlier(long step) {
        return folder.resolve("checkpoint-" + step + ".safetensors");
    }

    /** Whether there is any. */
    static boolean exist(Path folder) throws IOException {
        CheckpointFiles files = new CheckpointFiles(folder);
        return Files.exists(files.newest()) || !files.earlierSteps().isEmpty();
    }

    /** The checkpoint to go on from: the newest, and if a killed process left none of that name, the one before it; null if there is none. */
    Path latest() throws IOException {
        if (Files.exists(newest())) {
            return newest();
        }
        List<Long> steps = earlierSteps();
        return steps.isEmpty() ? null : earlier(steps.get(steps.size() - 1));
    }

    /** Steps of those before the newest, ascending. */
    private List<Long> earlierSteps() throws IOException {
        List<Long> steps = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return steps;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "checkpoint-*.safetensors")) {
            for (Path file : files) {
                Matcher name = EARLIER.matcher(file.getFileName().toString());
                if (name.matches()) {
                    steps.add(Long.parseLong(name.group(1)));
                }
            }
        } catch (IOException e) {
            throw FileErrors.cannot("read", folder, e);
        }
        steps.sort(Comparator.naturalOrder());
        return steps;
    }

    /**
     * The checkpoint after a step.
     *
     * @throws IOException if there is none; the message says which there are
     */
    Path after(long step) throws IOException {
        if (Files.exists(earlier(step))) {
            return earlier(step);
        }
        if (Files.exists(newest())) {
            try (Safetensors file = Safetensors.open(newest())) {
                if (RunState.of(file.metadata()).step() == step) {
                    return newest();
                }
            } catch (IOException e) {
                // Damaged: it is not what was asked for as far as can be told.
                return noneAfter(step);
            }
        }
        return noneAfter(step);
    }

    private Path noneAfter(long step) throws IOException {
        List<Long> steps = earlierSteps();
        throw new IOException(folder + " has no checkpoint after step " + step + "; besides the newest there "
                + (steps.isEmpty() ? "is none" : "are those after the steps " + list(steps)));
    }

    private static String list(List<Long> steps) {
        return String.join(", ", steps.stream().map(String::valueOf).toList());
    }

    /** The last step, other than that of {@code damaged}, after which there is a checkpoint that can be opened; null if there is none. */
    Long lastWhole(Path damaged) throws IOException {
        List<Long> steps = earlierSteps();
        for (int i = steps.size() - 1; i >= 0; i--) {
            Path file = earlier(steps.get(i));
            if (file.equals(damaged)) {
                continue;
            }
            try (Safetensors opened = Safetensors.open(file)) {
                return RunState.of(opened.metadata()).step();
            } catch (IOException e) {
                continue; // damaged as well
            }
        }
        return null;
    }

    /**
     * Renames what is newer than a checkpoint that a run goes on from, so that it is in nobody's way and yet not lost.
     *
     * @return the new names
     */
    List<Path> setAsideAfter(long step, Path used) throws IOException {
        List<Path> files = new ArrayList<>();
        if (Files.exists(newest()) && !newest().equals(used)) {
            files.add(newest());
        }
        earlierSteps().stream().filter(s -> s > step).forEach(s -> files.add(earlier(s)));
        List<Path> renamed = new ArrayList<>();
        for (Path file : files) {
            Path to = backup(file);
            Files.move(file, to);
            renamed.add(to);
        }
        return renamed;
    }

    /** A name that no file has, for one that is set aside. */
    static Path backup(Path file) {
        Path to = file.resolveSibling(file.getFileName() + SET_ASIDE);
        for (int n = 2; Files.exists(to); n++) {
            to = file.resolveSibling(file.getFileName() + SET_ASIDE + n);
        }
        return to;
    }

    /**
     * Gives the newest checkpoint the name of an earlier one as well, so that it stays when the next is written in its place.
     *
     * @param step after which it was written
     */
    void keepNewest(long step) throws IOException {
        if (!Files.isRegularFile(newest()) || Files.exists(earlier(step))) {
            return;
        }
        try {
            Files.createLink(earlier(step), newest());
        } catch (IOException | UnsupportedOperationException e) {
            // A file system without hard links. A process that is killed now leaves the checkpoint under its new name,
            // where it is found.
            Files.move(newest(), earlier(step));
        }
    }

    /** Deletes the oldest, so that so many stay besides the newest. */
    void keepLast(int earlier) throws IOException {
        List<Long> steps = earlierSteps();
        for (long step : steps.subList(0, Math.max(0, steps.size() - earlier))) {
            Files.deleteIfExists(earlier(step));
        }
    }
}
