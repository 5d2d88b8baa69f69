package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.oracle.MaskedMseOracle;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MaskedMseKernelsTest {
    /** samples, channels, height, width, patch, kept. */
    private static final int[][] SHAPES = {
        {2, 3, 4, 4, 2, 1}, {2, 1, 3, 3, 3, 0}, {6, 4, 8, 12, 4, 2}, {4, 2, 31, 62, 31, 1}, {4, 3, 16, 32, 8, 7}
    };

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void matchesTheOracle(String device) {
        for (int[] s : SHAPES) {
            for (boolean normPix : new boolean[] {false, true}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, s[0], s[1], s[2], s[3], s[4], s[5], normPix);
                }
            }
        }
    }

    private static void check(
            KernelFixture fixture, int samples, int channels, int height, int width, int patch, int kept, boolean normPix) {
        int patches = (height / patch) * (width / patch);
        int size = patch * patch * channels;
        float[] images = fixture.normal(samples * channels * height * width, 2);
        float[] pred = fixture.normal(samples * (1 + patches) * size, 1);
        int[] restore = ranks(fixture, samples, patches);
        double[] expected = new double[pred.length];
        double[] losses = MaskedMseOracle.lossAndGradient(
                expected,
                doubles(pred),
                doubles(images),
                restore,
                2,
                samples,
                channels,
                height,
                width,
                patch,
                kept,
                normPix,
                0.7f);

        Tensor loss = fixture.unwritten(2);
        Tensor dpred = fixture.unwritten(samples, 1 + patches, size);
        Tensor scratch = fixture.unwritten((int) MaskedMseKernels.scratchSize(fixture.stream(), samples, patches));
        new MaskedMseKernels(fixture.stream())
                .forwardBackward(
                        loss,
                        dpred,
                        fixture.tensor(pred, samples, 1 + patches, size),
                        fixture.tensor(images, samples, channels, height, width),
                        fixture.tensor(restore, samples, patches),
                        2,
                        samples,
                        channels,
                        height,
                        width,
                        patch,
                        kept,
                        normPix,
                        fixture.tensor(new float[] {0.7f}, 1),
                        scratch);
        fixture.assertClose("losses", losses, loss, 1e-6);
        fixture.assertClose("dpred", expected, dpred, 2e-6);
    }

    private static int[] ranks(KernelFixture fixture, int samples, int patches) {
        return IntStream.range(0, samples)
                .flatMap(n -> {
                    List<Integer> order = IntStream.range(0, patches).boxed().collect(Collectors.toList());
                    Collections.shuffle(order, fixture.random());
                    return order.stream().mapToInt(Integer::intValue);
                })
                .toArray();
    }

    @Test
    void theOraclesGradientIsTheLossesSlope() {
        try (KernelFixture fixture = new KernelFixture("cpu")) {
            double[] pred = doubles(fixture.normal(2 * 5 * 12, 1));
            double[] images = doubles(fixture.normal(2 * 3 * 16, 1));
            int[] restore = ranks(fixture, 2, 4);
            double[] gradient = new double[pred.length];
            MaskedMseOracle.lossAndGradient(gradient, pred, images, restore, 2, 2, 3, 4, 4, 2, 1, true, 1);
            for (int i = 0; i < pred.length; i += 7) {
                double slope = 0;
                for (int sign : new int[] {1, -1}) {
                    double[] moved = pred.clone();
                    moved[i] += sign * 1e-4;
                    double[] losses = MaskedMseOracle.lossAndGradient(
                            new double[pred.length], moved, images, restore, 2, 2, 3, 4, 4, 2, 1, true, 1);
                    slope += sign * (losses[0] + losses[1]) / 2 / 2e-4;
                }
                assertEquals(slope, gradient[i], 1e-8);
            }
        }
    }

    @Test
    void nothingMaskedIsNoLossAndNoGradient() {
        try (KernelFixture fixture = new KernelFixture("cpu")) {
            Tensor loss = fixture.unwritten(2);
            Tensor dpred = fixture.unwritten(2, 5, 12);
            new MaskedMseKernels(fixture.stream())
                    .forwardBackward(
                            loss,
                            dpred,
                            fixture.tensor(fixture.normal(2 * 5 * 12, 1), 2, 5, 12),
                            fixture.tensor(fixture.normal(2 * 3 * 16, 1), 2, 3, 4, 4),
                            fixture.tensor(ranks(fixture, 2, 4), 2, 4),
                            2,
                            2,
                            3,
                            4,
                            4,
                            2,
                            4,
                            true,
                            fixture.tensor(new float[] {1}, 1),
                            fixture.unwritten(8));
            fixture.assertClose("losses", new double[2], loss, 0);
            fixture.assertClose("dpred", new double[120], dpred, 0);
        }
    }
}
