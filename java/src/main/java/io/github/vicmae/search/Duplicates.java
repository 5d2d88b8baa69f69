package io.github.vicmae.search;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FrameList;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.Fingerprint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Files that hold the same bytes, and files that look alike. A group's first is its largest file, to which every other one is similar; a file is in one
 * group at most.
 *
 * <p>Similarity is the cosine of the files' features, of a video the mean over its moments, once the collection's mean has been subtracted: what all
 * pictures of a collection have in common makes their plain cosines large, whether they look alike or not. A collection of fewer than {@link #FEW} files
 * has no mean to speak of, and is compared by plain cosines.
 */
public final class Duplicates {
    /** See above. */
    public static final int FEW = 20;
    /** Rows that the graph is asked for where the files are too many to be compared with one another. */
    private static final int CANDIDATES = 512;

    private Duplicates() {}

    /**
     * A file of a group.
     *
     * @param similarity with the group's first
     * @param isCopy whether its bytes are those of the group's first
     */
    public record Member(EmbeddedFile file, double similarity, boolean isCopy) {}

    /** @param others copies first, then the most similar first */
    public record Group(EmbeddedFile first, List<Member> others) {
        /** Bytes that would be free without the others. */
        public long bytes() {
            return others.stream().mapToLong(member -> member.file.bytes()).sum();
        }
    }

    /**
     * Finds files of the same bytes.
     *
     * @param content of a file, null if it is gone
     * @param unreadable told of files whose bytes cannot be read
     * @return the groups by their first file, which is the first in the order given
     */
    public static Map<EmbeddedFile, List<EmbeddedFile>> copies(
            List<EmbeddedFile> files, Function<EmbeddedFile, Content> content, Consumer<String> unreadable) {
        Map<Long, List<EmbeddedFile>> bySize = new LinkedHashMap<>();
        for (EmbeddedFile file : files) {
            bySize.computeIfAbsent(file.bytes(), size -> new ArrayList<>()).add(file);
        }
        Map<EmbeddedFile, List<EmbeddedFile>> groups = new LinkedHashMap<>();
        for (List<EmbeddedFile> same : bySize.values()) {
            if (same.size() < 2 || same.get(0).bytes() <= 0) {
                continue;
            }
            Map<String, EmbeddedFile> firsts = new HashMap<>();
            for (EmbeddedFile file : same) {
                Content bytes = content.apply(file);
                if (bytes instanceof FrameList) {
                    continue; // a folder of pictures has no bytes of its own
                }
                try (InputStream in = bytes == null ? null : Channels.newInputStream(bytes.open())) {
                    if (in != null) {
                        EmbeddedFile first = firsts.putIfAbsent(Fingerprint.of(in), file);
                        if (first != null) {
                            groups.computeIfAbsent(first, f -> new ArrayList<>())
                                    .add(file);
                        }
                    }
                } catch (IOException e) {
                    unreadable.accept((bytes == null ? file.path() : bytes.name()) + ": " + e.getMessage());
                }
            }
        }
        return groups;
    }

    /** Groups of copies alone. */
    public static List<Group> ofCopies(Map<EmbeddedFile, List<EmbeddedFile>> copies) {
        List<Group> groups = new ArrayList<>();
        copies.forEach((first, others) -> groups.add(new Group(
                first, others.stream().map(file -> new Member(file, 1, true)).toList())));
        return groups;
    }

    /**
     * Finds files that look alike, and puts copies to them.
     *
     * @param copies of {@link #copies}
     * @param threshold the least similarity, above 0 and at most 1
     * @param done told how many files have been compared
     */
    public static List<Group> find(
            SearchIndex index, Map<EmbeddedFile, List<EmbeddedFile>> copies, double threshold, IntConsumer done)
            throws IOException {
        return find(index, copies, threshold, IndexFolder.MOST_EXACT, done);
    }

    /** @param mostCompared files that are all compared with one another; of more, those of the nearest rows, if there is a graph */
    static List<Group> find(
            SearchIndex index,
            Map<EmbeddedFile, List<EmbeddedFile>> copies,
            double threshold,
            int mostCompared,
            IntConsumer done)
            throws IOException {
        boolean asksGraph = !index.isExact() && index.files().size() > mostCompared;
        List<EmbeddedFile> files = index.files();
        boolean[] isTaken = new boolean[files.size()];
        Map<EmbeddedFile, Integer> place = new HashMap<>();
        for (int i = 0; i < isTaken.length; i++) {
            place.put(files.get(i), i);
        }
        copies.values().forEach(others -> others.forEach(file -> isTaken[place.get(file)] = true));
        float[][] plain = new float[files.size()][];
        for (int i = 0; i < plain.length; i++) {
            plain[i] = index.vector(i);
        }
        UnitVectors vectors = new UnitVectors(plain.length < FEW ? plain : centred(plain));
        List<Integer> largestFirst = IntStream.range(0, plain.length)
                .boxed()
                .sorted(Comparator.comparingLong((Integer i) -> -files.get(i).bytes())
                        .thenComparing(i -> files.get(i).path()))
                .toList();
        List<Group> groups = new ArrayList<>();
        int count = 0;
        for (int i : largestFirst) {
            done.accept(++count);
            if (isTaken[i]) {
                continue;
            }
            isTaken[i] = true;
            List<Member> members = new ArrayList<>();
            addCopies(members, copies.get(files.get(i)), 1, true);
            List<Integer> near = near(asksGraph ? index : null, vectors, plain, i, threshold);
            near.removeIf(j -> isTaken[j]);
            near.sort(Comparator.comparingDouble(j -> -UnitVectors.dot(vectors.row(i), vectors.row(j))));
            for (int j : near) {
                double similarity = UnitVectors.dot(vectors.row(i), vectors.row(j));
                isTaken[j] = true;
                members.add(new Member(files.get(j), similarity, false));
                addCopies(members, copies.get(files.get(j)), similarity, false);
            }
            if (!members.isEmpty()) {
                groups.add(new Group(files.get(i), members));
            }
        }
        groups.sort(Comparator.comparingDouble(
                group -> -group.others().get(0).similarity())); // copies and what is surely a duplicate first
        return groups;
    }

    private static void addCopies(List<Member> members, List<EmbeddedFile> copies, double similarity, boolean isCopy) {
        if (copies != null) {
            copies.forEach(file -> members.add(new Member(file, similarity, isCopy)));
        }
    }

    /** @param index whose graph is asked, or null where all files are compared */
    private static List<Integer> near(SearchIndex index, UnitVectors vectors, float[][] plain, int i, double threshold)
            throws IOException {
        List<Integer> near = new ArrayList<>();
        if (index != null) {
            for (int j : index.nearestFiles(plain[i], CANDIDATES)) {
                if (j != i && UnitVectors.dot(vectors.row(i), vectors.row(j)) >= threshold) {
                    near.add(j);
                }
            }
            return near;
        }
        float[] similarities = vectors.similarities(vectors.row(i));
        for (int j = 0; j < similarities.length; j++) {
            if (j != i && similarities[j] >= threshold) {
                near.add(j);
            }
        }
        return near;
    }

    private static float[][] centred(float[][] plain) {
        double[] mean = new double[plain[0].length];
        for (float[] row : plain) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += row[d] / (double) plain.length;
            }
        }
        float[][] rows = new float[plain.length][mean.length];
        for (int i = 0; i < plain.length; i++) {
            for (int d = 0; d < mean.length; d++) {
                rows[i][d] = (float) (plain[i][d] - mean[d]);
            }
            UnitVectors.unit(rows[i]);
        }
        return rows;
    }
}
