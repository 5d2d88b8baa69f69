package io.github.vicmae.data;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * Divides a data set in two, class by class. Where a sample goes depends on the seed, its name and the names of its class's other samples: not on the
 * order in which they were found, nor on where they lie.
 *
 * @param taken the labelled samples that were taken out
 * @param rest all others, those without a label among them
 */
public record LabelledSplit(Dataset taken, Dataset rest) {
    /**
     * Takes a share of the samples of each class, rounded to whole samples; at least one of each class stays.
     *
     * @param share from 0 to 1
     * @throws IOException if the samples that would be taken are not of two classes at least
     */
    public static LabelledSplit share(Dataset data, double share, long seed) throws IOException {
        Set<Integer> taken = new HashSet<>();
        int classes = 0;
        for (List<Sample> samples : shuffledByClass(data, seed).values()) {
            int count = (int) Math.min(samples.size() - 1, Math.round(share * samples.size()));
            samples.subList(0, count).forEach(sample -> taken.add(sample.index()));
            classes += count > 0 ? 1 : 0;
        }
        if (classes < 2) {
            throw new IOException("A share of " + share + " of the data's labelled samples has samples of "
                    + (classes == 0 ? "no class" : "one class")
                    + ", and k-NN needs two classes; give a larger share, or labelled data of their own");
        }
        return of(data, taken);
    }

    /** Two halves: each class's samples go to one and the other in turn. Samples without a label go to the rest. */
    public static LabelledSplit halves(Dataset data, long seed) {
        Set<Integer> taken = new HashSet<>();
        int turn = 0;
        for (List<Sample> samples : shuffledByClass(data, seed).values()) {
            for (Sample sample : samples) {
                if (turn++ % 2 == 0) {
                    taken.add(sample.index());
                }
            }
        }
        return of(data, taken);
    }

    private static LabelledSplit of(Dataset data, Set<Integer> taken) {
        return new LabelledSplit(
                data.only(sample -> taken.contains(sample.index())),
                data.only(sample -> !taken.contains(sample.index())));
    }

    private static Map<String, List<Sample>> shuffledByClass(Dataset data, long seed) {
        Map<String, List<Sample>> classes = new TreeMap<>();
        for (Sample sample : data.samples()) {
            if (sample.label() >= 0) {
                classes.computeIfAbsent(sample.className(), name -> new ArrayList<>())
                        .add(sample);
            }
        }
        Comparator<Sample> byDraw =
                Comparator.comparingInt(sample -> draw(seed, sample)); // a tie has a winner by its name
        classes.values().forEach(samples -> samples.sort(byDraw.thenComparing(Sample::id)));
        return classes;
    }

    private static int draw(long seed, Sample sample) {
        CRC32 name = new CRC32();
        name.update(sample.id().getBytes(StandardCharsets.UTF_8));
        return Draw.HELD_BACK.stream(seed, 0, (int) name.getValue(), 0, 0).nextInt();
    }
}
