package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class RateWindowTest {
    private final RateWindow window = new RateWindow();

    private void add(int steps, double seconds, double waiting) {
        for (int i = 0; i < steps; i++) {
            window.add(seconds, waiting);
        }
    }

    @Test
    void theFirstStepCountsOnlyWhileItIsAlone() {
        window.add(30, 25);
        assertEquals(30, window.secondsPerStep());
        assertEquals(25 / 30.0, window.waitingShare(), 1e-12);
        window.add(0.5, 0);
        assertEquals(0.5, window.secondsPerStep());
        assertEquals(0, window.waitingShare());
    }

    @Test
    void whatIsOlderThanAMinuteIsForgotten() {
        add(100, 2, 1);
        assertEquals(2, window.secondsPerStep(), 1e-9);
        assertEquals(0.5, window.waitingShare(), 1e-9);
        add(30, 1, 0);
        assertEquals((30 * 1 + 15 * 2) / 45.0, window.secondsPerStep(), 1e-9);
        assertEquals(15 / 60.0, window.waitingShare(), 1e-9);
        add(30, 1, 0);
        assertEquals(1, window.secondsPerStep(), 1e-9);
        assertEquals(0, window.waitingShare(), 1e-9);
    }

    @Test
    void ofLongStepsAFewCountHoweverOld() {
        add(1, 1000, 0);
        for (int i = 1; i <= 10; i++) {
            window.add(100 * i, 0);
        }
        assertEquals(100 * (6 + 7 + 8 + 9 + 10) / 5.0, window.secondsPerStep(), 1e-9);
    }

    @Test
    void theSumStaysExactOverManySteps() {
        for (int i = 0; i < 1_000_000; i++) {
            window.add(0.01 + 1e-4 * (i % 7), 0.001);
        }
        assertEquals(0.0103, window.secondsPerStep(), 1e-7);
        assertTrue(window.waitingShare() > 0.09 && window.waitingShare() < 0.1);
    }

    @Test
    void aShareIsNeverMoreThanAll() {
        add(9, 1, 3); // steps that overlap may wait in another's time
        assertEquals(1, window.waitingShare());
    }
}
