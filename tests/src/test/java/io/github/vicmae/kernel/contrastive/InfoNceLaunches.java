package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Precision;
import io.github.vicmae.kernel.KernelFixture;

/** Every kernel of InfoNCE that a card has, at sizes that end within tiles. */
public final class InfoNceLaunches {
    private static final int SEED = 7;
    /** One for each form of the gradient on tensor cores. */
    private static final int[] WIDTHS = {12, 200, 264, 520};

    private InfoNceLaunches() {}

    /** Launches them on a device of that name. */
    public static void all(String name) {
        try (KernelFixture fixture = new KernelFixture(name, SEED)) {
            for (int width : WIDTHS) {
                launch(fixture, 0, new InfoNceShape(35, 67, width, 0.1f, false, Precision.BF16));
                launch(fixture, 2048, new InfoNceShape(35, 35, width, 0.01f, true, Precision.BF16));
            }
            launch(fixture, 0, new InfoNceShape(35, 67, 20, 0.1f, false, Precision.FP32));
            launch(fixture, 2048, new InfoNceShape(35, 35, 20, 0.01f, true, Precision.FP32));
            fixture.stream().synchronize();
        }
    }

    private static void launch(KernelFixture fixture, int normalizedInTiles, InfoNceShape shape) {
        InfoNceTuning tuning = new InfoNceTuning(false, 0, 2, normalizedInTiles, 4);
        try (InfoNceProblem problem = InfoNceProblem.random(fixture, tuning, shape)) {
            problem.forward();
            problem.backward();
        }
    }
}
