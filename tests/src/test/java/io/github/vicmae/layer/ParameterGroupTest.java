package io.github.vicmae.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.kernel.AdamWKernels;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.optim.AdamW;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rates of single parameters, and parameters that keep their values. */
class ParameterGroupTest {
    private static final Map<String, ParameterGroup> GROUPS = Map.of(
            "a.weight", ParameterGroup.scaled(0.5),
            "b.weight", ParameterGroup.FROZEN,
            "a.bias", ParameterGroup.scaled(0.25));

    private static Parameters declare() {
        Parameters parameters = new Parameters();
        parameters.trained("a.weight", new Init.Constant(1), 3, 50);
        parameters.trained("a.bias", new Init.Constant(2), 3);
        parameters.trained("b.weight", new Init.Constant(3), 5, 40);
        parameters.trained("c.weight", new Init.Constant(4), 70, 100);
        parameters.trained("c.bias", new Init.Constant(5), 70);
        parameters.buffer("table", new Init.Constant(6), 7);
        return parameters;
    }

    @Test
    void piecesCoverAllValuesInOrder() {
        Parameters parameters = declare();
        parameters.group(p -> GROUPS.getOrDefault(p.name(), ParameterGroup.TRAINED));
        parameters.plan(true, Precision.FP32);
        List<Parameters.Piece> pieces = parameters.pieces(4096);
        int at = 0;
        for (Parameters.Piece piece : pieces) {
            assertEquals(at, piece.first());
            assertTrue(piece.count() > 0 && piece.count() <= 4096, piece::toString);
            at += piece.count();
        }
        // Decayed: a.weight in 160 floats, c.weight in 7008; then a.bias in 16 and c.bias in 80; b.weight in 208 last.
        assertEquals(160 + 7008 + 16 + 80 + 208, at);
        assertEquals(at - 208, parameters.live());
        assertEquals(160 + 7008, parameters.decayed());
        assertEquals(
                List.of(0.5f, 1f, 1f, 0.25f, 1f),
                pieces.stream().map(Parameters.Piece::rateScale).toList());
    }

    @Test
    void equalRatesNeedNoPieces() {
        Parameters parameters = declare();
        parameters.plan(true, Precision.FP32);
        assertEquals(List.of(), parameters.pieces(AdamWKernels.CHUNK));
        assertEquals(160 + 7008 + 16 + 80 + 208, parameters.live());
    }

    @Test
    void saysWhatIsNoScale() {
        for (double scale : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            var e = assertThrows(IllegalArgumentException.class, () -> ParameterGroup.scaled(scale));
            assertTrue(e.getMessage().contains("at least 0, not " + scale), e.getMessage());
        }
    }

    /** Gradients of 1 move a value by the rate in the first step; the frozen ones do not count for the norm, by which the rest is clipped. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void stepsFollowTheGroups(String name) {
        for (Precision precision : Precision.values()) {
            try (Device device = Device.open(name);
                    Parameters parameters = declare()) {
                parameters.group(p -> GROUPS.getOrDefault(p.name(), ParameterGroup.TRAINED));
                parameters.plan(true, precision);
                Kernels kernels = Kernels.onNewStream(device);
                try (var stream = kernels.stream()) {
                    parameters.allocate(device, stream);
                    parameters.initialise(kernels, 1);
                    for (Parameter p : parameters.all()) {
                        if (p.isTrained()) {
                            float[] ones = new float[p.size()];
                            Arrays.fill(ones, p.name().equals("b.weight") ? 1e6f : 1);
                            stream.write(p.gradient(), ones);
                        }
                    }
                    try (AdamW optimizer =
                            new AdamW(kernels, parameters, new AdamW.Settings(0.9, 0.95, 1e-8, 0.1, 0))) {
                        optimizer.step(0.5);
                        assertEquals(Math.sqrt(150 + 3 + 7000 + 70), optimizer.gradientNorm(), 1e-3);
                    }
                    assertValue(kernels, parameters, "a.weight", 1 * (1 - 0.25 * 0.1) - 0.25);
                    assertValue(kernels, parameters, "a.bias", 2 - 0.125);
                    assertValue(kernels, parameters, "b.weight", 3);
                    assertValue(kernels, parameters, "c.weight", 4 * (1 - 0.5 * 0.1) - 0.5);
                    assertValue(kernels, parameters, "c.bias", 5 - 0.5);
                    assertArrayEquals(
                            new float[200],
                            stream.read(parameters.get("b.weight").gradient()));
                }
            }
        }
    }

    private static void assertValue(Kernels kernels, Parameters parameters, String name, double value) {
        for (float v : kernels.stream().read(parameters.get(name).value())) {
            assertEquals(value, v, 1e-5, name);
        }
    }
}
