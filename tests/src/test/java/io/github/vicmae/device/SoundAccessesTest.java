package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.kernel.KernelFixture;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Patterns in which a check that knows too little of an access would see a mistake: the emulated driver finds none. */
@ExtendWith(TestKernels.class)
class SoundAccessesTest {
    private static final int N = 64;

    /** tests/kernels/sound, those that take (float* y, const float* x, int n) and are launched with one block of 64 threads. */
    enum Pattern {
        HALVES_IN_PLACE {
            @Override
            float expected(float[] x, int i) {
                return i + x[i] + 1;
            }
        },
        WARP_GROUPS {
            @Override
            float expected(float[] x, int i) {
                return x[i & ~3] * (2 << i / 4 % 8);
            }
        },
        TEMPLATE_ARRAYS {
            @Override
            float expected(float[] x, int i) {
                return x[31 - i % 32] + x[N - 1 - i];
            }
        },
        MEMORY_FUNCTIONS {
            @Override
            float expected(float[] x, int i) {
                return i == 0 ? 0 : x[i - 1];
            }
        },
        WAITING_FOR_A_FLAG {
            @Override
            float expected(float[] x, int i) {
                return x[i];
            }
        };

        /** y[i], exactly. */
        abstract float expected(float[] x, int i);
    }

    static Stream<Arguments> patternsAndSchedules() {
        return Arrays.stream(Pattern.values())
                .flatMap(p -> EmulatedDriver.SCHEDULES.stream().map(s -> Arguments.of(p, s)));
    }

    @ParameterizedTest
    @MethodSource("patternsAndSchedules")
    void givesTheResultAndNoAlarm(Pattern pattern, String schedule) {
        String kernel = pattern.name().toLowerCase(Locale.ROOT);
        try (KernelFixture on = new KernelFixture("emulated:" + schedule)) {
            float[] x = new float[N];
            float[] expected = new float[N];
            for (int i = 0; i < N; i++) {
                x[i] = on.random().nextInt(100);
            }
            for (int i = 0; i < N; i++) {
                expected[i] = pattern.expected(x, i);
            }
            Tensor y = on.unwritten(N);
            Tensor in = on.tensor(x, N);
            on.stream()
                    .begin(on.stream().device().kernel(kernel, kernel, "ppi"))
                    .arg(y)
                    .arg(in)
                    .arg(N)
                    .launch(1, N);
            assertArrayEquals(expected, on.stream().read(y));
        }
    }
}
