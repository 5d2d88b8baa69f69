package io.github.vicmae.kernel.patch;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.oracle.MaskedMseOracle;
import java.util.Arrays;
import java.util.List;
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
                        PatchGrid grid = PatchGrid.ofImage(shape[3], shape[4], shape[5]);
                        PixelTarget target = PixelTarget.of(grid, normPix);
                        check(fixture, type, grid, target, 1, shape[0], shape[1], shape[2], shape[6]);
                    }
                }
            }
        }
    }

    /** A grid, channels, frames that are reconstructed, frames that the images have. */
    private record Clip(PatchGrid grid, int channels, int targetFrames, int storedFrames) {}

    private static final List<Clip> CLIPS = List.of(
            new Clip(new PatchGrid(4, 4, 8, 2, 4, true), 3, 4, 4),
            new Clip(new PatchGrid(8, 4, 6, 2, 2, true), 1, 4, 8), // every second frame, but the last
            new Clip(new PatchGrid(16, 2, 2, 2, 2, false), 2, 8, 16),
            new Clip(new PatchGrid(6, 6, 3, 6, 3, false), 4, 5, 6),
            new Clip(new PatchGrid(3, 4, 4, 3, 4, false), 3, 1, 3), // the first frame
            new Clip(new PatchGrid(2, 9, 6, 2, 3, false), 3, 2, 1)); // an image that is repeated

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheOracleOnClips(String device) {
        for (Clip clip : CLIPS) {
            for (PixelTarget.Normalisation how : PixelTarget.Normalisation.values()) {
                for (DType type : KernelFixture.ACTIVATIONS) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        int channels = clip.channels();
                        Tensor deviation = how == PixelTarget.Normalisation.CHANNEL && channels == 3
                                ? fixture.tensor(DEVIATION, channels)
                                : null;
                        PixelTarget target = new PixelTarget(clip.targetFrames(), how, deviation);
                        check(fixture, type, clip.grid(), target, clip.storedFrames(), 2, 4, channels, 1);
                    }
                }
            }
        }
    }

    private static final float[] DEVIATION = {0.229f, 0.224f, 0.225f};

    private static void check(
            KernelFixture fixture,
            DType type,
            PatchGrid grid,
            PixelTarget target,
            int stored,
            int views,
            int samples,
            int channels,
            int wantedKept) {
        int patches = grid.patches();
        int kept = Math.min(wantedKept, patches);
        int pixels = target.patchSize(grid, channels);
        int count = grid.tokens();
        String at = " " + grid + " " + target.normalisation() + ", " + target.frames() + " frames, " + channels
                + " channels, " + kept + " kept";
        float[] pred = fixture.normal(samples * count * pixels, 1);
        Tensor predTensor = fixture.tensor(type, pred, samples, count, pixels);
        float[] images = fixture.normal(samples * channels * stored * grid.height() * grid.width(), 1);
        int[] restore = permutations(fixture.random(), samples, patches);
        float weight = 0.97f;

        double[] deviation = null;
        if (target.normalisation() == PixelTarget.Normalisation.CHANNEL) {
            deviation = new double[channels];
            Arrays.fill(deviation, 1);
            for (int c = 0; target.deviation() != null && c < channels; c++) {
                deviation[c] = DEVIATION[c];
            }
        }
        boolean byPatch = target.normalisation() == PixelTarget.Normalisation.PATCH;
        double[] dpred = new double[pred.length];
        MaskedMseOracle oracle =
                new MaskedMseOracle(grid, views, samples, channels, kept, target.frames(), byPatch, deviation);
        double[] loss = oracle.loss(dpred, doubles(pred), doubles(images), restore, weight);

        Tensor lt = fixture.unwritten(views);
        Tensor dt = fixture.unwritten(type, samples, count, pixels);
        Tensor scratch = fixture.unwritten((int) MaskedMseKernels.scratchSize(grid, samples));
        new MaskedMseKernels(fixture.stream())
                .forwardBackward(
                        lt,
                        dt,
                        predTensor,
                        fixture.tensor(images, samples, channels, stored, grid.height(), grid.width()),
                        fixture.tensor(restore, samples, patches),
                        grid,
                        views,
                        samples,
                        channels,
                        kept,
                        target,
                        fixture.tensor(new float[] {weight}, 1),
                        scratch);
        // The few values of a small patch may lie close together, far from 0: without their mean they have few digits.
        fixture.assertClose("loss" + at, loss, lt, 1e-6, KernelFixture.norm(loss) * oracle.lostDigits());
        fixture.assertClose("dpred" + at, dpred, dt, 1e-5);
    }

    @Test
    void saysWhichFramesCannotBeReconstructed() {
        PatchGrid grid = new PatchGrid(8, 4, 4, 2, 2, false);
        assertEquals(1, new PixelTarget(4, PixelTarget.Normalisation.NONE, null).tube(grid));
        for (int frames : new int[] {0, 6, 12}) {
            PixelTarget target = new PixelTarget(frames, PixelTarget.Normalisation.NONE, null);
            var e = assertThrows(IllegalArgumentException.class, () -> target.tube(grid));
            assertTrue(e.getMessage().contains("must be a multiple of 4 and at most the clip's"), e.getMessage());
        }
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
        MaskedMseOracle oracle = new MaskedMseOracle(PatchGrid.ofImage(4, 4, 2), 2, 2, 3, 2, true);
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
