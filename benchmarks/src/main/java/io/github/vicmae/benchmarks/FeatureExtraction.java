package io.github.vicmae.benchmarks;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.eval.EncoderFeatures;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.FlopCount;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.lwjgl.BufferUtils;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Features of files, as {@code knn} and {@code probe} extract them: decoded by a worker for each processor while the encoder computes; beside the
 * encoder alone on the same views. The ratio of the two is what decoding leaves of the encoder's own rate. The files are pictures of 256 pixels for
 * views of 224, and of 64 for smaller ones, or videos, of which 8 frames are taken.
 */
@Warmup(iterations = 1, time = 2)
@Measurement(iterations = 5, time = 4)
public class FeatureExtraction extends KernelBenchmark {
    private static final int LARGE = 128;

    /** model:files, as in the training step's shapes. */
    @Param({"ti8:512", "b16:32"})
    public String shape;

    /** What the files are; the encoder alone on their views. */
    @Param({"images", "images-encoder", "videos", "videos-encoder"})
    public String pass;

    private ModelConfig config;
    private float[] expected;
    private int views;

    @Override
    Workload open(Bench b, Implementation who) {
        config = TrainingStep.config(shape);
        int files = sizes(shape.split(":")[1], 1)[0];
        boolean alone = pass.endsWith("-encoder");
        try {
            Path folder = Files.createTempDirectory("vicmae-features-");
            try {
                int side = config.trunk().height() > LARGE ? 256 : 64;
                Dataset data = new StageSamples(folder, "", files, side).of(pass.split("-")[0]);
                return new Extraction(b, data, folder, alone);
            } catch (IOException | RuntimeException e) {
                Loader.delete(folder);
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("The files could not be made", e);
        }
    }

    @Override
    List<Expected> expected() {
        return List.of(new Expected("features", doubles(expected), 0));
    }

    @Override
    Cost cost() {
        double bytes = (double) views * config.trunk().imageSize() * Float.BYTES; // the views are read once
        return new Cost(bytes, views * FlopCount.features(config.trunk()));
    }

    /** A batch of views, and the features that the encoder gave them. */
    private record Batch(FloatBuffer views, int count, float[] features) {}

    /** Keeps the views that it is given. */
    private static final class Recorder implements ViewFeatures {
        private final ViewFeatures encoder;
        private final List<Batch> batches = new ArrayList<>();

        Recorder(ViewFeatures encoder) {
            this.encoder = encoder;
        }

        @Override
        public int width() {
            return encoder.width();
        }

        @Override
        public void compute(FloatBuffer views, boolean clips, FloatBuffer features, int count) {
            encoder.compute(views, clips, features, count);
            FloatBuffer copy = BufferUtils.createFloatBuffer(views.capacity());
            copy.put(0, views, 0, views.capacity());
            float[] values = new float[count * width()];
            features.get(0, values);
            batches.add(new Batch(copy, count, values));
        }
    }

    private final class Extraction extends HostWork {
        private final Dataset data;
        private final boolean alone;
        private final ViewFeatures encoder;
        private final List<Batch> batches;
        private final FloatBuffer out;
        private float[] features;

        Extraction(Bench b, Dataset data, Path folder, boolean alone) throws IOException {
            this(
                    b,
                    data,
                    folder,
                    alone,
                    new FeatureExtractor(
                            b.stream().device(),
                            config.trunk(),
                            config.objective().pooling(),
                            SampleFeatures.Settings.BATCH));
        }

        private Extraction(Bench b, Dataset data, Path folder, boolean alone, FeatureExtractor extractor)
                throws IOException {
            super(extractor, b, () -> Loader.delete(folder));
            this.data = data;
            this.alone = alone;
            extractor.initialise(1);
            encoder = new EncoderFeatures(extractor, FeatureTokens.POOLED);
            out = BufferUtils.createFloatBuffer(SampleFeatures.Settings.BATCH * encoder.width());
            Recorder recorder = new Recorder(encoder);
            float[] means = flat(extract(recorder, 1).features(0));
            batches = recorder.batches;
            views = batches.stream().mapToInt(Batch::count).sum();
            expected = alone ? flat(batches.stream().map(Batch::features).toArray(float[][]::new)) : means;
        }

        private SampleFeatures extract(ViewFeatures kind, int workers) throws IOException {
            int side = config.trunk().height();
            return SampleFeatures.of(
                    data,
                    config.trunk(),
                    ViewSettings.release(side, side, config.trunk().channels()),
                    List.of(kind),
                    new SampleFeatures.Settings(
                            SampleFeatures.Settings.FRAMES, workers, SampleFeatures.Settings.BATCH, 1),
                    done -> {});
        }

        @Override
        public void launch() {
            if (alone) {
                float[][] all = new float[batches.size()][];
                for (int i = 0; i < all.length; i++) {
                    Batch batch = batches.get(i);
                    encoder.compute(batch.views, false, out, batch.count);
                    all[i] = new float[batch.features.length];
                    out.get(0, all[i]);
                }
                features = flat(all);
                return;
            }
            try {
                features = flat(extract(encoder, Runtime.getRuntime().availableProcessors())
                        .features(0));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public float[] result(String name) {
            return features;
        }
    }

    private static float[] flat(float[][] rows) {
        int length = 0;
        for (float[] row : rows) {
            length += row.length;
        }
        FloatBuffer all = FloatBuffer.allocate(length);
        for (float[] row : rows) {
            all.put(row);
        }
        return all.array();
    }
}
