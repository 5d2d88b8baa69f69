package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.oracle.MaskedMseOracle;
import io.github.vicmae.kernel.patch.MaskedMseKernels;
import io.github.vicmae.kernel.patch.PixelTarget;
import java.util.List;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/** The reconstruction loss of the masked patches with normalised targets, and its gradient: one pass here, operator by operator in libtorch. */
public class MaskedMse extends KernelBenchmark {
    private static final int CHANNELS = 3;

    /** samples x side x patch x kept patches */
    @Param({"8x224x16x49", "64x64x8x16"})
    public String shape;

    private int samples;
    private int side;
    private int patch;
    private int kept;
    private int patches;
    private int pixels;
    private Bench bench;
    private float[] prediction;
    private float[] images;
    private int[] restore;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 4);
        samples = size[0];
        side = size[1];
        patch = size[2];
        kept = size[3];
        patches = side / patch * (side / patch);
        pixels = patch * patch * CHANNELS;
        bench = b;
        prediction = b.normal(samples * (1 + patches) * pixels, 1);
        images = b.normal(samples * CHANNELS * side * side, 1);
        restore = b.ranks(samples, patches);
        return who == Implementation.DJL ? torch() : own(b);
    }

    private Workload own(Bench b) {
        Tensor pt = b.activations("pred", prediction, samples, 1 + patches, pixels);
        Tensor it = b.floats("images", images, samples, CHANNELS, side, side);
        Tensor rt = b.integers("restore", restore, samples, patches);
        Tensor weight = b.floats("weight", new float[] {1}, 1);
        Tensor loss = b.resultFloats("loss", 2);
        Tensor dpred = b.resultActivations("dpred", samples, 1 + patches, pixels);
        PatchGrid grid = PatchGrid.ofImage(side, side, patch);
        Tensor scratch = b.scratch(MaskedMseKernels.scratchSize(grid, samples));
        MaskedMseKernels k = b.kernels().maskedMse();
        return b.run(() -> k.forwardBackward(
                loss,
                dpred,
                pt,
                it,
                rt,
                grid,
                2,
                samples,
                CHANNELS,
                kept,
                PixelTarget.of(grid, true),
                weight,
                scratch));
    }

    private Workload torch() {
        TorchWorkload t = new TorchWorkload();
        NDArray all = t.input("pred", prediction, true, samples, 1 + patches, pixels);
        NDArray views = t.input("images", images, false, samples, CHANNELS, side, side);
        int across = side / patch;
        float[] masked = new float[samples * patches];
        for (int i = 0; i < masked.length; i++) {
            masked[i] = restore[i] >= kept ? 1 : 0;
        }
        NDArray mask = t.input("mask", masked, false, samples, patches);
        float share = 1f / (samples * (patches - kept));
        Supplier<NDArray> forward = () -> {
            NDArray target = views.reshape(samples, CHANNELS, across, patch, across, patch)
                    .transpose(0, 2, 4, 3, 5, 1)
                    .reshape(samples, patches, pixels);
            NDArray centred = target.sub(target.mean(new int[] {2}, true));
            NDArray variance = centred.square().sum(new int[] {2}, true).div(pixels - 1);
            NDArray normalised = centred.div(variance.add(1e-6f).sqrt());
            NDArray error = all.get(":,1:").sub(normalised).square().mean(new int[] {2});
            return error.mul(mask).sum().mul(share);
        };
        return t.both("loss", forward, null);
    }

    @Override
    List<Expected> expected() {
        double[] dpred = new double[prediction.length];
        double[] loss = new MaskedMseOracle(PatchGrid.ofImage(side, side, patch), 2, samples, CHANNELS, kept, true)
                .loss(dpred, doubles(prediction), doubles(images), restore, 1);
        // libtorch gives the mean over both views.
        double[] found = implementation.equals("djl") ? new double[] {(loss[0] + loss[1]) / 2} : loss;
        return List.of(new Expected("loss", found, 1e-5), new Expected("dpred", dpred, 1e-5 + bench.rounding()));
    }

    @Override
    Cost cost() {
        double act = bench.activationBytes();
        double masked = (double) samples * (patches - kept) * pixels;
        double gradient = (double) samples * (1 + patches) * pixels;
        return new Cost(masked * (4 + act) + gradient * act, 0);
    }
}
