package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PositionTables;
import io.github.vicmae.kernel.patch.TokenKernels;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** The decoder's input: visible tokens put back in their places, mask tokens between them, positions added; and the gradients of that. */
public class DecoderTokens extends KernelBenchmark {
    /** samples x patches x kept patches x width */
    @Param({"8x196x49x512", "64x64x16x96"})
    public String shape;

    /** forward, backward or both. */
    @Param({"forward", "backward"})
    public String pass;

    private int samples;
    private int patches;
    private int kept;
    private int width;
    private Bench bench;
    private float[] embedded;
    private float[] mask;
    private float[] positions;
    private float[] dout;
    private int[] restore;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 4);
        samples = size[0];
        patches = size[1];
        kept = size[2];
        width = size[3];
        bench = b;
        embedded = b.normal(samples * (1 + kept) * width, 1);
        mask = b.normal(width, 1);
        positions = b.normal((1 + patches) * width, 1);
        dout = b.normal(samples * (1 + patches) * width, 1);
        restore = b.ranks(samples, patches);
        Tensor et = b.activations("embedded", embedded, samples, 1 + kept, width);
        Tensor mt = b.floats("mask token", mask, width);
        Tensor pt = b.floats("positions", positions, 1 + patches, width);
        Tensor rt = b.integers("restore", restore, samples, patches);
        Tensor kt = b.integers("keep", Bench.keep(restore, samples, patches, kept), samples, kept);
        Tensor dt = b.floats("dout", dout, samples, 1 + patches, width);
        Tensor out = b.resultFloats("out", samples, 1 + patches, width);
        Tensor dembedded = b.resultActivations("dembedded", samples, 1 + kept, width);
        Tensor dmask = b.resultFloats("dmask", width);
        Tensor scratch = b.scratch(TokenKernels.scratchSize(b.stream(), width));
        PatchGrid grid = PatchGrid.ofImage(1, patches, 1); // the tokens depend on the number of patches alone
        TokenKernels k = b.kernels().tokens();
        return b.run(
                pass,
                () -> k.scatter(out, et, mt, null, PositionTables.of(pt), rt, grid, grid, samples, kept, width),
                () -> k.gather(dembedded, dmask, null, dt, rt, kt, grid, grid, samples, kept, width, scratch));
    }

    @Override
    List<Expected> expected() {
        double[] out = new double[dout.length];
        double[] dembedded = new double[embedded.length];
        double[] dmask = new double[width];
        for (int n = 0; n < samples; n++) {
            for (int row = 0; row <= patches; row++) {
                int rank = row == 0 ? -1 : restore[n * patches + row - 1];
                for (int i = 0; i < width; i++) {
                    int at = (n * (1 + patches) + row) * width + i;
                    int from = (n * (1 + kept) + 1 + rank) * width + i;
                    out[at] = positions[row * width + i] + (double) (rank < kept ? embedded[from] : mask[i]);
                    if (rank < kept) {
                        dembedded[from] = dout[at];
                    } else {
                        dmask[i] += dout[at];
                    }
                }
            }
        }
        Expected output = new Expected("out", out, 1e-6);
        return pass.equals("forward")
                ? List.of(output)
                : List.of(
                        output,
                        new Expected("dembedded", dembedded, 1e-6 + bench.rounding()),
                        new Expected("dmask", dmask, 1e-5));
    }

    @Override
    Cost cost() {
        double visible = (double) samples * (1 + kept) * width * bench.activationBytes();
        double all = 4.0 * samples * (1 + patches) * width;
        double ranks = 4.0 * samples * patches;
        double position = 4.0 * (1 + patches) * width;
        return Cost.ofPass(pass, new Cost(visible + all + ranks + position, 0), new Cost(visible + all + ranks, 0));
    }
}
