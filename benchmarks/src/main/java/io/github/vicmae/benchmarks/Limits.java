package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.matmul.MatMul;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;

/**
 * The limits of the device, measured beside the work: a plain copy of as many bytes as the work has to move, and a large square
 * matrix product in the work's precision.
 */
final class Limits implements AutoCloseable {
    private static final long LEAST_COPY = 64 << 10;
    private static final long MOST_COPY = 1L << 30;
    private static final int FEWEST = 3;
    private static final int MOST = 101;
    private static final double ENOUGH_SECONDS = 0.02;
    private static final int SIDE_ON_CPU = 1536;
    private static final int SIDE_ON_CARD = 8192;

    private final Arena arena = new Arena("limits");
    private final Stream stream;
    private final Tensor to;
    private final Tensor from;
    private final Event before;
    private final Event after;
    private MatMul matMul;
    private Product product;
    private double flops;

    /**
     * @param bytes that the work moves
     * @param withProduct whether the work has products
     */
    Limits(Device device, Precision precision, double bytes, boolean withProduct) {
        int each = (int) (Math.max(LEAST_COPY, Math.min(MOST_COPY, bytes)) / 2 / Float.BYTES);
        to = arena.floats("to", each);
        from = arena.floats("from", each);
        // A limit of the device, whatever the implementation: on a card the faster of own kernels and cuBLAS
        // computes the product.
        stream = KernelBenchmark.under(MatMulPolicy.FASTEST, device::newStream);
        before = device.newEvent();
        after = device.newEvent();
        if (!withProduct) {
            arena.allocate(device);
        } else {
            int side = device.kind() == Device.Kind.CPU ? SIDE_ON_CPU : SIDE_ON_CARD;
            Tensor a = arena.tensor("a", precision.dtype(), side, side);
            Tensor b = arena.tensor("b", precision.dtype(), side, side);
            Tensor c = arena.tensor("c", precision.dtype(), side, side);
            matMul = KernelBenchmark.under(MatMulPolicy.FASTEST, () -> new MatMul(stream));
            product = new Product().of(a, false, b, true, side, side, side).to(Epilogue.WRITE, c);
            flops = 2.0 * side * side * side;
            arena.allocate(device);
            // A card draws less power with zeros, and its clock is higher then than with the work's values.
            float[] values = values(side * side);
            stream.write(a, values);
            stream.write(b, values);
        }
        stream.zero(to);
        stream.zero(from);
    }

    private static float[] values(int count) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /**
     * Bytes a second, read and written, of a plain copy: the median of several in a row, since the work that it is compared with is repeated
     * as well and finds in the caches what fits.
     */
    double copyRate() {
        return 2.0 * to.bytes() / median(this::copySeconds);
    }

    private static double median(DoubleSupplier seconds) {
        seconds.getAsDouble();
        List<Double> all = new ArrayList<>();
        double sum = 0;
        while (all.size() < FEWEST || sum < ENOUGH_SECONDS && all.size() < MOST) {
            double one = seconds.getAsDouble();
            all.add(one);
            sum += one;
        }
        all.sort(null);
        return all.get(all.size() / 2);
    }

    private double copySeconds() {
        before.record(stream);
        stream.copy(to, from);
        return elapsed();
    }

    /** Operations a second of a matrix product, or NaN if none was asked for. */
    double productRate() {
        return product == null ? Double.NaN : flops / median(this::productSeconds);
    }

    private double productSeconds() {
        before.record(stream);
        matMul.multiply(product);
        return elapsed();
    }

    private double elapsed() {
        after.record(stream);
        after.synchronize();
        return after.millisecondsSince(before) / 1e3;
    }

    @Override
    public void close() {
        Closing.all(before, after, stream, arena);
    }
}
