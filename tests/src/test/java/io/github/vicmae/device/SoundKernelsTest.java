package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.kernel.KernelFixture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Kernels that use an instruction or a pattern rightly: the emulated driver gives the right result and finds nothing. */
@ExtendWith(TestKernels.class)
class SoundKernelsTest {
    static final java.util.List<String> DEVICES = io.github.vicmae.device.cuda.EmulatedDriver.SCHEDULES.stream()
            .map(s -> "emulated:" + s)
            .toList();

    /** The value after it was rounded to bfloat16. */
    private static double rounded(float x) {
        int bits = Float.floatToRawIntBits(x);
        return Float.intBitsToFloat((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
    }

    @ParameterizedTest
    @FieldSource("DEVICES")
    void matrixInstruction(String device) {
        try (KernelFixture on = new KernelFixture(device)) {
            float[] a = on.normal(16 * 16, 1);
            float[] b = on.normal(16 * 8, 1);
            Tensor c = on.unwritten(16, 8);
            double[] expected = new double[16 * 8];
            double terms = 0;
            for (int i = 0; i < 16; i++) {
                for (int j = 0; j < 8; j++) {
                    for (int k = 0; k < 16; k++) {
                        double product = rounded(a[i * 16 + k]) * rounded(b[k * 8 + j]);
                        expected[i * 8 + j] += product;
                        terms += product * product;
                    }
                }
            }
            Kernel kernel = on.stream().device().kernel("mma_product", "mma_product", "ppp");
            Tensor left = on.tensor(a, 16, 16);
            Tensor right = on.tensor(b, 16, 8);
            on.stream().begin(kernel).arg(c).arg(left).arg(right).launch(1, 64);
            on.assertClose("A B", expected, c, 1e-6, Math.sqrt(terms));
        }
    }

    @ParameterizedTest
    @FieldSource("DEVICES")
    void pipelineOfAsynchronousCopies(String device) {
        for (int n : new int[] {2, 128, 130, 1000}) {
            for (int threads : new int[] {1, 32, 48, 128}) {
                try (KernelFixture on = new KernelFixture(device)) {
                    float[] x = on.normal(n, 1);
                    Tensor y = on.unwritten(n);
                    Tensor in = on.tensor(x, n);
                    Kernel kernel = on.stream().device().kernel("pipelined_copy", "pipelined_copy", "ppi");
                    on.stream().begin(kernel).arg(y).arg(in).arg(n).launch(1, threads);
                    double[] expected =
                            IntStream.range(0, n).mapToDouble(i -> 2 * x[i ^ 1]).toArray();
                    on.assertClose("y", expected, y, 0);
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("DEVICES")
    void theLastBlockAddsUp(String device) {
        for (int blocks : new int[] {1, 2, 7, 30}) {
            try (KernelFixture on = new KernelFixture(device)) {
                int n = 1000;
                float[] x = on.normal(n, 1);
                Tensor sum = on.unwritten(1);
                Tensor partial = on.unwritten(blocks);
                Tensor counter = on.tensor(new int[1], 1);
                Tensor in = on.tensor(x, n);
                Kernel kernel = on.stream().device().kernel("last_block", "last_block", "ppppi");
                double expected = IntStream.range(0, n).mapToDouble(i -> x[i]).sum();
                for (int repeat = 0; repeat < 2; repeat++) {
                    on.stream()
                            .begin(kernel)
                            .arg(sum)
                            .arg(partial)
                            .arg(counter)
                            .arg(in)
                            .arg(n)
                            .launch(blocks, 64);
                    on.assertClose("sum", new double[] {expected}, sum, 1e-6, Math.sqrt(n));
                    assertEquals(0, on.stream().readInts(counter)[0], "the counter starts again");
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("DEVICES")
    void exchangeWithinWarps(String device) {
        try (KernelFixture on = new KernelFixture(device)) {
            int n = 96;
            float[] x = on.normal(n, 1);
            Tensor y = on.unwritten(n);
            Tensor votes = on.tensor(new int[3], 3);
            Tensor in = on.tensor(x, n);
            Kernel kernel = on.stream().device().kernel("warp_exchange", "warp_exchange", "ppp");
            on.stream().begin(kernel).arg(y).arg(votes).arg(in).launch(1, n);
            double[] expected = new double[n];
            int[] expectedVotes = new int[3];
            for (int i = 0; i < n; i++) {
                int lane = i % 32;
                expected[i] = x[i - lane + 31 - lane];
                if (lane < 16) {
                    expected[i] = (float) expected[i] + x[i ^ 8];
                }
                expectedVotes[i / 32] |= x[i] > 0 ? 1 << lane : 0;
            }
            for (int w = 0; w < 3; w++) {
                int highest = 31 - Integer.numberOfLeadingZeros(expectedVotes[w]);
                assertEquals(
                        expectedVotes[w] ^ Math.max(highest, 0), on.stream().readInts(votes)[w]);
            }
            on.assertClose("y", expected, y, 1e-7);
        }
    }
}
