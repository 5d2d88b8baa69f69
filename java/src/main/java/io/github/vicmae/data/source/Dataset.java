package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * A fixed list of videos and images, with classes where they are known.
 *
 * <p>Immutable, so it may be used from several threads.
 */
public final class Dataset {
    private final List<Sample> samples;
    private final List<String> classNames;
    private final ScanReport report;

    private Dataset(List<Sample> samples, List<String> classNames, ScanReport report) {
        this.samples = List.copyOf(samples);
        this.classNames = List.copyOf(classNames);
        this.report = report;
    }

    /**
     * Finds the videos and images below folders, or named by list files.
     *
     * <p>In a folder, files are taken by their extension ({@link Kind}) at any depth, in the order of their relative paths. The first folder
     * level below the given folder is the class, and only that: for {@code data/train/cat/1.jpg}, give {@code data/train} for the class
     * {@code cat}; give {@code data} and the class is {@code train}. Files that lie directly in the given folder have no class; see
     * {@link FolderSource}.
     *
     * <p>A file that ends in .csv, .tsv, .txt or .list is a list: a path and a label on each line, paths relative to the list's own folder; see
     * {@link ListSource}. A single video or image can be given too, and a tar file of samples ({@link TarSource}).
     *
     * <p>Braces stand for several paths, each of which has to exist: {@code train-{000000..000146}.tar}, {@code {train,val}.csv}.
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
        List<SampleSource> sources = new ArrayList<>();
        for (Path root : roots) {
            for (Path path : BracePattern.expand(root)) {
                sources.add(SampleSource.of(path));
            }
        }
        ScanReport report = new ScanReport();
        List<SampleSource.Found> found = new ArrayList<>();
        boolean numbered = collect(sources, found, report);
        if (found.isEmpty()) {
            throw nothingFound(roots, report);
        }
        return number(found, numbered, report);
    }

    /**
     * The samples of several sources, one source after the other.
     *
     * @throws IOException if a source cannot be read
     */
    public static Dataset of(List<SampleSource> sources) throws IOException {
        ScanReport report = new ScanReport();
        List<SampleSource.Found> found = new ArrayList<>();
        boolean numbered = collect(sources, found, report);
        return number(found, numbered, report);
    }

    private static boolean collect(List<SampleSource> sources, List<SampleSource.Found> found, ScanReport report)
            throws IOException {
        boolean numbered = true;
        for (SampleSource source : sources) {
            SampleSource.Scan scan = source.scan();
            found.addAll(scan.found());
            numbered &= scan.numbered();
            report.addAll(scan.report());
        }
        return numbered;
    }

    private static Dataset number(List<SampleSource.Found> found, boolean numbered, ScanReport report) {
        List<String> names = new ArrayList<>();
        if (numbered) {
            int last = -1;
            for (SampleSource.Found one : found) {
                last = one.className() == null ? last : Math.max(last, Integer.parseInt(one.className()));
            }
            for (int i = 0; i <= last; i++) {
                names.add(Integer.toString(i));
            }
        } else {
            TreeSet<String> sorted = new TreeSet<>();
            found.stream().filter(f -> f.className() != null).forEach(f -> sorted.add(f.className()));
            names.addAll(sorted);
        }
        List<Sample> samples = new ArrayList<>(found.size());
        for (SampleSource.Found one : found) {
            int label = -1;
            if (one.className() != null) {
                label = numbered ? Integer.parseInt(one.className()) : Collections.binarySearch(names, one.className());
            }
            String className = label < 0 ? null : names.get(label);
            samples.add(new Sample(one.id(), one.content(), one.kind(), className, label, samples.size()));
        }
        return new Dataset(samples, names, report);
    }

    private static IOException nothingFound(List<Path> roots, ScanReport report) {
        StringBuilder text = new StringBuilder("No videos or images were found. Tried: ");
        text.append(String.join(
                ", ",
                roots.stream()
                        .map(root -> FileNames.printable(FileNames.text(root)))
                        .toList()));
        text.append(". Known extensions: videos ")
                .append(String.join(" ", Kind.VIDEO.extensions()))
                .append("; images ")
                .append(String.join(" ", Kind.IMAGE.extensions()))
                .append('.');
        report.sentences().forEach(sentence -> text.append(' ').append(sentence));
        return new IOException(text.toString());
    }

    /** The videos alone, or the images alone, numbered anew. */
    public Dataset only(Kind kind) {
        return only(sample -> sample.kind() == kind);
    }

    /** The samples that have a class, numbered anew. */
    public Dataset labelled() {
        return only(sample -> sample.label() >= 0);
    }

    /** The samples of a property, in their order, numbered anew. Classes keep their numbers, also those of which nothing is left. */
    public Dataset only(Predicate<Sample> property) {
        List<Sample> kept = new ArrayList<>();
        for (Sample s : samples) {
            if (property.test(s)) {
                kept.add(new Sample(s.id(), s.content(), s.kind(), s.className(), s.label(), kept.size()));
            }
        }
        return new Dataset(kept, classNames, report);
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

    /** What was left out when the samples were looked for. */
    public ScanReport report() {
        return report;
    }

    /**
     * Tells data sets apart: SHA-256 over the samples' ids, sizes and classes in their order. The content of the files is not read, and where
     * they lie does not count, so that a data set may be moved. A file that is missing counts as having no size.
     *
     * @return 64 hexadecimal digits
     */
    public String fingerprint() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This Java runtime has no SHA-256.", e);
        }
        for (Sample sample : samples) {
            long size;
            try {
                size = sample.content().size();
            } catch (IOException e) {
                size = -1;
            }
            String line = FileNames.printable(sample.id()) + '\n' + size + '\n' + sample.className() + '\n';
            digest.update(line.getBytes(StandardCharsets.UTF_8));
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
