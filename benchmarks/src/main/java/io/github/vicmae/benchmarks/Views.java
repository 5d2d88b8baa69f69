package io.github.vicmae.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.github.vicmae.data.DeviceViews;
import io.github.vicmae.data.FrameUpload;
import io.github.vicmae.data.Image;
import io.github.vicmae.data.Kind;
import io.github.vicmae.data.ViewSettings;
import io.github.vicmae.data.ViewWriter;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Views a second from decoded frames, preset release, 224 x 224: made by the host's threads in Java, or packed by them and made by the device's
 * kernels. Both use all cores where the device is the CPU. After each iteration stands the processor time that a view took, which other
 * programs on the machine disturb less.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 3)
@Fork(1)
public class Views {
    private static final int PAIRS = 32;
    private static final int VIEWS = 2 * PAIRS;
    private static final int FRAMES = 8;

    @Param("cpu")
    public String device;

    @Param({"340x256", "500x375"})
    public String frame;

    private final ViewSettings settings = ViewSettings.release(224, 224, 3);
    private final ThreadLocal<ViewWriter> writers = ThreadLocal.withInitial(() -> new ViewWriter(settings));
    private final Image[] frames = new Image[FRAMES];
    private final Arena arena = new Arena("images");
    private FloatBuffer finished;
    private FrameUpload upload;
    private Device opened;
    private DeviceViews views;
    private Kernels kernels;
    private Tensor images;
    private int epoch;
    private long startNanos;
    private int startEpoch;

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    @Setup(Level.Iteration)
    public void startClock() {
        startNanos = cpuNanos();
        startEpoch = epoch;
    }

    @TearDown(Level.Iteration)
    public void printClock() {
        double views = (double) (epoch - startEpoch) * VIEWS;
        System.out.printf(Locale.ROOT, "%.2f ms of processor time a view, ", (cpuNanos() - startNanos) / 1e6 / views);
    }

    @Setup(Level.Trial)
    public void setUp() {
        String[] size = frame.split("x");
        Random random = new Random(1);
        for (int i = 0; i < FRAMES; i++) {
            frames[i] = waves(Integer.parseInt(size[0]), Integer.parseInt(size[1]), random);
        }
        finished = ByteBuffer.allocateDirect(Float.BYTES * VIEWS * settings.viewSize())
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        upload = new FrameUpload(settings, VIEWS);
        opened = Device.open(device);
        views = new DeviceViews(opened, settings, PAIRS);
        kernels = Kernels.onNewStream(opened);
        images = arena.floats("images", VIEWS, settings.viewSize());
        arena.allocate(opened);
        verify();
    }

    /** A picture with smooth and sharp places, as photographs have them. */
    private static Image waves(int width, int height, Random random) {
        byte[] pixels = new byte[3 * width * height];
        double turn = random.nextDouble() * 6;
        for (int i = 0; i < pixels.length; i++) {
            int x = i / 3 % width;
            int y = i / 3 / width;
            double value = Math.sin(0.05 * x + turn + i % 3) + Math.cos(0.031 * y * (1 + i % 3)) + x / 40 % 2;
            pixels[i] = (byte) Math.max(0, Math.min(255, 128 + 60 * value + random.nextInt(9)));
        }
        return new Image(width, height, 3, pixels);
    }

    /** What is timed is right: the two ways differ by 1 / 255 at most. */
    private void verify() {
        host();
        epoch--;
        float[] found = kernels.stream().read(device());
        float[] deviation = settings.deviation();
        for (int i = 0; i < found.length; i++) {
            double difference = Math.abs(found[i] - finished.get(i)) * deviation[i / (224 * 224) % 3];
            if (!(difference <= 1.0 / 255 + 1e-5)) {
                throw new IllegalStateException("The views differ by " + difference + " at " + i);
            }
        }
    }

    private Philox random(int row) {
        return new Philox(1, epoch, row, row / PAIRS);
    }

    @Benchmark
    @OperationsPerInvocation(VIEWS)
    public FloatBuffer host() {
        IntStream.range(0, VIEWS).parallel().forEach(row -> writers.get()
                .write(
                        frames[row % FRAMES],
                        Kind.IMAGE,
                        row / PAIRS,
                        random(row),
                        finished,
                        row * settings.viewSize()));
        epoch++;
        return finished;
    }

    @Benchmark
    @OperationsPerInvocation(VIEWS)
    public Tensor device() {
        upload.clear();
        IntStream.range(0, VIEWS).parallel().forEach(row -> writers.get()
                .pack(frames[row % FRAMES], Kind.IMAGE, row / PAIRS, random(row), upload, row));
        epoch++;
        views.load(upload);
        views.upload(kernels.stream());
        views.make(kernels, images);
        kernels.stream().synchronize();
        return images;
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        views.close();
        kernels.stream().close();
        arena.close();
        opened.close();
    }
}
