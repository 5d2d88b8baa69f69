package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream.Builder;

/**
 * What a kernel test works on: one device, one stream, seeded random tensors, and a comparison with the oracle. The devices are those of
 * the system property {@code vicmae.test.devices} (default: cpu).
 */
public final class KernelFixture implements AutoCloseable {
    private final Device device;
    private final Stream stream;
    private final List<Arena> arenas = new ArrayList<>();
    private final Random random;
    private final long seed;

    public KernelFixture(String deviceName) {
        this(deviceName, Long.getLong("vicmae.test.seed", System.nanoTime() & 0xFFFFFF));
    }

    private KernelFixture(String deviceName, long seed) {
        this.seed = seed;
        random = new Random(seed);
        device = Device.open(deviceName);
        stream = device.newStream();
    }

    /** The devices to test, as JUnit method sources take them. */
    public static java.util.stream.Stream<String> devices() {
        Builder<String> names = java.util.stream.Stream.builder();
        for (String name : System.getProperty("vicmae.test.devices", "cpu").split(",")) {
            names.add(name);
        }
        return names.build();
    }

    public Stream stream() {
        return stream;
    }

    public Random random() {
        return random;
    }

    /** Standard normal values times {@code scale}. */
    public float[] normal(int size, double scale) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) (random.nextGaussian() * scale);
        }
        return values;
    }

    /** A tensor with these values. */
    public Tensor tensor(float[] values, int... shape) {
        Tensor t = allocate("test", DType.F32, shape);
        stream.write(t, values);
        return t;
    }

    /** An integer tensor with these values. */
    public Tensor tensor(int[] values, int... shape) {
        Tensor t = allocate("test", DType.I32, shape);
        stream.write(t, values);
        return t;
    }

    /** A tensor full of NaN, so that an element that is not written shows. */
    public Tensor unwritten(int... shape) {
        Arena arena = new Arena("unwritten");
        Tensor t = arena.floats("unwritten", shape);
        arena.allocate(device, stream);
        arenas.add(arena);
        float[] nan = new float[(int) t.size()];
        java.util.Arrays.fill(nan, Float.NaN);
        stream.write(t, nan);
        return t;
    }

    private Tensor allocate(String name, DType dtype, int... shape) {
        Arena arena = new Arena(name);
        Tensor t = arena.tensor(name, dtype, shape);
        arena.allocate(device, stream);
        arenas.add(arena);
        return t;
    }

    /** A double copy, as the oracle takes it. */
    public static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }

    /** Fails unless |actual - expected| / |expected| (2-norms over the whole tensor) is within the limit. */
    public void assertClose(String what, double[] expected, Tensor actual, double limit) {
        assertClose(what, expected, stream.read(actual), limit);
    }

    /** The same for a result that is what remains of larger terms, see below. */
    public void assertClose(String what, double[] expected, Tensor actual, double limit, double terms) {
        assertClose(what, expected, stream.read(actual), limit, terms);
    }

    public void assertClose(String what, double[] expected, float[] actual, double limit) {
        assertClose(what, expected, actual, limit, 0);
    }

    /**
     * The same for a result that is what remains of larger terms: the error is held against {@code terms}, the 2-norm of what was added up, if
     * that is larger than the result's own.
     */
    public void assertClose(String what, double[] expected, float[] actual, double limit, double terms) {
        assertEquals(expected.length, actual.length, what + ": length");
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            if (!Double.isFinite(actual[i])) {
                fail(what + "[" + i + "] is " + actual[i] + ", expected " + expected[i] + "; seed " + seed);
            }
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }
        double error = Math.sqrt(difference) / Math.max(Math.max(Math.sqrt(norm), terms), 1e-12);
        if (error > limit) {
            fail(what + ": relative error " + error + " is over " + limit + "; run again with -Dvicmae.test.seed="
                    + seed);
        }
    }

    @Override
    public void close() {
        arenas.forEach(Arena::close);
        stream.close();
        assertEquals(0, device.liveBytes(), "device memory left by the test");
        device.close();
    }
}
