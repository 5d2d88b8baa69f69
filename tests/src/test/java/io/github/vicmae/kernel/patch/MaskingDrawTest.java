package io.github.vicmae.kernel.patch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.Philox;
import java.nio.IntBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The noise that a device draws is the noise that Java draws. */
class MaskingDrawTest {
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void drawsThePhiloxStreamOfEachSample(String device) {
        for (int patches : new int[] {1, 3, 4, 5, 64, 197}) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                int samples = 3;
                IntBuffer keys = IntBuffer.allocate(samples * Philox.KEY_WORDS);
                float[] expected = new float[samples * patches];
                for (int s = 0; s < samples; s++) {
                    long seed = fixture.random().nextLong();
                    int epoch = fixture.random().nextInt();
                    int sample = fixture.random().nextInt();
                    int purpose = fixture.random().nextInt();
                    new Philox(seed, epoch, sample, purpose).key(keys, s * Philox.KEY_WORDS);
                    Philox random = new Philox(seed, epoch, sample, purpose);
                    for (int l = 0; l < patches; l++) {
                        expected[s * patches + l] = random.nextFloat();
                    }
                }
                Tensor noise = fixture.unwritten(samples, patches);
                Tensor k = fixture.tensor(keys.array(), samples, Philox.KEY_WORDS);
                new MaskingKernels(fixture.stream()).draw(noise, k, samples, patches);
                assertArrayEquals(expected, fixture.stream().read(noise), device + ", " + patches + " patches");
            }
        }
    }
}
