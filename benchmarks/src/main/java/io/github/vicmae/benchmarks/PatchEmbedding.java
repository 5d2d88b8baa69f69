package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.nn.convolutional.Conv2d;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.matmul.MatMul;
import io.github.vicmae.kernel.patch.PatchEmbedKernels;
import io.github.vicmae.kernel.patch.PositionTables;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/**
 * Tokens of the kept patches: gathered, multiplied with the weight, bias and position added, the class token in front. libtorch convolves all
 * patches and then takes those that are kept, as the published PyTorch code does.
 */
public class PatchEmbedding extends KernelBenchmark {
    private static final int CHANNELS = 3;

    /** samples x side x patch x kept patches x width */
    @Param({"8x224x16x49x768", "64x64x8x16x192"})
    public String shape;

    /** forward or backward. */
    @Param({"forward", "backward"})
    public String pass;

    private int samples;
    private int side;
    private int patch;
    private int kept;
    private int width;
    private int patches;
    private int pixels;
    private Bench bench;
    private float[] images;
    private float[] weight;
    private float[] bias;
    private float[] cls;
    private float[] positions;
    private int[] keep;
    private float[] dtokens;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 5);
        samples = size[0];
        side = size[1];
        patch = size[2];
        kept = size[3];
        width = size[4];
        patches = side / patch * (side / patch);
        pixels = CHANNELS * patch * patch;
        bench = b;
        images = b.normal(samples * CHANNELS * side * side, 1);
        weight = b.normal(width * pixels, 1 / Math.sqrt(pixels));
        bias = b.normal(width, 1);
        cls = b.normal(width, 1);
        positions = b.normal((1 + patches) * width, 1);
        keep = Bench.keep(b.ranks(samples, patches), samples, patches, kept);
        dtokens = b.normal(samples * (1 + kept) * width, 1);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        Tensor it = b.floats("images", images, samples, CHANNELS, side, side);
        Tensor wt = b.activations("weight", weight, width, pixels);
        Tensor bt = b.floats("bias", bias, width);
        Tensor ct = b.floats("cls", cls, width);
        Tensor pt = b.floats("positions", positions, 1 + patches, width);
        Tensor kt = b.integers("keep", keep, samples, kept);
        Tensor gathered = b.arena().tensor("patches", b.activations(), samples * kept, pixels);
        Tensor embedded = b.arena().tensor("embedded", b.activations(), samples * kept, width);
        Tensor tokens = b.resultFloats("tokens", samples, 1 + kept, width);
        PatchEmbedKernels k = b.kernels().patchEmbed();
        MatMul m = b.kernels().matMul();
        Product product = new Product();
        Tensor dt = b.floats("dtokens", dtokens, samples, 1 + kept, width);
        Tensor dembedded = b.arena().tensor("dembedded", b.activations(), samples * kept, width);
        Tensor dcls = b.resultFloats("dcls", width);
        Tensor dbias = b.resultFloats("dbias", width);
        Tensor dweight = b.resultFloats("dweight", width, pixels);
        Tensor scratch = b.scratch(Math.max(
                PatchEmbedKernels.scratchSize(b.stream(), width),
                MatMul.scratchSize(b.stream(), b.activations(), width, pixels, samples * kept)));
        PatchGrid grid = PatchGrid.ofImage(side, side, patch);
        Runnable forward = () -> {
            k.gather(gathered, it, kt, grid, samples, CHANNELS, kept);
            m.multiply(product.of(gathered, false, wt, true, samples * kept, width, pixels)
                    .to(Epilogue.WRITE, embedded));
            k.assemble(tokens, embedded, bt, ct, PositionTables.of(pt), kt, grid, samples, kept, width);
        };
        Runnable backward = () -> {
            k.backward(dembedded, dcls, dbias, dt, grid, samples, kept, width, scratch);
            m.multiply(product.of(dembedded, true, gathered, false, width, pixels, samples * kept)
                    .scratch(scratch)
                    .to(Epilogue.ADD, dweight));
        };
        return b.run(pass, forward, backward);
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        NDArray it = t.input("images", images, false, samples, CHANNELS, side, side);
        NDArray wt = t.input("weight", weight, false, width, CHANNELS, patch, patch);
        NDArray bt = t.input("bias", bias, false, width);
        NDArray ct = t.input("cls", cls, false, 1, 1, width);
        NDArray pt = t.input("positions", positions, false, 1, 1 + patches, width);
        NDArray rows = t.integers(keep, samples, kept, 1).repeat(2, width);
        return t.forward("tokens", () -> {
            NDArray all =
                    Conv2d.conv2d(it, wt, bt, TorchWorkload.shape(patch, patch)).singletonOrThrow();
            NDArray tokens =
                    all.reshape(samples, width, patches).transpose(0, 2, 1).add(pt.get(":,1:"));
            NDArray some = tokens.gather(rows, 1);
            NDArray first = ct.add(pt.get(new NDIndex(":,0:1"))).broadcast(samples, 1, width);
            return first.concat(some, 1);
        });
    }

    /** The first sample's tokens. */
    @Override
    List<Expected> expected() {
        double[] tokens = new double[(1 + kept) * width];
        int across = side / patch;
        for (int row = 0; row <= kept; row++) {
            for (int o = 0; o < width; o++) {
                double sum = row == 0 ? cls[o] + positions[o] : 0;
                if (row > 0) {
                    int place = keep[row - 1];
                    sum = bias[o] + (double) positions[(1 + place) * width + o];
                    for (int i = 0; i < pixels; i++) {
                        int channel = i / (patch * patch);
                        int y = place / across * patch + i / patch % patch;
                        int x = place % across * patch + i % patch;
                        sum += (double) images[(channel * side + y) * side + x] * weight[o * pixels + i];
                    }
                }
                tokens[row * width + o] = sum;
            }
        }
        Expected output = new Expected("tokens", tokens, 1e-5 + bench.rounding());
        return pass.equals("forward") ? List.of(output) : List.of(output, dcls(), dweight());
    }

    private Expected dcls() {
        double[] dcls = new double[width];
        for (int n = 0; n < samples; n++) {
            for (int o = 0; o < width; o++) {
                dcls[o] += dtokens[n * (1 + kept) * width + o];
            }
        }
        return new Expected("dcls", dcls, 1e-5);
    }

    /** The first output's row of the weight's gradient. */
    private Expected dweight() {
        double[] row = new double[pixels];
        int across = side / patch;
        for (int n = 0; n < samples; n++) {
            for (int token = 0; token < kept; token++) {
                double d = dtokens[(n * (1 + kept) + 1 + token) * width];
                int place = keep[n * kept + token];
                for (int i = 0; i < pixels; i++) {
                    int y = place / across * patch + i / patch % patch;
                    int x = place % across * patch + i % patch;
                    row[i] += d * images[((n * CHANNELS + i / (patch * patch)) * side + y) * side + x];
                }
            }
        }
        return new Expected("dweight", row, 1e-5 + 2 * bench.rounding());
    }

    @Override
    Cost cost() {
        double rows = (double) samples * kept;
        double act = bench.activationBytes();
        double flops = 2 * rows * pixels * width;
        double tokens = 4 * (rows + samples) * width;
        double positions = 4.0 * (1 + Arrays.stream(keep).distinct().count()) * width;
        return Cost.ofPass(
                pass,
                new Cost(rows * pixels * 4 + act * pixels * width + positions + tokens, flops),
                new Cost(rows * pixels * act + 8.0 * pixels * width + tokens, flops));
    }
}
