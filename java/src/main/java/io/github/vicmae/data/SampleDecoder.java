package io.github.vicmae.data;

import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Turns samples into views and the keys of their masking noise, for one worker. Not thread-safe. */
final class SampleDecoder implements AutoCloseable {
    /** Number of videos that stay open if the data set has no more; with more, too much time passes before one is used again. */
    private static final int MAX_OPEN = 8;

    private final ViewSettings view;
    private final FrameSampler sampler;
    private final LoaderSettings settings;
    private final SampleViews views;
    private final int shortSide;
    private final int capacity;
    private boolean repeated;
    private final Map<Integer, Video> open = new LinkedHashMap<>(16, 0.75f, true);

    SampleDecoder(Dataset data, ViewSettings view, FrameSampler sampler, LoaderSettings settings) {
        this.view = view;
        this.sampler = sampler;
        this.settings = settings;
        views = new SampleViews(view, settings.seed());
        shortSide = view.shortSide(Kind.VIDEO);
        capacity = data.videos() <= MAX_OPEN ? MAX_OPEN : 1;
    }

    /**
     * Decodes one sample into a place of a batch.
     *
     * @return whether two frames that should differ were one and the same, as in a video with too few of them
     * @throws IOException if the sample's file cannot be decoded; the batch is then unchanged
     */
    boolean decode(Sample sample, int repeat, Batch batch, int slot) throws IOException {
        int epoch = batch.epoch();
        IntFunction<Philox> randoms = views.draws(epoch, sample.index(), repeat);
        List<ReducedImage> frames = sample.isVideo() ? frames(sample, epoch, repeat) : image(sample, randoms);
        batch.set(slot, sample);
        Kind kind = sample.kind();
        int size = batch.size();
        if (settings.deviceViews()) {
            views.pack(frames, kind, epoch, sample.index(), repeat, batch.frames(), size, slot);
        } else {
            views.write(frames, kind, epoch, sample.index(), repeat, batch.views(), 0, size, slot);
        }
        views.keys(epoch, sample.index(), repeat, batch.noiseKeys(), size, slot);
        return sample.isVideo() && repeated;
    }

    /** Every frame of every view is the picture. */
    private List<ReducedImage> image(Sample sample, IntFunction<Philox> randoms) throws IOException {
        ReducedImage picture = ImageReader.read(
                sample.content(),
                view.channels(),
                (width, height) ->
                        settings.scaledDecode() ? views.writer().reduction(Kind.IMAGE, width, height, randoms) : 1);
        return Collections.nCopies(view.views() * view.frames(), picture);
    }

    /** The frames of all views, one view after the other, decoded in the order of their times. */
    private List<ReducedImage> frames(Sample sample, int epoch, int repeat) throws IOException {
        Video reader = reader(sample);
        // The result must not depend on the frames that this worker has read before.
        reader.reset();
        Philox random = Draw.FRAMES.stream(settings.seed(), epoch, sample.index(), repeat, 0);
        try {
            double[] times = sampler.times(random, reader);
            ReducedImage[] frames = new ReducedImage[times.length];
            double[] shown = new double[times.length];
            for (int i : inOrder(times)) {
                frames[i] = ReducedImage.of(reader.frameAt(times[i], shortSide));
                shown[i] = reader.shownSeconds();
            }
            repeated = false;
            for (int i = 1; i < times.length; i++) {
                repeated |= sampler.isAnotherFrame(i) && shown[i] == shown[i - 1];
            }
            return Arrays.asList(frames);
        } finally {
            // FFmpeg's index grows while a file is read, and in a damaged one that can change where a seek ends.
            if (reader.sawDamage()) {
                open.remove(sample.index());
                reader.close();
            }
        }
    }

    /** Places of the times, the earliest first: several clips of a video are read in one pass. */
    private static int[] inOrder(double[] times) {
        return IntStream.range(0, times.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> times[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private Video reader(Sample sample) throws IOException {
        Video reader = open.get(sample.index());
        if (reader != null) {
            return reader;
        }
        if (open.size() >= capacity) {
            Iterator<Video> oldest = open.values().iterator();
            oldest.next().close();
            oldest.remove();
        }
        reader = Video.open(sample.content());
        open.put(sample.index(), reader);
        return reader;
    }

    @Override
    public void close() {
        open.values().forEach(Video::close);
        open.clear();
    }
}
