package io.github.vicmae.train;

import io.github.vicmae.data.LabelledSplit;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The labelled samples that a run measures its encoder on: those that classify, and those that are classified.
 *
 * @param reference samples that classify
 * @param query samples that they classify
 * @param isHalves whether both are halves of one set, each of which classifies the other
 * @param frames of each video
 * @param remarks what was left out and why, whole sentences
 */
record MonitorData(Dataset reference, Dataset query, boolean isHalves, int frames, List<String> remarks) {
    /** One for all runs, so that their figures on the same samples can be compared. */
    private static final long SPLIT_SEED = 0;

    /** Hexadecimal digits that tell monitored sets apart. */
    private static final int ID_DIGITS = 16;

    /**
     * Finds the samples.
     *
     * @param heldBack a share of the training data, or null where the settings name data of their own
     * @throws IOException if the data cannot be read, have no labels, or are of one class
     */
    static MonitorData of(MonitorSettings settings, Dataset heldBack) throws IOException {
        List<String> remarks = new ArrayList<>();
        String option = heldBack == null ? "--monitor" : "--monitor-share";
        Dataset first = labelled(heldBack == null ? scan(settings.data()) : heldBack, option, remarks);
        if (!settings.test().isEmpty()) {
            Dataset second = labelled(scan(settings.test()), "--monitor-test", remarks);
            return new MonitorData(
                    first, known(first, second, remarks), false, frames(settings, first, second), remarks);
        }
        LabelledSplit halves = LabelledSplit.halves(withoutSingles(first, option, remarks), SPLIT_SEED);
        return new MonitorData(halves.taken(), halves.rest(), true, frames(settings, first, first), remarks);
    }

    private static Dataset scan(List<String> paths) throws IOException {
        return Dataset.scan(paths.stream().map(Path::of).toList());
    }

    /** Of images alone one view is enough: all would be the same. */
    private static int frames(MonitorSettings settings, Dataset first, Dataset second) {
        return first.videos() + second.videos() == 0 ? 1 : settings.frames();
    }

    private static Dataset labelled(Dataset all, String option, List<String> remarks) throws IOException {
        Dataset labelled = all.only(sample -> sample.label() >= 0);
        if (labelled.size() == 0) {
            throw new IOException("The " + all.size() + " samples of " + option
                    + " have no classes, which k-NN needs: give folders named after classes, or a list with labels");
        }
        Set<String> classes = classes(labelled);
        if (classes.size() < 2) {
            throw new IOException("The samples of " + option + " are all of one class, "
                    + classes.iterator().next() + "; k-NN needs two at least");
        }
        if (labelled.size() < all.size()) {
            remarks.add((all.size() - labelled.size()) + " samples of " + option
                    + " have no class and are not measured on.");
        }
        return labelled;
    }

    private static Set<String> classes(Dataset data) {
        return data.samples().stream().map(Sample::className).collect(Collectors.toCollection(TreeSet::new));
    }

    /** A class's only sample could not be found by another of its class. */
    private static Dataset withoutSingles(Dataset data, String option, List<String> remarks) throws IOException {
        Map<Integer, Integer> counts = new HashMap<>();
        data.samples().forEach(sample -> counts.merge(sample.label(), 1, Integer::sum));
        Dataset kept = data.only(sample -> counts.get(sample.label()) > 1);
        int single = data.size() - kept.size();
        if (classes(kept).size() < 2) {
            throw new IOException("To measure on halves of the samples of " + option
                    + ", two classes at least need two samples each; found " + data.size() + " samples of "
                    + classes(data).size() + " classes. Give more, or name samples to classify with --monitor-test");
        }
        if (single > 0) {
            remarks.add(single + " classes of " + option
                    + " have a single sample, which no other one could classify; they are not measured on.");
        }
        return kept;
    }

    /** The samples whose class the others have. */
    private static Dataset known(Dataset reference, Dataset query, List<String> remarks) throws IOException {
        Set<String> classes = classes(reference);
        Dataset known = query.only(sample -> classes.contains(sample.className()));
        if (known.size() == 0) {
            throw new IOException("The samples of --monitor-test are of other classes than those of --monitor, such as "
                    + classes(query).iterator().next() + "; classes are compared by their names");
        }
        if (known.size() < query.size()) {
            Set<String> missing = classes(query);
            missing.removeAll(classes);
            remarks.add(
                    (query.size() - known.size()) + " samples of --monitor-test are of classes that --monitor lacks ("
                            + String.join(", ", missing) + "); they are not measured on.");
        }
        return known;
    }

    /** Classes of the samples that classify, by name, in the order of their numbers. */
    List<String> classNames() {
        return reference.classNames();
    }

    /** The number of classes that the samples which classify have. */
    int classes() {
        return classes(reference).size();
    }

    /** The kinds of the samples that are classified, for sentences. */
    String kinds() {
        int videos = query.videos() + (isHalves ? reference.videos() : 0);
        return videos == 0 ? "images" : videos == classified() ? "videos" : "videos and images";
    }

    /** How many samples are classified. */
    int classified() {
        return query.size() + (isHalves ? reference.size() : 0);
    }

    /** The number of the query's classes in {@link #classNames()}. */
    int[] labelsOfQuery(int[] own) {
        int[] labels = new int[own.length];
        for (int i = 0; i < own.length; i++) {
            labels[i] = classNames().indexOf(query.classNames().get(own[i]));
        }
        return labels;
    }

    /** Tells monitored sets apart, wherever they lie. */
    String id() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            String text = reference.fingerprint() + query.fingerprint() + isHalves + frames;
            byte[] hash = digest.digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash).substring(0, ID_DIGITS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This Java runtime has no SHA-256.", e);
        }
    }
}
