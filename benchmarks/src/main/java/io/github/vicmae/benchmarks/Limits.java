package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.MatMul;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.DoubleSupplier;

/**
 * What the device can do at the most, measured beside the work: a plain copy of as many bytes as the work has to move, and a large square
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

    private final Device device;
    private final Arena arena = new Arena("limits");
    private final List<Stream> streams = new ArrayList<>();
    private final List<Tensor[]> copies = new ArrayList<>();
    private final ExecutorService threads;
    private final Event before;
    private final Event after;
    private final double copied;
    private MatMul matMul;
    private Product product;
    private double flops;

    /**
     * @param bytes that the work moves
     * @param withProduct whether the work has products
     */
    Limits(Device device, Precision precision, double bytes, boolean withProduct) {
        this.device = device;
        // The CPU copies with a thread for each core, as its kernels run; a card's copy engine and its queue need one.
        boolean cpu = device.kind() == Device.Kind.CPU;
        int parts = cpu ? Runtime.getRuntime().availableProcessors() : 1;
        threads = cpu ? Executors.newFixedThreadPool(parts, Limits::daemon) : null;
        int each = (int) (Math.max(LEAST_COPY, Math.min(MOST_COPY, bytes)) / 2 / parts / Float.BYTES);
        for (int i = 0; i < parts; i++) {
            copies.add(new Tensor[] {arena.floats("to", each), arena.floats("from", each)});
            streams.add(device.newStream());
        }
        copied = 2.0 * parts * each * Float.BYTES;
        before = device.newEvent();
        after = device.newEvent();
        if (withProduct) {
            int side = cpu ? SIDE_ON_CPU : SIDE_ON_CARD;
            Tensor a = arena.tensor("a", precision.dtype(), side, side);
            Tensor b = arena.tensor("b", precision.dtype(), side, side);
            Tensor c = arena.tensor("c", precision.dtype(), side, side);
            matMul = new MatMul(streams.get(0));
            product = new Product().of(a, false, b, true, side, side, side).to(Epilogue.WRITE, c);
            flops = 2.0 * side * side * side;
        }
        arena.allocate(device);
        arena.tensors().forEach(streams.get(0)::zero);
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "copy");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Bytes a second, read and written, of a plain copy: the median of some in a row, as the work it is compared with is repeated too and
     * finds in the caches what fits there.
     */
    double copyRate() {
        return copied / median(this::copySeconds);
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
        if (device.kind() != Device.Kind.CPU) {
            before.record(streams.get(0));
            streams.get(0).copy(copies.get(0)[0], copies.get(0)[1]);
            after.record(streams.get(0));
            after.synchronize();
            return after.millisecondsSince(before) / 1e3;
        }
        long start = System.nanoTime();
        List<Future<?>> parts = new ArrayList<>();
        for (int i = 1; i < copies.size(); i++) {
            int part = i;
            parts.add(threads.submit(() -> streams.get(part).copy(copies.get(part)[0], copies.get(part)[1])));
        }
        streams.get(0).copy(copies.get(0)[0], copies.get(0)[1]);
        try {
            for (Future<?> part : parts) {
                part.get();
            }
        } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException("The copy that the work is compared with failed: " + e.getMessage(), e);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** Operations a second of a matrix product, or NaN if none was asked for. */
    double productRate() {
        return product == null ? Double.NaN : flops / median(this::productSeconds);
    }

    private double productSeconds() {
        before.record(streams.get(0));
        matMul.multiply(product);
        after.record(streams.get(0));
        after.synchronize();
        return after.millisecondsSince(before) / 1e3;
    }

    @Override
    public void close() {
        if (threads != null) {
            threads.shutdownNow();
        }
        Closing.all(before, after);
        Closing.all(streams.toArray(new AutoCloseable[0]));
        arena.close();
    }
}
