package io.github.vicmae.layer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestSeed;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A head in bfloat16 gives what one in floats gives, where its rows have little in common and BatchNorm enlarges nothing. */
class ProjectionHeadTest {
    private static final int GROUPS = 2;
    private static final int ROWS = 16;
    private static final int IN = 24;
    private static final int HIDDEN = 40;
    private static final int OUT = 16;

    private static Map<String, float[]> run(Device device, Precision precision, long seed) {
        Map<String, float[]> results = new LinkedHashMap<>();
        Kernels kernels = Kernels.onNewStream(device);
        Parameters parameters = new Parameters();
        Arena arena = new Arena("head");
        Scratch scratch = new Scratch();
        Context context = new Context(kernels, parameters, arena, scratch, true, precision);
        ProjectionHead head = new ProjectionHead(context, "projector", GROUPS, ROWS, IN, HIDDEN, OUT);
        Tensor x = context.activation("x", GROUPS * ROWS, IN);
        Tensor dx = arena.floats("dx", GROUPS * ROWS, IN);
        Tensor dout = arena.floats("dout", GROUPS * ROWS, OUT);
        scratch.plan(arena);
        parameters.plan(true, precision);
        try (var stream = kernels.stream();
                arena;
                parameters) {
            parameters.allocate(device, stream);
            arena.allocate(device);
            parameters.initialise(kernels, seed);
            // No value lies at a ReLU's border, where one that is rounded to the other side lets a whole gradient pass
            // or not.
            for (String bias : new String[] {"projector.1.bias", "projector.4.bias"}) {
                float[] up = new float[HIDDEN];
                Arrays.fill(up, 4); // of 16 rows none is further than sqrt(15) from the mean
                stream.write(parameters.get(bias).value(), up);
            }
            parameters.round(kernels);
            Random random = new Random(seed);
            stream.write(x, normal(random, GROUPS * ROWS * IN));
            stream.write(dout, normal(random, GROUPS * ROWS * OUT));
            head.forward(x);
            head.backward(dx, dout, x, false);
            results.put("output", stream.read(head.output()));
            results.put("gradient of the input", stream.read(dx));
            for (Parameter p : parameters.all()) {
                if (p.isTrained()
                        && !p.name()
                                .matches("projector.[013].bias")) { // theirs are zero: a BatchNorm behind takes them
                    // away
                    results.put("gradient of " + p.name(), stream.read(p.gradient()));
                }
            }
        }
        return results;
    }

    private static float[] normal(Random random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void bfloat16IsFloatsWithinItsRounding(String name) {
        long seed = TestSeed.next();
        try (Device device = Device.open(name)) {
            Map<String, float[]> expected = run(device, Precision.FP32, seed);
            Map<String, float[]> found = run(device, Precision.BF16, seed);
            assertEquals(expected.keySet(), found.keySet());
            for (String what : expected.keySet()) {
                double difference = 0;
                double norm = 0;
                for (int i = 0; i < expected.get(what).length; i++) {
                    difference += Math.pow(expected.get(what)[i] - found.get(what)[i], 2);
                    norm += Math.pow(expected.get(what)[i], 2);
                }
                double error = Math.sqrt(difference / norm);
                double limit = 3e-2;
                assertTrue(error <= limit, what + ": " + error + " is over " + limit + ", seed " + seed);
            }
        }
    }
}
