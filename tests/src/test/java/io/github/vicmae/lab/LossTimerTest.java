package io.github.vicmae.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Stream;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.contrastive.InfoNceShape;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.ContrastiveLosses;
import java.util.List;
import org.junit.jupiter.api.Test;

class LossTimerTest {
    /** 2^44 logits twice: more than a process has addresses for. */
    private static final int ROWS = 1 << 22;

    /** What cannot be had at one size has no time there; the others have, and so has it at other sizes. */
    @Test
    void aSizeThatALossCannotHave() {
        BuiltInLoss simSiam = ContrastiveLosses.named("simsiam");
        List<BuiltInLoss> peers =
                List.of(ContrastiveLosses.named("infonce"), ContrastiveLosses.named("infonce-naive"), simSiam);
        try (Device device = Device.open("cpu")) {
            Kernels kernels = Kernels.onNewStream(device);
            try (Stream stream = kernels.stream()) {
                LossTimer timer = new LossTimer(kernels, simSiam, peers, simSiam);
                timer.time(Form.TWO_SIDED, 8, InfoNceShape.MAX_WIDTH + 1, 0.1f);
                timer.time(Form.SYMMETRIC, 8, 4, 0.1f);
                LossTimer large = new LossTimer(kernels, simSiam, peers.subList(1, 3), simSiam);
                large.time(Form.SYMMETRIC, ROWS, 2, 0.1f);
                stream.synchronize();
                List<LossTiming> timings = timer.timings();
                assertEquals(8, timings.size());
                for (int i = 0; i < timings.size(); i++) {
                    boolean missing = i == 1 || i == 2;
                    assertEquals(
                            missing, timings.get(i).isMissing(), timings.get(i).toString());
                    assertEquals(!missing, timings.get(i).milliseconds() > 0);
                }
                assertTrue(timings.get(1).missingWords().contains("infonce has no time at 8 rows, two-sided, on cpu"));
                assertTrue(
                        timings.get(1).missing().contains("a width from 1 to"),
                        timings.get(1).missing());
                assertEquals("-", timings.get(1).cell());
                assertFalse(large.timings().get(0).isMissing());
                assertTrue(
                        large.timings().get(1).missing().contains("bytes left for 'infonce-naive'"),
                        large.timings().get(1).toString());
                assertFalse(large.timings().get(2).isMissing());
                assertTrue(timer.deviations().stream().allMatch(Deviation::passes));
                assertTrue(large.deviations().stream().allMatch(Deviation::passes));
            }
            assertEquals(0, device.liveBytes());
        }
    }
}
