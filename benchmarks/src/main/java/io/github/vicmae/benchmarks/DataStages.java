package io.github.vicmae.benchmarks;

import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FrameList;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The way of a sample, stage by stage: its bytes are read, two frames (or its picture) decoded, two views made of them, preset release; and the
 * whole loader. The files are in the system's cache after the first time, so that reading shows what requests cost, not the disk.
 */
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 2)
public class DataStages extends KernelBenchmark {
    private static final int AHEAD = 2;
    private static final int VIEWS = 2;

    /** workers x samples x pixels of what is rendered or packed x pixels of the views */
    @Param({"1x32x256x224", "2x32x256x224"})
    public String shape;

    /** Where samples come from, and what is done with them. */
    @Param({
        "videos-read",
        "videos-decode",
        "videos-views",
        "videos-loader",
        "shards-read",
        "shards-decode",
        "shards-views",
        "shards-loader",
        "images-read",
        "images-decode",
        "images-views",
        "images-loader"
    })
    public String pass;

    /** A user's data: a folder, a list or tar files; empty for rendered ones. */
    @Param("")
    public String data;

    private final FrameSampler sampler = FrameSampler.distant(VIEWS);
    private int workers;
    private int samples;
    private ViewSettings settings;
    private ThreadLocal<ViewWriter> writers;
    private Dataset dataset;
    private List<List<ReducedImage>> decoded;
    private double[] expected;
    private double made;

    /** One sample's part of a stage. */
    private interface Stage {
        /** What is checked of it. */
        float[] of(int sample) throws IOException;
    }

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 4);
        workers = size[0];
        samples = size[1];
        settings = ViewSettings.release(size[3], size[3], 3);
        writers = ThreadLocal.withInitial(() -> new ViewWriter(settings));
        String[] sourceAndStage = pass.split("-");
        try {
            Path folder = Files.createTempDirectory("vicmae-stages-");
            try {
                dataset = new StageSamples(folder, data, samples, size[2]).of(sourceAndStage[0]);
                return workload(b, folder, sourceAndStage[1]);
            } catch (IOException | RuntimeException e) {
                Loader.delete(folder);
                throw e;
            }
        } catch (IOException e) {
            throw new IllegalStateException("The samples could not be made: " + e.getMessage(), e);
        }
    }

    private Workload workload(Bench b, Path folder, String stage) throws IOException {
        switch (stage) {
            case "read":
                expected = each(sample -> new float[] {bytes(sample)});
                made = DoubleStream.of(expected).sum();
                return new InStages(new ForkJoinPool(workers), b, folder, sample -> new float[] {read(sample)});
            case "decode":
                expected = each(sample -> means(decode(sample)));
                for (int i = 0; i < samples; i++) {
                    made += distinctBytes(decode(i));
                }
                return new InStages(new ForkJoinPool(workers), b, folder, sample -> means(decode(sample)));
            case "views":
                decoded = new ArrayList<>();
                for (int i = 0; i < samples; i++) {
                    decoded.add(decode(i));
                }
                made = viewBytes();
                ViewWriter other = new ViewWriter(settings);
                expected = each(sample -> views(other, sample));
                return new InStages(new ForkJoinPool(workers), b, folder, sample -> views(writers.get(), sample));
            default:
                made = viewBytes();
                try (BatchLoader one = loader(1)) {
                    expected = doubles(LoadedBatches.next(one));
                }
                return new LoadedBatches(loader(workers), b, () -> Loader.delete(folder));
        }
    }

    private double viewBytes() {
        return (double) VIEWS * samples * settings.viewSize() * Float.BYTES;
    }

    /** Bytes of the frames, of which a picture is the same for all views. */
    private static long distinctBytes(List<ReducedImage> frames) {
        return frames.stream()
                .distinct()
                .mapToLong(f -> f.image().pixels().length)
                .sum();
    }

    /** One after the other, in this thread. */
    private double[] each(Stage stage) throws IOException {
        DoubleStream all = DoubleStream.empty();
        for (int i = 0; i < samples; i++) {
            all = DoubleStream.concat(all, DoubleStream.of(doubles(stage.of(i))));
        }
        return all.toArray();
    }

    private Sample sample(int index) {
        return dataset.samples().get(index % dataset.size());
    }

    private static Philox random(int sample, int purpose) {
        return new Philox(1, 0, sample, purpose);
    }

    /** The contents that a sample's views take: of a video in frames, as many as there are views. */
    private List<Content> contents(int index) throws IOException {
        Content content = sample(index).content();
        if (!(content instanceof FrameList list)) {
            return List.of(content);
        }
        List<Content> frames = list.frames();
        return IntStream.range(0, VIEWS)
                .mapToObj(v -> frames.get(v * frames.size() / VIEWS))
                .toList();
    }

    private long bytes(int index) throws IOException {
        long bytes = 0;
        for (Content content : contents(index)) {
            bytes += content.size();
        }
        return bytes;
    }

    private long read(int index) throws IOException {
        long bytes = 0;
        for (Content content : contents(index)) {
            try (SeekableByteChannel channel = content.open()) {
                ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(channel.size()));
                while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
                    // until all is there
                }
                bytes += buffer.position();
            }
        }
        return bytes;
    }

    /** The frames of the views, as the loader decodes them. */
    private List<ReducedImage> decode(int index) throws IOException {
        Sample sample = sample(index);
        if (!sample.isVideo()) {
            ReducedImage picture = ImageReader.read(sample.content(), 3, (width, height) -> writers.get()
                    .reduction(Kind.IMAGE, width, height, v -> random(index, v)));
            return Collections.nCopies(VIEWS, picture);
        }
        try (Video video = Video.open(sample.content())) {
            double[] times = sampler.times(random(index, VIEWS), video);
            ReducedImage[] frames = new ReducedImage[VIEWS];
            for (int v = 0; v < VIEWS; v++) {
                frames[v] = ReducedImage.of(video.frameAt(times[v], settings.shortSide(Kind.VIDEO)));
            }
            return List.of(frames);
        }
    }

    private static float[] means(List<ReducedImage> frames) {
        float[] means = new float[frames.size()];
        for (int v = 0; v < means.length; v++) {
            byte[] pixels = frames.get(v).image().pixels();
            long sum = 0;
            for (byte value : pixels) {
                sum += value & 0xFF;
            }
            means[v] = (float) sum / pixels.length;
        }
        return means;
    }

    private float[] views(ViewWriter writer, int index) {
        FloatBuffer out = FloatBuffer.allocate(VIEWS * settings.viewSize());
        for (int v = 0; v < VIEWS; v++) {
            writer.write(
                    List.of(decoded.get(index).get(v)),
                    sample(index).kind(),
                    v,
                    random(index, v),
                    out,
                    v * settings.viewSize());
        }
        return out.array();
    }

    private BatchLoader loader(int threads) throws IOException {
        return new BatchLoader(dataset, settings, sampler, new LoaderSettings(samples, threads, AHEAD, 1, Double.NaN));
    }

    @Override
    List<Expected> expected() {
        return List.of(new Expected("samples", expected, 0));
    }

    /** What the stage makes: bytes that are read, frames, or views. */
    @Override
    Cost cost() {
        return new Cost(made, 0);
    }

    /** All samples of a batch through one stage. */
    private final class InStages extends HostWork {
        private final Stage stage;
        private final ForkJoinPool pool;
        private final float[][] results = new float[samples][];

        InStages(ForkJoinPool pool, Bench bench, Path folder, Stage stage) {
            super(pool::shutdown, bench, () -> Loader.delete(folder));
            this.pool = pool;
            this.stage = stage;
        }

        @Override
        public void launch() {
            pool.submit(() -> IntStream.range(0, samples).parallel().forEach(this::one))
                    .join();
        }

        private void one(int sample) {
            try {
                results[sample] = stage.of(sample);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public float[] result(String name) {
            int length = results[0].length;
            FloatBuffer all = FloatBuffer.allocate(samples * length);
            for (float[] one : results) {
                all.put(one);
            }
            return all.array();
        }
    }
}
