package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * A fixed list of videos and images, with classes where they are known.
 *
 * <p>Immutable, so it may be used from several threads.
 */
public final class Dataset {
    private final List<Sample> samples;
    private final List<String> classNames;
    private final int ignored;
    private final List<String> problems;

    private Dataset(List<Sample> samples, List<String> classNames, int ignored, List<String> problems) {
        this.samples = List.copyOf(samples);
        this.classNames = List.copyOf(classNames);
        this.ignored = ignored;
        this.problems = List.copyOf(problems);
    }

    /**
     * Finds the videos and images below folders, or named by list files.
     *
     * <p>In a folder, files are taken by their extension ({@link Kind}) at any depth, in the order of their relative paths. The first folder
     * level below the given folder is the class, and only that: for {@code data/train/cat/1.jpg}, give {@code data/train} for the class
     * {@code cat}; give {@code data} and the class is {@code train}. Files that lie directly in the given folder have no class. Symbolic
     * links are followed, loops are left out.
     *
     * <p>A file that ends in .csv, .tsv, .txt or .list is a list: {@code path label} on each line, separated by a comma, a tab or spaces,
     * the path in double quotes if it is unclear otherwise, relative to the list's own folder; see {@link SampleList}. A single video or image
     * can be given too.
     *
     * <p>Classes are numbered in the order of their names over everything that was given. If labels come only from lists and are whole
     * numbers, they are kept as they are.
     *
     * @throws IOException if something given does not exist or cannot be read, or nothing was found; the message says what was tried
     */
    public static Dataset scan(List<Path> roots) throws IOException {
        if (roots.isEmpty()) {
            throw new IOException("No data was given: name at least one folder, list file, video or image.");
        }
        List<Found> found = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        boolean numbers = true;
        int ignored = 0;
        for (Path root : roots) {
            if (Files.isDirectory(root)) {
                FolderScan scan = FolderScan.of(root);
                found.addAll(scan.found());
                ignored += scan.ignored();
                problems.addAll(scan.problems());
                numbers &= scan.found().stream().allMatch(f -> f.label() == null);
            } else if (!Files.exists(root)) {
                throw new IOException("There is no folder or file " + root + ".");
            } else if (SampleList.isList(root)) {
                SampleList list = SampleList.read(root);
                found.addAll(list.found());
                ignored += list.ignored();
                numbers &= list.hasOnlyNumbers();
            } else if (Kind.of(root) != null) {
                found.add(new Found(root, Kind.of(root), null));
            } else {
                ignored++;
            }
        }
        if (found.isEmpty()) {
            throw nothingFound(roots, ignored, problems);
        }
        return number(found, numbers, ignored, problems);
    }

    /** A file before the classes are numbered; the label is null if it has none. */
    record Found(Path path, Kind kind, String label) {}

    private static Dataset number(List<Found> found, boolean numbers, int ignored, List<String> problems) {
        List<String> names = new ArrayList<>();
        if (numbers) {
            int last = -1;
            for (Found file : found) {
                last = file.label() == null ? last : Math.max(last, Integer.parseInt(file.label()));
            }
            for (int i = 0; i <= last; i++) {
                names.add(Integer.toString(i));
            }
        } else {
            TreeSet<String> sorted = new TreeSet<>();
            found.stream().filter(f -> f.label() != null).forEach(f -> sorted.add(f.label()));
            names.addAll(sorted);
        }
        List<Sample> samples = new ArrayList<>(found.size());
        for (Found file : found) {
            int label = -1;
            if (file.label() != null) {
                label = numbers ? Integer.parseInt(file.label()) : Collections.binarySearch(names, file.label());
            }
            samples.add(new Sample(file.path(), file.kind(), label, samples.size()));
        }
        return new Dataset(samples, names, ignored, problems);
    }

    private static IOException nothingFound(List<Path> roots, int ignored, List<String> problems) {
        StringBuilder text = new StringBuilder("No videos or images were found. Tried: ");
        text.append(String.join(", ", roots.stream().map(Path::toString).toList()));
        text.append(String.format(
                Locale.ROOT,
                " (%d file%s of other kinds). Known extensions: videos %s; images %s.",
                ignored,
                ignored == 1 ? "" : "s",
                String.join(" ", Kind.VIDEO.extensions()),
                String.join(" ", Kind.IMAGE.extensions())));
        for (String problem : problems.subList(0, Math.min(3, problems.size()))) {
            text.append(' ').append(problem);
        }
        return new IOException(text.toString());
    }

    /** The videos alone, or the images alone, numbered anew. */
    public Dataset only(Kind kind) {
        List<Sample> kept = new ArrayList<>();
        for (Sample s : samples) {
            if (s.kind() == kind) {
                kept.add(new Sample(s.path(), s.kind(), s.label(), kept.size()));
            }
        }
        return new Dataset(kept, classNames, ignored, problems);
    }

    /** Every sample, in the order of its index. */
    public List<Sample> samples() {
        return samples;
    }

    public int size() {
        return samples.size();
    }

    /** Names of the classes by label; empty if there are none. */
    public List<String> classNames() {
        return classNames;
    }

    public int videos() {
        return (int) samples.stream().filter(Sample::isVideo).count();
    }

    public int images() {
        return size() - videos();
    }

    /** Files and list lines that were passed over because their extension is unknown. */
    public int ignored() {
        return ignored;
    }

    /** Folders and files that could not be looked at, one sentence each. */
    public List<String> problems() {
        return problems;
    }
}
