package io.github.vicmae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.vicmae.optim.CosineSchedule;
import io.github.vicmae.optim.WeightRamp;
import org.junit.jupiter.api.Test;

class SchedulesTest {
    @Test
    void theRateRisesLinearlyAndFallsAsACosine() {
        CosineSchedule s = new CosineSchedule(2, 10, 110);
        assertEquals(0, s.at(0));
        assertEquals(1, s.at(5));
        assertEquals(2, s.at(10));
        assertEquals(1, s.at(60), 1e-12);
        assertEquals(0, s.at(110), 1e-12);
        assertEquals(2, new CosineSchedule(2, 0, 1).at(0));
        assertThrows(IllegalArgumentException.class, () -> new CosineSchedule(Double.NaN, 0, 1));
    }

    @Test
    void lambdaFollowsItsRamp() {
        WeightRamp linear = new WeightRamp(WeightRamp.Shape.LINEAR, 0.2, 0.6, 0.03);
        assertEquals(0, linear.at(20, 100));
        assertEquals(0.015, linear.at(40, 100), 1e-12);
        assertEquals(0.03, linear.at(60, 100));
        assertEquals(0.03, linear.at(99, 100));
        WeightRamp cosine = new WeightRamp(WeightRamp.Shape.COSINE, 0, 1, 4);
        assertEquals(2, cosine.at(50, 100), 1e-12);
        assertEquals(5, WeightRamp.constant(5).at(0, 10));
        WeightRamp step = new WeightRamp(WeightRamp.Shape.LINEAR, 0.5, 0.5, 1);
        assertEquals(0, step.at(49, 100));
        assertEquals(1, step.at(50, 100));
        assertThrows(IllegalArgumentException.class, () -> new WeightRamp(WeightRamp.Shape.LINEAR, 0.6, 0.5, 1));
    }
}
