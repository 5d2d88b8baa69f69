package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.eval.EncoderExport;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.EncoderNames;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.FlopCount;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.lwjgl.BufferUtils;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Images to pooled features, as a program that embeds pictures sees it: normalised images in a direct buffer, features in another. ONNX Runtime runs
 * the exported model with all its optimisations, and libtorch the traced one; both have the same weights and must give the same features.
 */
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 3)
public class ImageEncoder extends KernelBenchmark {
    /** Of bfloat16 the features have two digits; what ONNX Runtime and libtorch compute is held against ours in floats. */
    private static final double LIMIT_FP32 = 1e-5;

    private static final double LIMIT_BF16 = 3e-2;

    /** model:images, as in the training step's shapes. */
    @Param({"ti8:1", "ti8:32", "b16:1", "b16:32"})
    public String shape;

    private ModelConfig config;
    private int images;
    private float[] expected;

    @Override
    Workload open(Bench b, Implementation who) {
        config = TrainingStep.config(shape);
        images = sizes(shape.split(":")[1], 1)[0];
        Device device = b.stream().device();
        try {
            Path folder = Files.createTempDirectory("vicmae-encoder-");
            folder.toFile().deleteOnExit();
            Path file = temporary(folder, "weights.safetensors");
            try (Objective model = Objective.create(
                    device, config, 2, new Execution(Precision.FP32, false, Execution.inputs(device.kind())))) {
                model.parameters().initialise(model.kernels(), 1);
                Checkpoint.save(file, model.state(), false, Map.of());
            }
            float[] pixels = new float[images * config.trunk().imageSize()];
            Random random = new Random(1);
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] = (float) random.nextGaussian();
            }
            try (Own reference = new Own(device, Precision.FP32, file, pixels)) {
                reference.launch();
                expected = reference.result("features");
            }
            return switch (who) {
                case DJL -> torch(file, pixels);
                case ONNX -> {
                    Path graph = temporary(folder, "encoder.onnx");
                    try (EncoderExport export = EncoderExport.open(file, 0, 0)) {
                        export.write(graph, TensorForm.ONNX, null, EncoderNames.VICMAE, null, Map.of());
                    }
                    yield new OnnxWorkload(graph, pixels, new long[] {
                        images,
                        config.trunk().channels(),
                        config.trunk().height(),
                        config.trunk().width()
                    });
                }
                default -> new Own(device, b.precision(), file, pixels);
            };
        } catch (IOException e) {
            throw new UncheckedIOException("The encoder's files could not be made: " + e.getMessage(), e);
        }
    }

    private static Path temporary(Path folder, String name) {
        Path file = folder.resolve(name);
        file.toFile().deleteOnExit();
        return file;
    }

    private Workload torch(Path file, float[] pixels) throws IOException {
        Path module = TorchScript.exportEncoder(file, images);
        TorchWorkload work = new TorchWorkload();
        NDArray input = work.input(
                "images",
                pixels,
                false,
                images,
                config.trunk().channels(),
                config.trunk().height(),
                config.trunk().width());
        return work.scriptForward(module, "features", input);
    }

    @Override
    List<Expected> expected() {
        return List.of(new Expected("features", doubles(expected), precision.equals("bf16") ? LIMIT_BF16 : LIMIT_FP32));
    }

    @Override
    Cost cost() {
        // Images and the blocks' weights are read once.
        double views = (double) images * config.trunk().imageSize() * Float.BYTES;
        double dim = config.trunk().dim();
        double weights = config.trunk().depth()
                * (4 * dim * dim + 2 * dim * config.trunk().hidden())
                * Float.BYTES;
        return new Cost(views + weights, images * FlopCount.features(config.trunk()));
    }

    private final class Own extends HostWork {
        private final FeatureExtractor extractor;
        private final FloatBuffer input;
        private final FloatBuffer output;

        Own(Device device, Precision type, Path file, float[] pixels) throws IOException {
            this(
                    new FeatureExtractor(
                            device, config.trunk(), config.objective().pooling(), images, type),
                    file,
                    pixels);
        }

        private Own(FeatureExtractor extractor, Path file, float[] pixels) throws IOException {
            super(extractor);
            this.extractor = extractor;
            try (TensorSource source = TensorSource.open(file)) {
                extractor.load(source);
            }
            input = BufferUtils.createFloatBuffer(pixels.length).put(0, pixels);
            output = BufferUtils.createFloatBuffer(images * config.trunk().dim());
        }

        @Override
        public void launch() {
            extractor.extract(input, output, images);
        }

        @Override
        public float[] result(String name) {
            float[] features = new float[output.capacity()];
            output.get(0, features);
            return features;
        }
    }
}
