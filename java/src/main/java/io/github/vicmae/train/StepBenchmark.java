package io.github.vicmae.train;

import com.sun.management.ThreadMXBean;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.cpu.CpuDevice;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.kernel.Reduce;
import io.github.vicmae.kernel.matmul.MatMul;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.FlopCount;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViCMae;
import io.github.vicmae.optim.AdamW;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** Times whole training steps on random data, beside the device's own matrix-product rate: both in turn, so that they see the same machine. */
public final class StepBenchmark {
    /**
     * What was measured, medians over the steps.
     *
     * @param stepSeconds forward, backward and update
     * @param passesSeconds forward and backward alone
     * @param pairsPerSecond samples a second
     * @param gigaflops matrix products and attention of the step, a second
     * @param gemmGigaflops of a square matrix product of floats on the same device; on the CPU by OpenBLAS where that can be loaded, for every
     *     machine has such a library to compare with
     * @param launches kernels and copies of a step
     * @param launchNanos what a launch that computes nothing costs from Java
     * @param allocatedBytes on the Java heap in a step
     * @param deviceBytes of device memory
     */
    public record Result(
            double stepSeconds,
            double passesSeconds,
            double pairsPerSecond,
            double gigaflops,
            double gemmGigaflops,
            long launches,
            double launchNanos,
            long allocatedBytes,
            long deviceBytes) {
        /** The step's rate as a share of the matrix product's. */
        public double shareOfGemm() {
            return gigaflops / gemmGigaflops;
        }

        /** The share of the step that goes into launching from Java. */
        public double launchShare() {
            return launches * launchNanos / 1e9 / stepSeconds;
        }
    }

    private static final int GEMM_SIDE = 2048;
    private static final int WARMUP = 3;
    private static final int EMPTY_LAUNCHES = 20_000;

    private StepBenchmark() {}

    /**
     * Runs the benchmark.
     *
     * @param steps counted steps, after three that are not counted
     */
    public static Result run(
            Device device, ModelConfig config, int batch, Precision precision, boolean recompute, int steps) {
        Execution execution = new Execution(precision, recompute, Execution.inputs(device.kind()));
        try (ViCMae model = new ViCMae(device, config, batch, execution);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                TrainingStep training = new TrainingStep(model, optimizer);
                GemmRate gemm = new GemmRate(device)) {
            model.parameters().initialise(model.kernels(), 1);
            for (int i = 0; i < model.inputCount(); i++) {
                fill(model.input(i));
            }
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long thread = Thread.currentThread().getId();
            double[] seconds = new double[steps];
            double[] passes = new double[steps];
            double[] gemmSeconds = new double[steps];
            long[] allocated = new long[steps];
            long launches = 0;
            for (int i = -WARMUP; i < steps; i++) {
                double g = gemm.seconds();
                long bytes = threads.getThreadAllocatedBytes(thread);
                long launchesBefore = model.stream().launches();
                long start = System.nanoTime();
                run(training, 1e-4);
                long end = System.nanoTime();
                launches = model.stream().launches() - launchesBefore;
                if (i >= 0) {
                    seconds[i] = (end - start) / 1e9;
                    gemmSeconds[i] = g;
                    allocated[i] = threads.getThreadAllocatedBytes(thread) - bytes;
                }
                start = System.nanoTime();
                run(training, TrainingStep.NO_UPDATE);
                if (i >= 0) {
                    passes[i] = (System.nanoTime() - start) / 1e9;
                }
            }
            double step = median(seconds);
            Arrays.sort(allocated);
            return new Result(
                    step,
                    median(passes),
                    batch / step,
                    batch * FlopCount.perPair(config) / step / 1e9,
                    2.0 * GEMM_SIDE * GEMM_SIDE * GEMM_SIDE / median(gemmSeconds) / 1e9,
                    launches,
                    emptyLaunchNanos(device),
                    allocated[steps / 2],
                    model.memory().total());
        }
    }

    /** As in training: up to as many steps under way as there are inputs. */
    private static void run(TrainingStep training, double rate) {
        training.submit(1, 0.03, rate);
        while (training.isReady() || !training.hasRoom()) {
            training.finish();
        }
    }

    private static void fill(StepInput input) {
        Philox random = new Philox(1, 0, 0, 0);
        FloatBuffer floats = input.host().floats();
        for (int i = 0; i < input.optimizerOffset(); i++) {
            floats.put(i, i < input.noiseOffset() ? (float) random.nextGaussian() : random.nextFloat());
        }
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /** A square matrix product on the device. */
    private static final class GemmRate implements AutoCloseable {
        private final Device device;
        private final Stream stream;
        private final Arena arena = new Arena("matrix product");
        private final Tensor a = arena.floats("a", GEMM_SIDE, GEMM_SIDE);
        private final Tensor b = arena.floats("b", GEMM_SIDE, GEMM_SIDE);
        private final Tensor c = arena.floats("c", GEMM_SIDE, GEMM_SIDE);
        private final Product product = new Product()
                .of(a, false, b, true, GEMM_SIDE, GEMM_SIDE, GEMM_SIDE)
                .to(Epilogue.WRITE, c);
        private final MatMul matMul;

        GemmRate(Device measured) {
            device = blas(measured);
            stream = device.newStream();
            try {
                matMul = new MatMul(stream);
                arena.allocate(device);
                stream.zero(a);
                stream.zero(b);
            } catch (RuntimeException | Error e) {
                Closing.after(e, this);
                throw e;
            }
        }

        private static Device blas(Device measured) {
            if (measured.kind() != Device.Kind.CPU) {
                return measured;
            }
            try {
                return CpuDevice.open("blas");
            } catch (DeviceException e) {
                return measured; // there is no OpenBLAS
            }
        }

        double seconds() {
            long start = System.nanoTime();
            matMul.multiply(product);
            stream.synchronize();
            return (System.nanoTime() - start) / 1e9;
        }

        @Override
        public void close() {
            Closing.all(stream, arena);
        }
    }

    private static double emptyLaunchNanos(Device device) {
        try (Stream stream = device.newStream();
                Arena arena = new Arena("launch")) {
            Tensor out = arena.floats("out", 1);
            Tensor x = arena.floats("x", 1);
            arena.allocate(device);
            stream.zero(out); // which the kernel adds to
            stream.zero(x);
            Reduce reduce = new Reduce(stream);
            long start = 0;
            for (int i = 0; i < 2 * EMPTY_LAUNCHES; i++) {
                if (i == EMPTY_LAUNCHES) {
                    start = System.nanoTime();
                }
                reduce.add(out, x, 1, 1);
            }
            stream.synchronize();
            return (System.nanoTime() - start) / (double) EMPTY_LAUNCHES;
        }
    }
}
