package io.github.vicmae.eval;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The features of samples as a stream: files are decoded by worker threads ahead of the device, and rows come out in the samples' order as soon as
 * they are there, so that memory does not grow with the number of samples or the length of a video.
 *
 * <p>A row is the mean over frames of a video that lie evenly over it, as {@link SampleFeatures} has it, or one frame each so many seconds. Nothing
 * depends on the number of workers. A view's place in its batch is given by the views before it, those of an earlier run included
 * ({@link Places}): a stream that goes on where another one ended gives the bits that one stream would have given.
 */
public final class FeatureStream {
    /** Views that wait for the device, in batches. */
    private static final int BATCHES_AHEAD = 2;
    /** Samples that may wait for the batch of another kind to fill. */
    private static final int MOST_PENDING = 1024;

    private final TrunkConfig trunk;
    private final ViewSettings views;
    private final ViewFeatures features;
    private final Settings settings;
    private final Lane images;
    private final Lane clips;
    private final Deque<Pending> pending = new ArrayDeque<>();
    private long computed;
    private long waitNanos;

    /**
     * How samples are read.
     *
     * @param frames of a video, whose mean is its row, at least 1
     * @param every seconds between the frames that are rows; 0 for one row, a mean
     * @param workers threads that decode, at least 1
     * @param batch views that are computed at once, at least 1
     */
    public record Settings(int frames, double every, int workers, int batch) {
        public Settings {
            if (frames < 1 || workers < 1 || batch < 1) {
                throw new IllegalArgumentException("Frames of a video, workers and views of a batch must be at least 1,"
                        + " not " + frames + ", " + workers + " and " + batch);
            }
            if (!(every >= 0) || every > 0 && every < 1e-3 || Double.isInfinite(every)) {
                throw new IllegalArgumentException(
                        "Rows must be at least a millisecond apart, not " + every + " seconds");
            }
        }
    }

    /** Takes what comes out, in order. */
    public interface Sink {
        /**
         * A row of a sample.
         *
         * @param seconds its time in the video; NaN for an image, and for a mean over a video
         * @param row [width]
         */
        void row(Sample sample, double seconds, float[] row) throws IOException;

        /**
         * All rows of a sample are there.
         *
         * @param failure why it cannot be read, in which case rows that came before do not count; else null
         * @param places for a stream that goes on behind this sample
         */
        void done(Sample sample, String failure, Places places) throws IOException;
    }

    /**
     * Where the next view goes.
     *
     * @param image its place in the batch of images and frames
     * @param clip its place in the batch of clips
     */
    public record Places(int image, int clip) {
        /** The places of a stream that begins. */
        public static final Places FIRST = new Places(0, 0);
    }

    /** A sample that is not done. */
    private final class Pending {
        final Sample sample;
        final Deque<float[]> rows = new ArrayDeque<>();
        final Deque<Double> times = new ArrayDeque<>();
        final float[] mean = new float[features.width()];
        /** Views that are in a batch and not yet computed. */
        int open;

        boolean ended;
        String failure;
        Places places;

        Pending(Sample sample) {
            this.sample = sample;
        }
    }

    /** Views of one size, of which a batch is filled. */
    private final class Lane {
        final int viewSize;
        final int size;
        final boolean isClips;
        final FloatBuffer batch;
        final FloatBuffer output;
        final List<Pending> owners = new ArrayList<>();
        final List<Double> times = new ArrayList<>();
        /** The first view that is not computed, and the next one's place. */
        int from;

        int place;

        Lane(int viewSize, int size, boolean isClips, int place) {
            this.viewSize = viewSize;
            this.size = size;
            this.isClips = isClips;
            this.place = place % size;
            from = this.place;
            batch = DirectBuffers.floats(Math.multiplyExact(size, viewSize));
            output = DirectBuffers.floats(Math.multiplyExact(size, features.width()));
        }

        void add(Pending owner, DecodedViews.View view) throws IOException {
            batch.put(place * viewSize, view.values(), 0, viewSize);
            owners.add(owner);
            times.add(view.seconds());
            owner.open++;
            if (++place == size) {
                run();
                from = 0;
                place = 0;
            }
        }

        /** Computes what is there. A batch of one would be computed by another plan than one of many, with other roundings. */
        void run() {
            if (owners.isEmpty()) {
                return;
            }
            features.compute(batch, isClips, output, Math.max(place, Math.min(2, size)));
            computed += owners.size();
            for (int i = 0; i < owners.size(); i++) {
                take(owners.get(i), times.get(i), (from + i) * features.width());
            }
            owners.clear();
            times.clear();
            from = place;
        }

        private void take(Pending owner, double seconds, int offset) {
            owner.open--;
            if (settings.every > 0 && owner.sample.isVideo()) {
                float[] row = new float[features.width()];
                output.get(offset, row);
                owner.rows.add(row);
                owner.times.add(seconds);
            } else {
                FeatureMeans.add(owner.mean, output, offset, owner.sample.isVideo() ? parts() : 1, 1);
            }
        }
    }

    /**
     * A stream that goes on where another one ended.
     *
     * @param trunk what takes the views
     * @param views how samples become views
     * @param features of a view
     * @param places where the first views go
     */
    public FeatureStream(
            TrunkConfig trunk, ViewSettings views, ViewFeatures features, Settings settings, Places places) {
        this.trunk = trunk;
        this.views = views;
        this.features = features;
        this.settings = settings;
        images = new Lane(trunk.imageSize(), settings.batch, false, places.image);
        clips = takesClips()
                ? new Lane(
                        Math.multiplyExact(trunk.imageSize(), trunk.frames()),
                        clipBatch(trunk, settings.batch),
                        true,
                        places.clip)
                : null;
    }

    /** Clips that are computed at once: about as many frames as there are views of images. */
    public static int clipBatch(TrunkConfig trunk, int batch) {
        return Math.max(1, batch / trunk.frames());
    }

    /** Rows at a time are of single frames. */
    private boolean takesClips() {
        return trunk.frames() > 1 && settings.every == 0;
    }

    private int clip() {
        return takesClips() ? trunk.frames() : 1;
    }

    /** Views of a video whose mean is its row. */
    private int parts() {
        return (settings.frames + clip() - 1) / clip();
    }

    /** Computes the features of samples and hands them to the sink. */
    public void run(List<Sample> samples, Sink sink) throws IOException {
        int largest = clips == null ? images.viewSize : clips.viewSize;
        long most = (long) images.viewSize * settings.batch * BATCHES_AHEAD + (long) largest * settings.workers;
        try (DecodedViews decoded = new DecodedViews(
                samples,
                () -> new SampleDecoding(views, clip(), parts(), settings.every),
                most,
                Math.min(settings.workers, Math.max(1, samples.size())))) {
            for (Sample sample : samples) {
                Pending owner = new Pending(sample);
                pending.add(owner);
                for (DecodedViews.View view = decoded.next(); ; view = decoded.next()) {
                    if (view.isEnd()) {
                        owner.failure = view.failure();
                        break;
                    }
                    (view.isClip() ? clips : images).add(owner, view);
                    decoded.release(view);
                    emit(sink);
                }
                owner.places = new Places(images.place, clips == null ? 0 : clips.place);
                owner.ended = true;
                if (pending.size() > MOST_PENDING + settings.batch) {
                    images.run();
                    if (clips != null) {
                        clips.run();
                    }
                }
                emit(sink);
            }
            images.run();
            if (clips != null) {
                clips.run();
            }
            emit(sink);
            waitNanos += decoded.waitNanos();
        }
    }

    private void emit(Sink sink) throws IOException {
        while (!pending.isEmpty()) {
            Pending first = pending.peek();
            while (!first.rows.isEmpty()) {
                sink.row(first.sample, first.times.poll(), first.rows.poll());
            }
            if (!first.ended || first.open > 0) {
                return;
            }
            if (first.failure == null && !(settings.every > 0 && first.sample.isVideo())) {
                sink.row(first.sample, Double.NaN, first.mean);
            }
            sink.done(first.sample, first.failure, first.places);
            pending.poll();
        }
    }

    /** Views that were computed. */
    public long views() {
        return computed;
    }

    /** Nanoseconds that the device has waited for views. */
    public long waitNanos() {
        return waitNanos;
    }
}
