package io.github.vicmae.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.vicmae.TestSeed;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.OtherGeometryDevice;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.cuda.EmulatedDriver;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * What a kernel test works on: one device, one stream, seeded random tensors, and a comparison with the oracle. The devices are those of
 * the system property {@code vicmae.test.devices} (default: cpu, and the emulated device where the build has its driver: in one order of threads,
 * and in another with other blocks; in all orders where {@link #isThorough}). A name may be given with its schedule, as in {@code emulated:reverse}, and with another number of threads a block than the
 * kernels' classes ask for, as in {@code emulated:random@33}: see {@link OtherGeometryDevice}.
 */
public final class KernelFixture implements AutoCloseable {
    private static final String USUAL_DEVICES = "cpu,emulated:reverse,emulated:random@97";

    private static final String EVERY_DEVICE =
            "cpu,emulated:forward,emulated:reverse,emulated:random,emulated:fair,emulated:reverse@97";
    /** The types of activations: the kernels that move them come in one form for each. */
    public static final List<DType> ACTIVATIONS = List.of(DType.F32, DType.BF16);

    private static final List<String> DEVICES = chooseDevices();

    private final Device device;
    private final Stream stream;
    private final List<Arena> arenas = new ArrayList<>();
    private final boolean emulated;
    private final Random random;
    private final long seed;

    public KernelFixture(String deviceName) {
        this(deviceName, UnaryOperator.identity());
    }

    /** One whose tensors do not differ from run to run. */
    public KernelFixture(String deviceName, long seed) {
        this(deviceName, seed, UnaryOperator.identity());
    }

    /**
     * @param around puts another device around the one of that name, which it closes
     */
    public KernelFixture(String deviceName, UnaryOperator<Device> around) {
        this(deviceName, TestSeed.next(), around);
    }

    private KernelFixture(String deviceName, long seed, UnaryOperator<Device> around) {
        this.seed = seed;
        random = new Random(seed);
        emulated = isEmulated(deviceName);
        device = around.apply(open(deviceName));
        stream = device.newStream();
    }

    /**
     * Whether tests repeat under every schedule what they do under one or two anyway (-Pthorough). Races, missing barriers, stray accesses and
     * reads of unwritten memory are found in any order of threads.
     */
    public static boolean isThorough() {
        return Boolean.getBoolean("vicmae.test.thorough");
    }

    private static Device open(String name) {
        String[] parts = name.split("@");
        Device device = Device.open(parts[0]);
        return parts.length == 1 ? device : new OtherGeometryDevice(device, Integer.parseInt(parts[1]));
    }

    /** The devices to test, as JUnit method sources and {@link Device#open} take them. */
    public static java.util.stream.Stream<String> devices() {
        List<String> plain = DEVICES.stream().filter(d -> !d.contains("@")).toList();
        // Where other geometries alone are to be tested, their devices.
        return plain.isEmpty() ? DEVICES.stream().map(d -> d.split("@")[0]).distinct() : plain.stream();
    }

    /** The same, and the emulated one with other launches than the kernels' classes ask for. */
    public static java.util.stream.Stream<String> devicesAndGeometries() {
        return DEVICES.stream();
    }

    /** Loads the emulated driver if it is to be tested: a process can use one driver, and other tests look for NVIDIA's. */
    private static List<String> chooseDevices() {
        String missing = EmulatedDriver.missing();
        String chosen = System.getProperty("vicmae.test.devices");
        if (chosen == null && missing != null) {
            System.out.println("The device tests run on the CPU alone: " + missing);
        }
        List<String> devices = List.of(
                (chosen != null ? chosen : missing != null ? "cpu" : isThorough() ? EVERY_DEVICE : USUAL_DEVICES)
                        .split(","));
        if (devices.stream().anyMatch(KernelFixture::isEmulated)) {
            EmulatedDriver.load();
        }
        return devices;
    }

    private static boolean isEmulated(String deviceName) {
        return deviceName.startsWith("emulated");
    }

    public Stream stream() {
        return stream;
    }

    public Random random() {
        return random;
    }

    /** For the message of a failure: how to have the same random numbers again. */
    public String seedToRepeat() {
        return "; run again with -Dvicmae.test.seed=" + seed;
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

    /** A tensor of a floating type with these values, which are rounded in place to what it holds. */
    public Tensor tensor(DType dtype, float[] values, int... shape) {
        if (dtype == DType.BF16) {
            for (int i = 0; i < values.length; i++) {
                values[i] = DType.fromBf16(DType.toBf16(values[i]));
            }
        }
        Tensor t = allocate("test", dtype, shape);
        stream.write(t, values);
        return t;
    }

    /** A tensor full of NaN, so that an element that is not written shows. The emulated device's fresh memory is that, and it knows. */
    public Tensor unwritten(int... shape) {
        return unwritten(DType.F32, shape);
    }

    /** The same of a floating type. */
    public Tensor unwritten(DType dtype, int... shape) {
        Tensor t = allocate("unwritten", dtype, shape);
        if (!emulated) {
            float[] nan = new float[(int) t.size()];
            java.util.Arrays.fill(nan, Float.NaN);
            stream.write(t, nan);
        }
        return t;
    }

    private Tensor allocate(String name, DType dtype, int... shape) {
        Arena arena = new Arena(name);
        Tensor t = arena.tensor(name, dtype, shape);
        arena.allocate(device);
        arenas.add(arena);
        return t;
    }

    /** The 2-norm. */
    public static double norm(double[] values) {
        double squares = 0;
        for (double v : values) {
            squares += v * v;
        }
        return Math.sqrt(squares);
    }

    /** The same of floats, added up in doubles. */
    public static double norm(float[] values) {
        return norm(doubles(values));
    }

    /** A double copy, as the oracle takes it. */
    public static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }

    /**
     * Fails unless |actual - expected| / |expected| (2-norms over the whole tensor) is within the limit. In bfloat16 the result of the
     * kernel's arithmetic was rounded to the nearest in the end, which moves an element by up to half the spacing of bfloat16 there. So much is
     * allowed to each element, and what goes beyond it must be within the limit: a bfloat16 result is held to the limit of a float. The error
     * as a whole is then within 2^-8 of the norm; that alone would not do, since cutting off digits instead of rounding, which errs by up to
     * 2^-7 of an element, would stay within it on average (0.76 * 2^-8 for evenly spread digits, and half of that for rounding).
     */
    public void assertClose(String what, double[] expected, Tensor actual, double limit) {
        assertClose(what, expected, actual, limit, 0);
    }

    /** The same for a result that is what remains of larger terms, see below. */
    public void assertClose(String what, double[] expected, Tensor actual, double limit, double terms) {
        boolean rounded = actual.dtype() == DType.BF16;
        assertClose(what + " " + actual.dtype(), expected, stream.read(actual), limit, terms, rounded);
    }

    /** Fails unless a bfloat16 tensor holds these floats, each rounded to the nearest: the same bits. */
    public void assertRounded(String what, float[] expected, Tensor actual) {
        float[] found = stream.read(actual);
        assertEquals(DType.BF16, actual.dtype(), what);
        assertEquals(expected.length, found.length, what + ": length");
        for (int i = 0; i < found.length; i++) {
            if (DType.toBf16(found[i]) != DType.toBf16(expected[i])) {
                fail(what + "[" + i + "] is " + found[i] + ", not the rounding of " + expected[i] + "; seed " + seed);
            }
        }
    }

    public void assertClose(String what, double[] expected, float[] actual, double limit) {
        assertClose(what, expected, actual, limit, 0);
    }

    /**
     * The same for a result that is what remains of larger terms: the error is held against {@code terms}, the 2-norm of what was added up, if
     * that is larger than the result's own.
     */
    public void assertClose(String what, double[] expected, float[] actual, double limit, double terms) {
        assertClose(what, expected, actual, limit, terms, false);
    }

    private void assertClose(
            String what, double[] expected, float[] actual, double limit, double terms, boolean rounded) {
        assertEquals(expected.length, actual.length, what + ": length");
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            if (!Double.isFinite(actual[i])) {
                fail(what + "[" + i + "] is " + actual[i] + ", expected " + expected[i] + "; seed " + seed);
            }
            // The spacing of floats is 2^-16 of that of bfloat16.
            double rounding = rounded ? 0x1p15 * Math.ulp(actual[i]) : 0;
            double excess = Math.max(0, Math.abs(actual[i] - expected[i]) - rounding);
            difference += excess * excess;
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
        if (emulated) {
            assertEquals("", EmulatedDriver.load().log(), "found by the emulated driver; seed " + seed);
        }
    }
}
