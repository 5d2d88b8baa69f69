package io.github.vicmae.benchmarks;

import com.sun.management.ThreadMXBean;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Precision;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The common part of the benchmarks. JMH's score is the latency: from the launch until the device is done. When an iteration ends, the time of
 * submitting alone, a card's own time of launches one behind the other, the Java heap that a launch allocates, and the device's limits
 * (a copy of as many bytes, a matrix product) are measured too. Before anything is timed the result is held against the oracle.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public abstract class KernelBenchmark {
    private static final double BURST_SECONDS = 0.05;
    private static final int MOST_LAUNCHES = 1000;
    /** On a card; the first launch of a burst finds it idle. */
    private static final int FEWEST_LAUNCHES = 3;

    /** A name that {@link Device#open} takes. */
    @Param("cpu")
    public String device;

    /** fp32 or bf16. */
    @Param("fp32")
    public String precision;

    /** The implementation. */
    @Param("vicmae")
    public String implementation;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private Device opened;
    private Bench bench;
    private Workload workload;
    private Limits limits;
    private Cost cost;
    private long launches;
    private long submitNanos;
    private long startNanos;

    /** Creates the work of one row; values of tensors come from the bench, so that every implementation has the same. */
    abstract Workload open(Bench bench, Implementation who);

    /** The expected results, from the same values; called once, after {@link #open}. */
    abstract List<Expected> expected();

    abstract Cost cost();

    /** How matrix products are chosen on a card. */
    MatMulPolicy policy(Implementation who) {
        return who == Implementation.CUBLAS ? MatMulPolicy.CUBLAS : MatMulPolicy.OWN;
    }

    /** Makes something that reads once, when it is made, who makes matrix products. */
    static <T> T under(MatMulPolicy policy, Supplier<T> made) {
        String before = System.getProperty(MatMulPolicy.PROPERTY);
        System.setProperty(MatMulPolicy.PROPERTY, policy.toString());
        try {
            return made.get();
        } finally {
            if (before == null) {
                System.clearProperty(MatMulPolicy.PROPERTY);
            } else {
                System.setProperty(MatMulPolicy.PROPERTY, before);
            }
        }
    }

    /** Gives another benchmark this one's device, precision and implementation. */
    <T extends KernelBenchmark> T alike(T other) {
        other.device = device;
        other.precision = precision;
        other.implementation = implementation;
        return other;
    }

    /** For the JMH-generated code. */
    @Setup(Level.Trial)
    public void setUp() {
        try {
            Implementation who = Implementation.of(implementation);
            opened = Device.open(device);
            workload = under(policy(who), () -> {
                bench = new Bench(opened, Precision.of(precision));
                return open(bench, who);
            });
            workload.launch();
            workload.synchronize();
            for (Expected e : expected()) {
                e.check(implementation, workload.result(e.result()));
            }
            cost = cost();
            limits = new Limits(opened, Precision.of(precision), cost.bytes(), cost.flops() > 0);
        } catch (RuntimeException | Error e) {
            Failure.tell(e);
            Closing.after(e, limits, workload, bench, opened);
            throw e;
        }
    }

    /** A result of the work. */
    float[] result(String name) {
        return workload.result(name);
    }

    /** The latency: launch and wait. */
    @Benchmark
    public void latency() {
        long start = System.nanoTime();
        workload.launch();
        submitNanos += System.nanoTime() - start;
        workload.synchronize();
        launches++;
    }

    /** For the JMH-generated code. */
    @Setup(Level.Iteration)
    public void startIteration() {
        launches = 0;
        submitNanos = 0;
        startNanos = System.nanoTime();
    }

    /** For the JMH-generated code. */
    @TearDown(Level.Iteration)
    public void finishIteration() {
        double latency = (System.nanoTime() - startNanos) / 1e9 / Math.max(1, launches);
        Measured.put(Measured.SUBMIT, submitNanos / 1e9 / Math.max(1, launches));
        boolean card = opened.kind() != Device.Kind.CPU;
        int burst = (int) Math.min(MOST_LAUNCHES, BURST_SECONDS / latency);
        burst = Math.max(burst, card ? FEWEST_LAUNCHES : 1);
        long start = allocatedBytes();
        workload.deviceSeconds(0);
        long empty = allocatedBytes();
        double seconds = workload.deviceSeconds(burst);
        long end = allocatedBytes();
        if (!Double.isNaN(seconds)) {
            // Allocations of the measurement itself do not count.
            Measured.put(Measured.HEAP, Math.max(0, end - empty - (empty - start)) / (double) burst);
            if (card) {
                Measured.put(Measured.DEVICE, seconds / burst);
            }
        }
        Measured.put(Measured.COPY, limits.copyRate());
        Measured.put(Measured.PRODUCT, limits.productRate());
        Measured.put(Measured.BYTES, cost.bytes());
        Measured.put(Measured.FLOPS, cost.flops());
        if (workload.memory() >= 0) {
            Measured.put(Measured.MEMORY, workload.memory());
        }
    }

    private long allocatedBytes() {
        return threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    }

    /** For the JMH-generated code. */
    @TearDown(Level.Trial)
    public void tearDown() {
        Closing.all(limits, workload, bench, opened);
    }

    /**
     * The numbers of a shape as in 512x768.
     *
     * @throws IllegalArgumentException if their number differs, or one is not a positive number
     */
    static int[] sizes(String shape, int count) {
        String[] parts = shape.split("x", -1);
        int[] sizes = new int[count];
        for (int i = 0; i < count; i++) {
            if (parts.length != count || !parts[i].matches("0*[1-9][0-9]{0,8}")) {
                throw new IllegalArgumentException("A shape of " + count + " positive sizes is needed, as in 8"
                        + "x8".repeat(count - 1) + ", but this was given: " + shape);
            }
            sizes[i] = Integer.parseInt(parts[i]);
        }
        return sizes;
    }

    /** A double copy, as oracles take it. */
    static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }
}
