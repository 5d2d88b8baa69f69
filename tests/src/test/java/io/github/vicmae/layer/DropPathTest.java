package io.github.vicmae.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DropPathTest {
    private static final int SAMPLES = 3;
    private static final int TOKENS = 4;
    private static final int DIM = 16;
    private static final int SIZE = SAMPLES * TOKENS * DIM;
    private static final String DEVICES = "io.github.vicmae.kernel.KernelFixture#devices";

    /** Two blocks, with weights of their own seed. */
    private static final class Stack implements AutoCloseable {
        private final Device device;
        private final Kernels kernels;
        private final Parameters parameters = new Parameters();
        private final Arena arena = new Arena("activations");
        private final BlockStack blocks;
        private final Tensor dinput;
        private final Tensor doutput;

        Stack(String name, Precision precision, boolean drops, boolean recompute) {
            device = Device.open(name);
            kernels = Kernels.onNewStream(device);
            Scratch scratch = new Scratch();
            Context context = new Context(kernels, parameters, arena, scratch, true, precision);
            blocks = new BlockStack(context, "blocks", "norm", 2, SAMPLES, TOKENS, DIM, 2, 2 * DIM, recompute, drops);
            dinput = arena.floats("dinput", SAMPLES, TOKENS, DIM);
            doutput = context.activation("doutput", SAMPLES, TOKENS, DIM);
            scratch.plan(arena);
            parameters.plan(true, precision);
            arena.allocate(device);
            parameters.allocate(device, kernels.stream());
            parameters.initialise(kernels, 3);
        }

        Stream stream() {
            return kernels.stream();
        }

        float[] forward(float[] x) {
            stream().write(blocks.input(), x);
            blocks.forward();
            return stream().read(blocks.output());
        }

        /** Forward and backward; the input's gradient. */
        float[] gradient(float[] x, float[] dy) {
            forward(x);
            stream().write(doutput, dy);
            stream().zero(parameters.gradients());
            blocks.backward(dinput, doutput);
            return stream().read(dinput);
        }

        @Override
        public void close() {
            stream().close();
            arena.close();
            parameters.close();
            device.close();
        }
    }

    private static float[] normal(Random random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** With factors of 1 nothing changes; a sample that is dropped everywhere passes through, in both directions. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void factorsOfOneAndZero(String name) {
        for (Precision precision : Precision.values()) {
            Random random = new Random(5);
            float[] x = normal(random, SIZE);
            float[] dy = normal(random, SIZE);
            float[] factors = new float[2 * 2 * SAMPLES];
            for (int i = 0; i < factors.length; i++) {
                factors[i] = i % SAMPLES == 1 ? 0 : 1;
            }
            try (Stack plain = new Stack(name, precision, false, false);
                    Stack dropping = new Stack(name, precision, true, false)) {
                dropping.stream().write(dropping.blocks.dropPath().factors(), factors);
                float[] expected = plain.gradient(x, dy);
                float[] found = dropping.gradient(x, dy);
                for (int n : new int[] {0, 2}) {
                    assertArrayEquals(part(expected, n), part(found, n), 1e-5f, "dinput of sample " + n);
                }
                float[] none = new float[factors.length];
                dropping.stream().write(dropping.blocks.dropPath().factors(), none);
                float[] identity = dropping.gradient(x, dy);
                assertArrayEquals(part(identity, 1), part(found, 1), "a dropped sample's gradient is the norm's alone");
                float[] weights = dropping.stream()
                        .read(dropping.parameters.get("blocks.1.mlp.fc2.weight").gradient());
                assertArrayEquals(new float[weights.length], weights, "what is dropped has no gradient");
            }
        }
    }

    private static float[] part(float[] values, int sample) {
        return Arrays.copyOfRange(values, sample * TOKENS * DIM, (sample + 1) * TOKENS * DIM);
    }

    /** Factors of any size: the gradients are the slopes of the output; and computing activations anew changes no bit. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void gradientsAreSlopes(String name) {
        Random random = new Random(7);
        float[] x = normal(random, SIZE);
        float[] dy = normal(random, SIZE);
        float[] direction = normal(random, SIZE);
        float[] factors = {2, 0, 0.5f, 1.5f, 1, 0, 0, 1.25f, 2, 1, 3, 0};
        try (Stack stack = new Stack(name, Precision.FP32, true, false);
                Stack again = new Stack(name, Precision.FP32, true, true)) {
            stack.stream().write(stack.blocks.dropPath().factors(), factors);
            again.stream().write(again.blocks.dropPath().factors(), factors);
            float[] gradient = stack.gradient(x, dy);
            assertArrayEquals(gradient, again.gradient(x, dy), "recomputed");
            double wanted = slope(stack, x, direction, dy);
            assertEquals(wanted, dot(gradient, direction), 0.01 * (1 + Math.abs(wanted)), "input");
            for (String parameter : new String[] {"blocks.0.mlp.fc2.bias", "blocks.1.attn.proj.weight"}) {
                Parameter p = stack.parameters.get(parameter);
                float[] along = normal(random, p.size());
                float[] slopeOf = stack.stream().read(p.gradient());
                float[] start = stack.stream().read(p.value());
                float h = 1e-2f;
                double[] ends = new double[2];
                for (int end = 0; end < 2; end++) {
                    float[] moved = start.clone();
                    for (int i = 0; i < moved.length; i++) {
                        moved[i] += (end == 0 ? -h : h) * along[i];
                    }
                    stack.stream().write(p.value(), moved);
                    ends[end] = dot(stack.forward(x), dy);
                }
                stack.stream().write(p.value(), start);
                double expected = (ends[1] - ends[0]) / (2 * h);
                assertEquals(expected, dot(slopeOf, along), 0.01 * (1 + Math.abs(expected)), parameter);
            }
        }
    }

    private static double slope(Stack stack, float[] x, float[] direction, float[] dy) {
        float h = 1e-2f;
        double[] ends = new double[2];
        for (int end = 0; end < 2; end++) {
            float[] moved = x.clone();
            for (int i = 0; i < moved.length; i++) {
                moved[i] += (end == 0 ? -h : h) * direction[i];
            }
            ends[end] = dot(stack.forward(moved), dy);
        }
        return (ends[1] - ends[0]) / (2 * h);
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
