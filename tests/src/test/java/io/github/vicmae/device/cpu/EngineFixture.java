package io.github.vicmae.device.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.TestSeed;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Assumptions;

/** The CPU device with one engine of matrix products, and seeded random operands. */
final class EngineFixture implements AutoCloseable {
    static final List<String> ENGINES = List.of("plain", "blas", "avx512bf16", "amx", "fma");
    private static final int GUARD = 64;
    private static final float GUARD_VALUE = 12.5f;

    /** A product's shape, and how its operands are stored. */
    record Shape(int m, int n, int k, boolean transA, boolean transB) {}

    private record Guarded(Tensor around, String name) {}

    final Stream stream;
    final long seed = TestSeed.next();
    final Random random = new Random(seed);
    private final CpuDevice device;
    private final Product product = new Product();
    /** Whether products get a packed B, where it can be had. */
    boolean packs;

    private final List<Arena> arenas = new ArrayList<>();
    private final List<Guarded> guarded = new ArrayList<>();

    EngineFixture(String engine) {
        device = CpuDevice.open(engine);
        stream = device.newStream();
    }

    /** Skips the test, and says why, where the engine is not there. */
    static EngineFixture orSkip(String engine) {
        try {
            return new EngineFixture(engine);
        } catch (DeviceException e) {
            Assumptions.assumeTrue(false, e.getMessage());
            throw e;
        }
    }

    float[] normal(int size) {
        return values(size, random::nextGaussian);
    }

    static float[] values(int size, DoubleSupplier each) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) each.getAsDouble();
        }
        return values;
    }

    /** A tensor with these values, which are rounded in place to what it holds; what lies around it must stay as it is. */
    Tensor tensor(DType type, float[] values, int... shape) {
        if (type == DType.BF16) {
            for (int i = 0; i < values.length; i++) {
                values[i] = DType.fromBf16(DType.toBf16(values[i]));
            }
        }
        Arena arena = new Arena("test");
        Tensor around = arena.tensor("around", type, values.length + 2 * GUARD);
        arena.allocate(device);
        arenas.add(arena);
        float[] all = new float[values.length + 2 * GUARD];
        Arrays.fill(all, GUARD_VALUE);
        System.arraycopy(values, 0, all, GUARD, values.length);
        stream.write(around, all);
        guarded.add(new Guarded(around, Arrays.toString(shape)));
        return around.slice("test", GUARD, shape);
    }

    /** A tensor full of NaN. */
    Tensor unwritten(DType type, int... shape) {
        float[] nan = new float[Arrays.stream(shape).reduce(1, Math::multiplyExact)];
        Arrays.fill(nan, Float.NaN);
        return tensor(type, nan, shape);
    }

    /** C = op(A) op(B), or false where the engine does not do this type. */
    boolean multiply(Shape s, Tensor c, Tensor a, Tensor b) {
        return multiply(Epilogue.WRITE, s, c, a, b, null, null);
    }

    boolean multiply(Epilogue epilogue, Shape s, Tensor c, Tensor a, Tensor b, Tensor bias, Tensor other) {
        return multiply(epilogue, s, c, a, b, bias, other, null);
    }

    /** factors: of the rows, one for each; null unless the epilogue has them. */
    boolean multiply(
            Epilogue epilogue, Shape s, Tensor c, Tensor a, Tensor b, Tensor bias, Tensor other, Tensor factors) {
        product.of(a, s.transA, b, s.transB, s.m, s.n, s.k).to(epilogue, c, bias, other);
        if (packs && s.transB && device.packedBytes(b.dtype(), s.n, s.k) > 0) {
            int floats = Math.toIntExact(device.packedBytes(b.dtype(), s.n, s.k) / Float.BYTES);
            Tensor packed = unwritten(DType.F32, floats);
            stream.pack(packed, b, s.n, s.k);
            product.packed(packed);
        }
        if (factors != null) {
            product.factors(factors, s.m / (int) factors.size());
        }
        return stream.multiply(product);
    }

    String again() {
        return "; run again with -Dvicmae.test.seed=" + seed;
    }

    static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }

    @Override
    public void close() {
        for (Guarded g : guarded) {
            float[] all = stream.read(g.around);
            for (int i = 0; i < GUARD; i++) {
                assertEquals(GUARD_VALUE, all[i], "before " + g.name + again());
                assertEquals(GUARD_VALUE, all[all.length - 1 - i], "after " + g.name + again());
            }
        }
        arenas.forEach(Arena::close);
        stream.close();
        device.close();
    }
}
