package io.github.vicmae.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Which card is taken, and why none is. */
class CudaProbeTest {
    private static final CudaCard T4 = card("Tesla T4", 75);
    private static final CudaCard A100 = card("A100", 80);

    private static CudaCard card(String name, int capability) {
        return new CudaCard(name, capability, 16L << 30, 40, 0, 0, 0, null);
    }

    @Test
    void theFirstCardThatIsNotTooOldIsTaken() {
        assertEquals(0, CudaProbe.first(List.of(A100, T4)));
        assertEquals(1, CudaProbe.first(List.of(T4, A100, A100)));
        assertNull(CudaProbe.reason(List.of(T4, A100)));
        assertEquals(-1, CudaProbe.first(List.of(T4, T4)));
        assertEquals(
                "the driver's cards (Tesla T4, compute capability 7.5, 16384 MiB) are too old: compute capability 8.0 is the least",
                CudaProbe.reason(List.of(T4)));
    }

    @Test
    void aBrokenDriverIsNotAMissingOne() {
        String broken = CudaProbe.notLoaded("file too short");
        assertTrue(broken.contains("could not be loaded: file too short; install the driver again"), broken);
        String missing = CudaProbe.notLoaded(null);
        assertTrue(missing.contains("was not found; install the NVIDIA driver"), missing);
    }
}
