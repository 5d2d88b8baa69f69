package io.github.vicmae.eval;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The classes of a model, or of the samples that it learned from, and those of test samples. They are matched by name: the numbers that two data
 * sets give their classes need not agree.
 *
 * @param names the classes that can be predicted in the model's order, then those of the test samples that cannot, sorted
 * @param known how many of them can be predicted
 * @param labels each test sample's place in {@code names}
 */
public record ClassMatch(List<String> names, int known, int[] labels) {
    private static final int NAMED = 5;

    public ClassMatch {
        names = List.copyOf(names);
    }

    /** The classes of which there are samples, in the order of their labels. */
    public static List<String> classesOf(List<Sample> samples) {
        Map<Integer, String> names = new HashMap<>();
        samples.stream().filter(s -> s.label() >= 0).forEach(s -> names.put(s.label(), s.className()));
        return names.keySet().stream().sorted().map(names::get).toList();
    }

    /**
     * The samples that have a class.
     *
     * @param what the data in a message, such as "training data"
     * @throws IOException if there are none
     */
    public static Dataset labelled(Dataset data, String what) throws IOException {
        Dataset labelled = data.labelled();
        if (labelled.size() == 0) {
            throw new IOException("The " + what + " have no labels: none of the " + data.size()
                    + " samples has a class. Give a folder with a subfolder for each class, or a list with a label on each"
                    + " line");
        }
        return labelled;
    }

    /**
     * The classes that training samples have.
     *
     * @throws IOException if there is only one, between which nothing can be told apart
     */
    public static List<String> several(List<Sample> training) throws IOException {
        List<String> classes = classesOf(training);
        if (classes.size() < 2) {
            throw new IOException("The training data have only the class " + named(classes)
                    + "; there is nothing to tell apart. Give the folder above the classes' folders");
        }
        return classes;
    }

    /**
     * Matches test samples with a model's classes.
     *
     * @param known names of the classes that can be predicted, each once
     * @param test samples that all have a class
     * @throws IOException if none of the test samples' classes can be predicted
     */
    public static ClassMatch of(List<String> known, List<Sample> test) throws IOException {
        Map<String, Integer> numbers = new LinkedHashMap<>();
        known.forEach(name -> numbers.put(name, numbers.size()));
        TreeSet<String> others = new TreeSet<>();
        test.stream()
                .map(Sample::className)
                .filter(n -> !numbers.containsKey(n))
                .forEach(others::add);
        others.forEach(name -> numbers.put(name, numbers.size()));
        int[] labels = test.stream().mapToInt(s -> numbers.get(s.className())).toArray();
        ClassMatch match = new ClassMatch(List.copyOf(numbers.keySet()), known.size(), labels);
        if (match.unknownSamples() == labels.length) {
            throw new IOException("None of the classes of the test data can be predicted: they are "
                    + named(List.copyOf(others)) + ", and the classes that were learned are " + named(known)
                    + ". Classes are matched by name; name them alike");
        }
        return match;
    }

    /** Test samples whose class cannot be predicted. */
    public int unknownSamples() {
        int count = 0;
        for (int label : labels) {
            count += label >= known ? 1 : 0;
        }
        return count;
    }

    /** The classes that can be predicted and of which there is no test sample. */
    public List<String> withoutTest() {
        boolean[] found = new boolean[names.size()];
        for (int label : labels) {
            found[label] = true;
        }
        List<String> without = new ArrayList<>();
        for (int c = 0; c < known; c++) {
            if (!found[c]) {
                without.add(names.get(c));
            }
        }
        return without;
    }

    /** What a reader should know: a sentence for each way in which the two sides differ. */
    public List<String> remarks() {
        List<String> remarks = new ArrayList<>();
        List<String> unknown = names.subList(known, names.size());
        if (!unknown.isEmpty()) {
            int samples = unknownSamples();
            remarks.add((unknown.size() == 1 ? "A class" : unknown.size() + " classes")
                    + " of the test data cannot be predicted, since there is nothing of "
                    + (unknown.size() == 1 ? "it" : "them")
                    + " to learn from: " + named(unknown) + ". The " + samples
                    + (samples == 1 ? " sample counts" : " samples count") + " as wrong.");
        }
        List<String> without = withoutTest();
        if (!without.isEmpty()) {
            remarks.add((without.size() == 1
                            ? "A class that can be predicted has"
                            : without.size() + " classes that can be predicted have")
                    + " no test sample: " + named(without) + ".");
        }
        if (names.size() - unknown.size() - without.size() == 1) {
            remarks.add(
                    "The test samples that can be right are all of one class, so the accuracy says nothing of the others.");
        }
        return remarks;
    }

    /** Test samples that are among the training samples: the same file, or the same part of an archive. */
    public static long onBothSides(List<Sample> training, List<Sample> test) {
        Set<String> names = new HashSet<>();
        training.forEach(sample -> names.add(place(sample)));
        return test.stream().filter(sample -> names.contains(place(sample))).count();
    }

    /** A sample's name without what changes nothing in a path. */
    private static String place(Sample sample) {
        return sample.name().replaceAll("(^|/)(\\.?/)+", "$1");
    }

    /** Names in a sentence: the first few, and how many more. */
    static String named(List<String> names) {
        int more = names.size() - NAMED;
        String first = String.join(", ", names.subList(0, Math.min(NAMED, names.size())));
        return more > 0 ? first + " and " + more + " more" : first;
    }
}
