package io.github.vicmae.data;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.video.VideoReader;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** One worker's means to turn a sample into two views and the keys of their masking noise. Not thread-safe. */
final class SampleDecoder implements AutoCloseable {
    /** Videos that stay open, if the data set has no more: with more, the next use of one is too far away. */
    private static final int MAX_OPEN = 8;

    private final ViewSettings view;
    private final FrameSampler sampler;
    private final LoaderSettings settings;
    private final ViewWriter writer;
    private final int shortSide;
    private final int capacity;
    private final Map<Path, VideoReader> open = new LinkedHashMap<>(16, 0.75f, true);

    SampleDecoder(Dataset data, ViewSettings view, FrameSampler sampler, LoaderSettings settings) {
        this.view = view;
        this.sampler = sampler;
        this.settings = settings;
        writer = new ViewWriter(view);
        shortSide = view.shortSide(Kind.VIDEO);
        capacity = data.videos() <= MAX_OPEN ? MAX_OPEN : 1;
    }

    /** @throws IOException if the sample's file cannot be decoded; the batch is then unchanged */
    void decode(Sample sample, int repeat, Batch batch, int slot) throws IOException {
        long seed = settings.seed();
        Image[] pictures = sample.isVideo() ? frames(sample, batch.epoch(), repeat) : image(sample);
        batch.set(slot, sample);
        for (int v = 0; v < 2; v++) {
            int row = v * batch.size() + slot;
            Philox random = Draw.VIEW.stream(seed, batch.epoch(), sample.index(), repeat, v);
            if (settings.deviceViews()) {
                writer.pack(pictures[v], sample.kind(), v, random, batch.frames(), row);
            } else {
                writer.write(pictures[v], sample.kind(), v, random, batch.views(), row * view.viewSize());
            }
            Draw.NOISE.stream(seed, batch.epoch(), sample.index(), repeat, v)
                    .key(batch.noiseKeys(), row * Philox.KEY_WORDS);
        }
    }

    private Image[] image(Sample sample) throws IOException {
        Image picture = ImageReader.read(sample.path(), view.channels());
        return new Image[] {picture, picture};
    }

    private Image[] frames(Sample sample, int epoch, int repeat) throws IOException {
        VideoReader reader = reader(sample.path());
        // What is decoded must not depend on which frames this worker read before.
        reader.reset();
        Philox random = Draw.FRAMES.stream(settings.seed(), epoch, sample.index(), repeat, 0);
        double[] times = sampler.times(random, reader.durationSeconds(), reader.frameRate());
        try {
            Image first = reader.frameAt(times[0], shortSide);
            return new Image[] {first, reader.frameAt(times[1], shortSide)};
        } finally {
            // FFmpeg's index grows while a file is read, and in a damaged one that can change where a seek ends.
            if (reader.sawDamage()) {
                open.remove(sample.path());
                reader.close();
            }
        }
    }

    private VideoReader reader(Path path) throws IOException {
        VideoReader reader = open.get(path);
        if (reader != null) {
            return reader;
        }
        if (open.size() >= capacity) {
            Iterator<VideoReader> oldest = open.values().iterator();
            oldest.next().close();
            oldest.remove();
        }
        reader = VideoReader.open(path);
        open.put(path, reader);
        return reader;
    }

    @Override
    public void close() {
        open.values().forEach(VideoReader::close);
        open.clear();
    }
}
