package io.github.vicmae.eval;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * The features of a data set's samples. Files are decoded by worker threads ahead of the device; nothing depends on their number. A video's features
 * are the mean over those of its views; an image is one view. A file that cannot be read is left out and named.
 *
 * <p>An encoder of clips ({@link TrunkConfig#frames} T above 1) sees of a video as many clips as it takes to hold the frames that were asked for:
 * 8 frames are one clip of 16, 64 are four. The frames lie evenly over the whole video, and each T of them in a row are a clip. An image is repeated
 * for all frames of a clip.
 */
public final class SampleFeatures {
    private final List<Sample> samples = new ArrayList<>();
    private final List<SkippedFile> skipped = new ArrayList<>();
    private final List<float[][]> features = new ArrayList<>();
    private int shortVideos;
    private long views;
    private long waitNanos;

    /**
     * How samples are read.
     *
     * @param frames of a video, evenly spaced, at least 1
     * @param workers threads that decode, at least 1
     * @param batch views that are computed at once, at least 1
     * @param share sides of the central crop as a share of the largest one, in (0, 1]; 0.875 is the usual 224 of 256
     */
    public record Settings(int frames, int workers, int batch, double share) {
        /** Frames of a video where nothing else is said. */
        public static final int FRAMES = 8;

        /** Views that are computed at once where nothing else is said. */
        public static final int BATCH = 64;

        public Settings {
            if (frames < 1 || workers < 1 || batch < 1) {
                throw new IllegalArgumentException("Frames of a video, workers and views of a batch must be at least 1,"
                        + " not " + frames + ", " + workers + " and " + batch);
            }
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException("The crop's share must be in (0, 1], not " + share);
            }
        }

        /** Clips of so many frames that are computed at once: about as many frames as there are views of images. */
        public int batch(int clip) {
            return Math.max(1, batch / clip);
        }

        /** The largest central crop, a worker for each processor. */
        public static Settings of(int frames) {
            return new Settings(frames, Runtime.getRuntime().availableProcessors(), BATCH, 1);
        }
    }

    /** One sample's place in the results. */
    private record Row(Sample sample, float[][] features) {}

    private SampleFeatures() {}

    /**
     * Computes the features of all samples in one pass over the files.
     *
     * @param trunk what takes the views
     * @param views how samples become views
     * @param kinds of features; all are computed from the same views
     * @param done told from time to time how many samples are done
     * @throws IOException if none of the files can be read; the message has the first reasons
     */
    public static SampleFeatures of(
            Dataset data,
            TrunkConfig trunk,
            ViewSettings views,
            List<? extends ViewFeatures> kinds,
            Settings settings,
            IntConsumer done)
            throws IOException {
        SampleFeatures all = new SampleFeatures();
        List<Row> rows = new ArrayList<>(data.size());
        int parts = (settings.frames + trunk.frames() - 1) / trunk.frames();
        if (trunk.frames() == 1) {
            Supplier<SampleViews> frames = () -> new SampleViews(views, parts, 1, settings.share);
            all.read(data.samples(), 1, parts, trunk, frames, kinds, settings, rows, done);
        } else {
            // Images and clips are views of two sizes, and the encoder runs them in batches of their own.
            List<Sample> images = inOrderOf(data, Kind.IMAGE);
            List<Sample> videos = inOrderOf(data, Kind.VIDEO);
            Supplier<SampleViews> pictures = () -> new SampleViews(views, parts, 1, settings.share);
            Supplier<SampleViews> clips = () -> new SampleViews(views, parts, trunk.frames(), settings.share);
            all.read(images, 1, parts, trunk, pictures, kinds, settings, rows, done);
            all.read(
                    videos,
                    trunk.frames(),
                    parts,
                    trunk,
                    clips,
                    kinds,
                    settings,
                    rows,
                    count -> done.accept(images.size() + count));
            rows.sort(Comparator.comparingInt(row -> row.sample.index()));
        }
        return all.complete(data, kinds, rows);
    }

    /**
     * The same over clips at several places of each video and several crops of each; every sample has to be a video.
     *
     * @param clips which
     */
    public static SampleFeatures ofClips(
            Dataset data,
            TrunkConfig trunk,
            ViewSettings views,
            TestClips clips,
            List<? extends ViewFeatures> kinds,
            Settings settings,
            IntConsumer done)
            throws IOException {
        SampleFeatures all = new SampleFeatures();
        List<Row> rows = new ArrayList<>(data.size());
        AtomicInteger shorter = new AtomicInteger();
        Supplier<SampleViews> readers = () -> new ClipViews(views, clips, settings.share, shorter);
        all.read(data.samples(), trunk.frames(), clips.views(), trunk, readers, kinds, settings, rows, done);
        all.shortVideos = shorter.get();
        return all.complete(data, kinds, rows);
    }

    private SampleFeatures complete(Dataset data, List<? extends ViewFeatures> kinds, List<Row> rows)
            throws IOException {
        if (rows.isEmpty()) {
            throw new IOException("None of the " + data.size() + " files could be read. "
                    + String.join(
                            " ",
                            skipped.stream().limit(3).map(SkippedFile::reason).toList()));
        }
        for (int k = 0; k < kinds.size(); k++) {
            int kind = k;
            features.add(rows.stream().map(row -> row.features[kind]).toArray(float[][]::new));
        }
        rows.forEach(row -> samples.add(row.sample));
        return this;
    }

    private static List<Sample> inOrderOf(Dataset data, Kind kind) {
        return data.samples().stream().filter(sample -> sample.kind() == kind).toList();
    }

    private void read(
            List<Sample> chosen,
            int clip,
            int parts,
            TrunkConfig trunk,
            Supplier<SampleViews> readers,
            List<? extends ViewFeatures> kinds,
            Settings settings,
            List<Row> rows,
            IntConsumer done)
            throws IOException {
        if (chosen.isEmpty()) {
            return;
        }
        int viewSize = Math.multiplyExact(trunk.imageSize(), clip);
        int size = settings.batch(clip);
        try (ViewLoader loader = new ViewLoader(chosen, readers, viewSize, size, settings.workers)) {
            List<FloatBuffer> outputs = new ArrayList<>();
            for (ViewFeatures kind : kinds) {
                outputs.add(DirectBuffers.floats(Math.multiplyExact(size, kind.width())));
            }
            FeatureMeans means = new FeatureMeans(
                    kinds.stream().mapToInt(ViewFeatures::width).toArray(), parts);
            int sample = 0;
            for (int start = 0; start < loader.views(); start += size) {
                int count = Math.min(size, loader.views() - start);
                FloatBuffer batch = loader.next();
                for (int k = 0; k < kinds.size(); k++) {
                    kinds.get(k).compute(batch, clip > 1, outputs.get(k), count);
                }
                loader.release();
                for (int row = start; row < start + count; row++) {
                    means.add(outputs, row - start, !chosen.get(sample).isVideo());
                    if (row + 1 == loader.first(sample + 1)) {
                        keep(chosen.get(sample), loader.failure(sample), means.take(), rows);
                        sample++;
                    }
                }
                done.accept(sample);
            }
            views += loader.views();
            waitNanos += loader.waitNanos();
        }
    }

    private void keep(Sample sample, String failure, float[][] means, List<Row> rows) {
        if (failure == null) {
            rows.add(new Row(sample, means));
        } else {
            skipped.add(new SkippedFile(sample.name(), failure));
        }
    }

    /** The samples that could be read, in the data set's order. */
    public List<Sample> samples() {
        return List.copyOf(samples);
    }

    /** The features of one kind, one row for each of {@link #samples}: [samples][width]. The arrays themselves, for reading only. */
    public float[][] features(int kind) {
        return features.get(kind);
    }

    /** The files that could not be read, in the data set's order. */
    public List<SkippedFile> skipped() {
        return List.copyOf(skipped);
    }

    /** Videos that are shorter than a clip: their last frame stands for those that they lack. Counted for {@link #ofClips} alone. */
    public int shortVideos() {
        return shortVideos;
    }

    /** Views that were computed. */
    public long views() {
        return views;
    }

    /** Nanoseconds that the device has waited for views. */
    public long waitNanos() {
        return waitNanos;
    }
}
