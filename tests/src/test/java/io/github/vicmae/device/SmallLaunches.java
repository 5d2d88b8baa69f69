package io.github.vicmae.device;

import io.github.vicmae.data.MixingSettings;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.data.view.FrameUpload;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.LarsKernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.attention.AttentionKernels;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.PixelTarget;
import io.github.vicmae.kernel.patch.PositionKernels;
import io.github.vicmae.kernel.patch.PositionTables;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.PositionKind;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Training steps of models as small as can be, the views of small pictures, attention and what follows products, whose odd sizes end within
 * warps, vectors and tiles: all kernels are launched.
 */
final class SmallLaunches {
    private SmallLaunches() {}

    static void all(String device) {
        // 5 of 9 patches are kept; rows of the contrastive loss fill one tile and a part of the next.
        step(device, config(Variant.RELEASE, 1, 12, Pooling.MEAN, 0.1), 35);
        step(device, config(Variant.PAPER, 3, 20, Pooling.MEAN, 0.1), 3);
        step(device, config(Variant.RELEASE, 4, 12, Pooling.MAX, 0.01), 2);
        step(device, config(Variant.PAPER, 2, 8, Pooling.GEM, 0.01), 5);
        step(device, config(Variant.RELEASE, 3, 36, Pooling.CLS, 0.1), 3);
        // In bfloat16: heads of 16 go to the matrix units, the decoder's of 18 do not.
        step(device, Precision.BF16, config(Variant.RELEASE, 1, 32, Pooling.MEAN, 0.1), 5);
        step(device, Precision.BF16, config(Variant.PAPER, 3, 20, Pooling.GEM, 0.1), 3);
        for (String contrast : new String[] {"infonce-tiled", "infonce-naive", "vicreg", "simsiam"}) {
            step(device, config(Variant.RELEASE, 1, 12, Pooling.MEAN, 0.1).with("objective.contrast", contrast), 35);
            step(device, config(Variant.PAPER, 3, 20, Pooling.MEAN, 0.1).with("objective.contrast", contrast), 3);
        }
        for (int channels = 1; channels <= 4; channels++) {
            views(device, ViewSettings.release(9, 7, channels));
        }
        for (int headDim : new int[] {32, 64, 80, 128, 33}) {
            attention(device, headDim);
        }
        pointwise(device);
        positions(device);
        clipLoss(device);
        classifier(device, Precision.FP32);
        classifier(device, Precision.BF16);
        lars(device);
    }

    /** A step of a classifier, with everything that may be dropped and the average of its weights. */
    private static void classifier(String name, Precision precision) {
        ModelConfig config = new ModelConfig(
                new TrunkConfig(12, 12, 3, 4, 12, 2, 2, 2, 1, 1, true, PositionKind.TUNED),
                null,
                new ClassifierConfig(
                        List.of("a", "b", "c"), 0.5, 0.5, null, 1, "none", 0, true, 0.9, 1, MixingSettings.usual()));
        try (Device device = Device.open(name);
                Objective model = Objective.create(device, config, 3, Execution.of(precision));
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT, 0.9)) {
            model.parameters().initialise(model.kernels(), 1);
            model.parameters().startAverages(model.stream());
            FloatBuffer inputs = model.input(0).host().floats();
            float[] views = normal(model.input(0).batch(0).noiseOffset());
            inputs.put(0, views);
            model.fill(model.input(0), new int[] {2, 0, 1}, 1, 0);
            model.forwardBackward(1);
            optimizer.step(1e-3);
        }
    }

    /** LARS over two heads whose sizes end within a warp. */
    private static void lars(String name) {
        int heads = 2;
        int size = 35;
        int classes = 5;
        try (Device device = Device.open(name);
                Arena arena = new Arena("lars")) {
            Tensor weights = arena.floats("weights", heads, size);
            Tensor gradients = arena.floats("gradients", heads, size);
            Tensor momenta = arena.floats("momenta", heads, size);
            Tensor biases = arena.floats("biases", heads, classes);
            Tensor biasGradients = arena.floats("gradients of biases", heads, classes);
            Tensor biasMomenta = arena.floats("momenta of biases", heads, classes);
            Tensor rates = arena.floats("rates", heads);
            Tensor scratch = arena.floats("scratch", LarsKernels.scratchSize(heads, size));
            arena.allocate(device);
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                for (Tensor t : new Tensor[] {weights, gradients, momenta, biases, biasGradients, biasMomenta, rates}) {
                    stream.write(t, normal((int) t.size()));
                }
                kernels.lars()
                        .step(
                                weights,
                                gradients,
                                momenta,
                                biases,
                                biasGradients,
                                biasMomenta,
                                rates,
                                scratch,
                                LarsKernels.Settings.PROBE);
                stream.synchronize();
            }
        }
    }

    /** Attention in bfloat16, whose kernels depend on the head dimension. */
    private static void attention(String name, int headDim) {
        int samples = 1;
        int tokens = 19;
        int heads = 2;
        int width = heads * headDim;
        try (Device device = Device.open(name);
                Arena arena = new Arena("attention")) {
            Tensor qkv = arena.tensor("qkv", DType.BF16, samples, tokens, 3 * width);
            Tensor out = arena.tensor("out", DType.BF16, samples, tokens, width);
            Tensor lse = arena.floats("lse", samples, heads, tokens);
            Tensor dout = arena.tensor("dout", DType.BF16, samples, tokens, width);
            Tensor dqkv = arena.tensor("dqkv", DType.BF16, samples, tokens, 3 * width);
            Tensor scratch = arena.floats(
                    "scratch", Math.toIntExact(AttentionKernels.scratchSize(samples, tokens, heads, headDim)));
            arena.allocate(device);
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                stream.write(qkv, normal((int) qkv.size()));
                stream.write(dout, normal((int) dout.size()));
                kernels.attention().forward(out, lse, qkv, samples, tokens, heads, headDim);
                kernels.attention().backward(dqkv, dout, qkv, out, lse, samples, tokens, heads, headDim, scratch);
                stream.synchronize();
            }
        }
    }

    private static float[] normal(int size) {
        Random random = new Random(size);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** What follows a product where that is not done in its pass. */
    private static void pointwise(String name) {
        int rows = 5;
        int width = 37;
        try (Device device = Device.open(name);
                Arena arena = new Arena("pointwise")) {
            Tensor x = arena.floats("x", rows, width);
            Tensor y = arena.floats("y", rows, width);
            Tensor bias = arena.floats("bias", width);
            Tensor factors = arena.floats("factors", rows);
            Tensor xHalf = arena.tensor("x in bfloat16", DType.BF16, rows, width);
            Tensor yHalf = arena.tensor("y in bfloat16", DType.BF16, rows, width);
            Kernels kernels = Kernels.onNewStream(device);
            Tensor scratch = arena.floats("scratch", Reduce.scratchSize(kernels.stream(), width));
            arena.allocate(device);
            try (Stream stream = kernels.stream()) {
                stream.write(x, normal(rows * width));
                stream.write(y, normal(rows * width));
                stream.write(bias, normal(width));
                stream.write(factors, normal(rows));
                kernels.pointwise().convert(xHalf, x);
                kernels.pointwise().convert(yHalf, y);
                kernels.pointwise().convert(x, xHalf);
                for (Tensor[] t : new Tensor[][] {{x, y}, {xHalf, yHalf}}) {
                    kernels.pointwise().addBias(t[0], bias, rows, width);
                    kernels.pointwise().biasGelu(t[1], t[0], bias, rows, width);
                    kernels.pointwise().geluBackward(t[1], t[1], t[0], t[0].size());
                    kernels.reduce().columnSum(bias, t[0], rows, width, scratch);
                    kernels.pointwise().scaleRows(t[1], t[0], factors, 1, rows, width);
                }
                kernels.pointwise().addBiasResidual(y, x, y, bias, rows, width);
                stream.synchronize();
            }
        }
    }

    /** The gradients of positions that are learned in space and in time. */
    private static void positions(String name) {
        PatchGrid grid = new PatchGrid(4, 6, 9, 2, 3, true);
        int width = 37;
        int kept = 5;
        try (Device device = Device.open(name);
                Arena arena = new Arena("positions")) {
            Tensor space = arena.floats("space", grid.places(), width);
            Tensor time = arena.floats("time", grid.times(), width);
            Tensor classToken = arena.floats("class token", width);
            Tensor dtokens = arena.floats("dtokens", 2, grid.tokens(kept), width);
            Tensor restore = arena.tensor("restore", DType.I32, 2, grid.patches());
            Tensor scratch = arena.floats("scratch", (int) PositionKernels.scratchSize(grid, width));
            arena.allocate(device);
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                for (Tensor t : new Tensor[] {space, time, classToken, dtokens}) {
                    stream.write(t, normal((int) t.size()));
                }
                stream.write(
                        restore, IntStream.range(0, 24).map(i -> i * 5 % 12).toArray());
                PositionTables tables = new PositionTables(space, time, classToken);
                kernels.positions().backward(tables, dtokens, restore, grid, 2, kept, width, scratch);
                stream.synchronize();
            }
        }
    }

    /** The reconstruction of a clip, two of whose four frames are targets. */
    private static void clipLoss(String name) {
        PatchGrid grid = new PatchGrid(4, 6, 9, 2, 3, true);
        PixelTarget target = new PixelTarget(2, PixelTarget.Normalisation.CHANNEL, null);
        int pixels = target.patchSize(grid, 3);
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            try (Device device = Device.open(name);
                    Arena arena = new Arena("clip")) {
                Tensor loss = arena.floats("loss", 1);
                Tensor pred = arena.tensor("pred", type, 2, grid.tokens(), pixels);
                Tensor dpred = arena.tensor("dpred", type, 2, grid.tokens(), pixels);
                Tensor images = arena.floats("images", 2, 3, 4, 6, 9);
                Tensor restore = arena.tensor("restore", DType.I32, 2, grid.patches());
                Tensor weight = arena.floats("weight", 1);
                Tensor scratch = arena.floats("scratch", (int) MaskedMseKernels.scratchSize(grid, 2));
                arena.allocate(device);
                Kernels kernels = Kernels.onNewStream(device);
                try (Stream stream = kernels.stream()) {
                    for (Tensor t : new Tensor[] {pred, images, weight}) {
                        stream.write(t, normal((int) t.size()));
                    }
                    stream.write(
                            restore, IntStream.range(0, 24).map(i -> i * 5 % 12).toArray());
                    kernels.maskedMse()
                            .forwardBackward(
                                    loss, dpred, pred, images, restore, grid, 1, 2, 3, 5, target, weight, scratch);
                    stream.synchronize();
                }
            }
        }
    }

    /** The views of one picture, one of them too large to be uploaded as it is. */
    private static void views(String name, ViewSettings settings) {
        ViewWriter writer = new ViewWriter(settings);
        FrameUpload upload = new FrameUpload(settings, 4);
        for (int i = 0; i < 4; i++) {
            int side = i == 3 ? 60 : 10 + i;
            byte[] pixels = new byte[side * side];
            new Random(i).nextBytes(pixels);
            writer.pack(new Image(side, side, 1, pixels), Kind.IMAGE, i / 2, new Philox(2, 0, i, 0), upload, i);
        }
        try (Device device = Device.open(name);
                DeviceViews views = new DeviceViews(device, settings, 2);
                Arena arena = new Arena("views")) {
            Tensor images = arena.floats("images", 4, settings.viewSize());
            arena.allocate(device);
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                views.load(upload);
                views.upload(stream);
                views.make(kernels, images);
                stream.synchronize();
            }
        }
    }

    private static ModelConfig config(Variant variant, int channels, int dim, Pooling pooling, double temperature) {
        return new ModelConfig(
                new TrunkConfig(12, 12, channels, 4, dim, 1, 2, 2),
                new DecoderConfig(dim + 4, 1, 2, 2, true),
                ViCMaeConfig.of(variant, 0.5, pooling, 14, 6, temperature));
    }

    private static void step(String name, ModelConfig config, int batch) {
        step(name, Precision.FP32, config, batch);
    }

    private static void step(String name, Precision precision, ModelConfig config, int batch) {
        try (Device device = Device.open(name);
                Objective model = Objective.create(device, config, batch, Execution.of(precision));
                AdamW optimizer =
                        new AdamW(model.kernels(), model.parameters(), new AdamW.Settings(0.9, 0.95, 1e-8, 0.05, 1))) {
            model.parameters().initialise(model.kernels(), 1);
            FloatBuffer inputs = model.input(0).host().floats();
            Philox random = new Philox(1, 0, 0, 0);
            for (int i = 0; i < model.input(0).batch(0).noiseOffset(); i++) {
                inputs.put(i, (float) random.nextGaussian());
            }
            IntBuffer keys = IntBuffer.allocate(2 * batch * Philox.KEY_WORDS);
            for (int view = 0; view < 2 * batch; view++) {
                new Philox(1, 0, view, 1).key(keys, view * Philox.KEY_WORDS);
            }
            model.input(0).drawMasks(true);
            model.input(0).batch(0).keys(keys);
            model.forwardBackward(1, 0.3);
            optimizer.step(1e-3);
        }
    }
}
