package io.github.vicmae.embed;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.eval.FeatureStream.Places;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Predicate;

/**
 * Embeds what is new in a data set: files that a former table or the store of an interrupted run has, by path and size, are not read again. What is done is
 * in the store at once.
 */
public final class EmbeddingRun {
    private final EmbeddingStore store;
    private final EmbeddingTable former;
    private final Predicate<EmbeddedFile> keeps;
    private final boolean looksAtTimes;
    /** The samples by path, each once. */
    private final Map<String, Sample> samples = new LinkedHashMap<>();

    private final Map<String, Long> sizes = new HashMap<>();
    private final List<Sample> missing = new ArrayList<>();
    private int repeated;
    private int changed;
    private long views;
    private double seconds;

    /**
     * Looks what there is to do.
     *
     * @param store for what is new
     * @param former what was embedded before, or null; it stays the caller's
     * @param keeps whether a former file that is not in the data set stays
     * @param looksAtTimes whether a file of another time of change counts as changed, as one of another size does
     */
    public EmbeddingRun(
            EmbeddingStore store,
            EmbeddingTable former,
            Dataset data,
            Predicate<EmbeddedFile> keeps,
            boolean looksAtTimes) {
        this.store = store;
        this.former = former;
        this.keeps = keeps;
        this.looksAtTimes = looksAtTimes;
        Selection.ByPath before = former == null ? null : new Selection.ByPath(former);
        Selection.ByPath now = new Selection.ByPath(store);
        for (Sample sample : data.samples()) {
            String path = sample.content().location();
            if (samples.putIfAbsent(path, sample) != null) {
                repeated++;
                continue;
            }
            sizes.put(path, size(sample));
            EmbeddedFile old = before == null ? null : before.get(path);
            boolean isKnown = isSame(now.get(path), sample) || old != null && old.rows() > 0 && isSame(old, sample);
            if (!isKnown) {
                missing.add(sample);
                changed += old != null && old.rows() > 0 ? 1 : 0;
            }
        }
    }

    private boolean isSame(EmbeddedFile file, Sample sample) {
        return file != null && file.isSame(sizes.get(file.path()), modified(sample));
    }

    private static long size(Sample sample) {
        try {
            return sample.content().size();
        } catch (IOException e) {
            return -1; // reading it will say why
        }
    }

    private long modified(Sample sample) {
        try {
            Path file = FileNames.path(sample.content().location());
            return looksAtTimes && Files.exists(file)
                    ? Files.getLastModifiedTime(file).toMillis()
                    : 0;
        } catch (IOException | RuntimeException e) {
            return 0; // a part of an archive, or gone
        }
    }

    /** Files that are to be embedded. */
    public int missing() {
        return missing.size();
    }

    /** Of these, files that were embedded before and have changed since. */
    public int changed() {
        return changed;
    }

    /** Files that need not be read again. */
    public int known() {
        return samples.size() - missing.size();
    }

    /** Entries of the data set that name a file again. */
    public int repeated() {
        return repeated;
    }

    /** Views that were computed. */
    public long views() {
        return views;
    }

    /** How long that took. */
    public double seconds() {
        return seconds;
    }

    /**
     * Embeds the files that are missing.
     *
     * @param features of a view
     * @param done told how many files are done
     * @param skipped told of files that cannot be read
     */
    public void run(
            TrunkConfig trunk,
            ViewSettings views,
            ViewFeatures features,
            FeatureStream.Settings settings,
            IntConsumer done,
            Consumer<SkippedFile> skipped)
            throws IOException {
        long start = System.nanoTime();
        store.drop();
        FeatureStream stream = new FeatureStream(trunk, views, features, settings, store.places());
        stream.run(missing, new FeatureStream.Sink() {
            private final List<Double> times = new ArrayList<>();
            private int count;

            @Override
            public void row(Sample sample, double time, float[] row) throws IOException {
                if (store.settings().isNormalized()) {
                    normalize(row, store.settings().dim());
                }
                times.add(time);
                store.row(row);
            }

            @Override
            public void done(Sample sample, String failure, Places places) throws IOException {
                if (failure != null) {
                    store.drop();
                    skipped.accept(new SkippedFile(sample.name(), failure));
                }
                boolean isTimed = failure == null && sample.isVideo() && settings.every() > 0;
                double[] array = isTimed ? times.stream().mapToDouble(d -> d).toArray() : null;
                times.clear();
                store.done(file(sample, array, store.added(), failure), places);
                done.accept(++count);
            }
        });
        this.views += stream.views();
        seconds += (System.nanoTime() - start) / 1e9;
    }

    private EmbeddedFile file(Sample sample, double[] times, int rows, String failure) {
        String path = sample.content().location();
        return new EmbeddedFile(
                path, sizes.get(path), modified(sample), sample.isVideo(), sample.className(), times, rows, failure);
    }

    /** Divides every vector of a row by its length; a vector of zeros stays. */
    public static void normalize(float[] row, int dim) {
        for (int start = 0; start < row.length; start += dim) {
            double sum = 0;
            for (int d = start; d < start + dim; d++) {
                sum += (double) row[d] * row[d];
            }
            double length = sum > 0 ? Math.sqrt(sum) : 1;
            for (int d = start; d < start + dim; d++) {
                row[d] = (float) (row[d] / length);
            }
        }
    }

    /**
     * What there is once all is embedded: the former table's files in their order, then the data set's in theirs. A file that could not be read is among
     * them without rows.
     *
     * @param dropped told of former files that are not in the data set any more and do not stay
     * @throws IllegalStateException if a file is still to be embedded
     */
    public Selection table(Consumer<EmbeddedFile> dropped) {
        Selection all = new Selection(store.settings());
        Selection.ByPath now = new Selection.ByPath(store);
        Set<String> placed = new HashSet<>();
        if (former != null) {
            Selection.ByPath before = new Selection.ByPath(former);
            for (EmbeddedFile file : former.files()) {
                Sample sample = samples.get(file.path());
                if (sample == null) {
                    if (file.rows() > 0 && keeps.test(file)) {
                        all.add(before, file.path(), file);
                    } else if (file.rows() > 0) {
                        dropped.accept(file);
                    }
                } else if (file.rows() > 0 && placed.add(file.path())) {
                    boolean isNew = isSame(now.get(file.path()), sample);
                    add(all, isNew ? now : before, sample);
                }
            }
        }
        samples.forEach((path, sample) -> {
            if (placed.add(path)) {
                add(all, now, sample);
            }
        });
        return all;
    }

    /** The class is the data set's, which may have changed where the file has not. */
    private static void add(Selection all, Selection.ByPath from, Sample sample) {
        String path = sample.content().location();
        EmbeddedFile file = from.get(path);
        if (file == null) {
            throw new IllegalStateException(sample.name() + " is not embedded yet");
        }
        all.add(
                from,
                path,
                new EmbeddedFile(
                        path,
                        file.bytes(),
                        file.modified(),
                        sample.isVideo(),
                        sample.className(),
                        file.times(),
                        file.rows(),
                        file.failure()));
    }

    /** The names of a table's classes: the data set's by number, then others in the order in which they appear. */
    public static List<String> classNames(Dataset data, EmbeddingTable table) {
        Set<String> names = new LinkedHashSet<>(data.classNames());
        table.files().stream()
                .filter(file -> file.className() != null && file.rows() > 0)
                .forEach(file -> names.add(file.className()));
        return List.copyOf(names);
    }
}
