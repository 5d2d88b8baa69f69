package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ExpectedTest {
    private final Expected expected = new Expected("y", 1, new double[] {3, 4}, 1e-3, 0);

    @Test
    void aResultWithinTheLimitPasses() {
        assertDoesNotThrow(() -> expected.check("it", new float[] {99, 3.001f, 4}));
    }

    @Test
    void aWrongResultIsNamedWithItsError() {
        var e = assertThrows(IllegalStateException.class, () -> expected.check("it", new float[] {99, 3.1f, 4}));
        assertTrue(e.getMessage().contains("the relative error of y is 0.0"), e.getMessage());
    }

    @Test
    void whatIsNoNumberOrMissingIsWrong() {
        for (float[] bad : List.of(
                new float[] {0, Float.NaN, 4}, new float[] {0, 3}, new float[] {0, 3, Float.POSITIVE_INFINITY})) {
            assertThrows(IllegalStateException.class, () -> expected.check("it", bad));
        }
    }

    @Test
    void whatIsLeftOfLargerTermsIsHeldAgainstThem() {
        Expected rest = new Expected("dx", 0, new double[] {1e-6}, 1e-5, 1);
        assertDoesNotThrow(() -> rest.check("it", new float[] {2e-6f}));
        assertThrows(IllegalStateException.class, () -> rest.check("it", new float[] {2e-5f}));
    }

    /** A benchmark whose oracle and kernel differ is not timed. */
    @Test
    void aBenchmarkWithAWrongResultDoesNotStart() {
        LayerNorm wrong = new LayerNorm() {
            @Override
            List<Expected> expected() {
                return List.of(new Expected("y", new double[120], 1e-5));
            }
        };
        wrong.device = "cpu";
        wrong.precision = "fp32";
        wrong.implementation = "vicmae";
        wrong.shape = "10x12";
        wrong.pass = "forward";
        var e = assertThrows(IllegalStateException.class, wrong::setUp);
        assertTrue(e.getMessage().contains("is wrong and was not timed"), e.getMessage());
    }
}
