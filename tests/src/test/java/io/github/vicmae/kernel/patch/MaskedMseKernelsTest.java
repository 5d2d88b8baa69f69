package io.github.vicmae.kernel.patch;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.oracle.MaskedMseOracle;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MaskedMseKernelsTest {
    /** views, samples, channels, height, width, patch, kept. */
    private static final int[][] SHAPES = {
        {1, 1, 1, 2, 2, 2, 0},
        {2, 2, 3, 4, 8, 2, 3},
        {2, 4, 1, 9, 6, 3, 2},
        {1, 3, 4, 5, 5, 1, 7},
        {2, 6, 3, 28, 14, 14, 1},
        {2, 2, 3, 64, 48, 16, 5},
        {3, 3, 2, 33, 66, 33, 1},
        {2, 4, 3, 8, 8, 4, 4}, // nothing is masked
    };

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracle(String device) {
        for (int[] shape : SHAPES) {
            for (boolean normPix : new boolean[] {false, true}) {
                for (DType type : KernelFixture.ACTIVATIONS) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        check(fixture, type, shape, normPix);
                    }
                }
            }
        }
    }

    private static void check(KernelFixture fixture, DType type, int[] shape, boolean normPix) {
        int views = shape[0];
        int samples = shape[1];
        int channels = shape[2];
        int height = shape[3];
        int width = shape[4];
        int patch = shape[5];
        int kept = shape[6];
        PatchGrid grid = PatchGrid.ofImage(height, width, patch);
        int patches = grid.patches();
        int pixels = grid.patchSize(channels);
        String at = " " + java.util.Arrays.toString(shape) + (normPix ? " normalised" : "");
        float[] pred = fixture.normal(samples * (1 + patches) * pixels, 1);
        Tensor predTensor = fixture.tensor(type, pred, samples, 1 + patches, pixels);
        float[] images = fixture.normal(samples * channels * height * width, 1);
        int[] restore = permutations(fixture.random(), samples, patches);
        float weight = 0.97f;

        double[] dpred = new double[pred.length];
        double[] loss = new MaskedMseOracle(views, samples, channels, height, width, patch, kept, normPix)
                .loss(dpred, doubles(pred), doubles(images), restore, weight);

        Tensor lt = fixture.unwritten(views);
        Tensor dt = fixture.unwritten(type, samples, 1 + patches, pixels);
        Tensor scratch = fixture.unwritten((int) MaskedMseKernels.scratchSize(grid, samples));
        new MaskedMseKernels(fixture.stream())
                .forwardBackward(
                        lt,
                        dt,
                        predTensor,
                        fixture.tensor(images, samples, channels, height, width),
                        fixture.tensor(restore, samples, patches),
                        grid,
                        views,
                        samples,
                        channels,
                        kept,
                        normPix,
                        fixture.tensor(new float[] {weight}, 1),
                        scratch);
        fixture.assertClose("loss" + at, loss, lt, 1e-6);
        fixture.assertClose("dpred" + at, dpred, dt, 1e-5);
    }

    private static int[] permutations(Random random, int samples, int patches) {
        int[] restore = new int[samples * patches];
        for (int n = 0; n < samples; n++) {
            for (int l = 0; l < patches; l++) {
                int other = random.nextInt(l + 1);
                restore[n * patches + l] = restore[n * patches + other];
                restore[n * patches + other] = l;
            }
        }
        return restore;
    }

    @Test
    void oracleMatchesFiniteDifferences() {
        Random random = new Random(7);
        double[] pred = new double[2 * 5 * 12];
        double[] images = new double[2 * 3 * 4 * 4];
        for (int i = 0; i < pred.length; i++) {
            pred[i] = random.nextGaussian();
        }
        for (int i = 0; i < images.length; i++) {
            images[i] = random.nextGaussian();
        }
        int[] restore = {2, 0, 3, 1, 1, 2, 0, 3};
        MaskedMseOracle oracle = new MaskedMseOracle(2, 2, 3, 4, 4, 2, 2, true);
        double[] gradient = new double[pred.length];
        oracle.loss(gradient, pred, images, restore, 0.5);
        for (int i = 0; i < pred.length; i++) {
            double[] moved = pred.clone();
            moved[i] += 1e-5;
            double[] above = oracle.loss(new double[pred.length], moved, images, restore, 0.5);
            moved[i] -= 2e-5;
            double[] below = oracle.loss(new double[pred.length], moved, images, restore, 0.5);
            double slope = 0.5 * (above[0] + above[1] - below[0] - below[1]) / 2 / 2e-5;
            assertEquals(slope, gradient[i], 1e-9, "dpred " + i);
        }
    }
}
