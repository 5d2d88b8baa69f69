package io.github.vicmae.benchmarks;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.data.view.FrameUpload;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.data.view.ViewWriter;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Philox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Param;

/**
 * Views of 224 x 224 from decoded frames, preset release: made by the host's threads in Java, or packed by them and made by the device's
 * kernels. Both use all cores where the device is the CPU.
 */
public class Views extends KernelBenchmark {
    /** width x height of the frames, x pairs of views */
    @Param({"340x256x32", "500x375x32"})
    public String shape;

    /** host or device. */
    @Param({"host", "device"})
    public String pass;

    private static final int SIDE = 224;
    private static final int FRAMES = 8;

    private final ViewSettings settings = ViewSettings.release(SIDE, SIDE, 3);
    private final ThreadLocal<ViewWriter> writers = ThreadLocal.withInitial(() -> new ViewWriter(settings));
    private final Image[] frames = new Image[FRAMES];
    private int pairs;
    private long packed;
    private FloatBuffer finished;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 3);
        pairs = size[2];
        Random random = new Random(1);
        for (int i = 0; i < FRAMES; i++) {
            frames[i] = waves(size[0], size[1], random);
        }
        finished = ByteBuffer.allocateDirect(Float.BYTES * 2 * pairs * settings.viewSize())
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        Tensor images = b.resultFloats("images", 2 * pairs, settings.viewSize());
        if (pass.equals("host")) {
            b.run(this::makeOnHost);
            return new OnHost(b);
        }
        FrameUpload upload = new FrameUpload(settings, 2 * pairs);
        DeviceViews views = new DeviceViews(b.stream().device(), settings, pairs);
        b.closeToo(views);
        return b.run(() -> {
            pack(upload);
            views.load(upload);
            views.upload(b.stream());
            views.make(b.kernels(), images);
        });
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

    private Philox random(int row) {
        return new Philox(1, 0, row, row / pairs);
    }

    private void makeOnHost() {
        IntStream.range(0, 2 * pairs).parallel().forEach(row -> writers.get()
                .write(
                        frames[row % FRAMES],
                        Kind.IMAGE,
                        row / pairs,
                        random(row),
                        finished,
                        row * settings.viewSize()));
    }

    private void pack(FrameUpload upload) {
        upload.clear();
        IntStream.range(0, 2 * pairs).parallel().forEach(row -> writers.get()
                .pack(frames[row % FRAMES], Kind.IMAGE, row / pairs, random(row), upload, row));
    }

    private float[] onHost() {
        float[] views = new float[2 * pairs * settings.viewSize()];
        finished.duplicate().position(0).get(views);
        return views;
    }

    /** What the other way of the two makes: they differ by 1/255 of a pixel's range at most. */
    @Override
    List<Expected> expected() {
        if (pass.equals("device")) {
            makeOnHost();
            return List.of(new Expected("images", doubles(onHost()), 1e-2));
        }
        Views other = alike(new Views());
        other.shape = shape;
        other.pass = "device";
        other.setUp();
        try {
            return List.of(new Expected("images", doubles(other.result("images")), 1e-2));
        } finally {
            other.tearDown();
        }
    }

    /** The views are written; what is read of the frames is what the crops happen to be. */
    @Override
    Cost cost() {
        return new Cost(2.0 * pairs * settings.viewSize() * Float.BYTES, 0);
    }

    /** The views are in host memory. */
    private final class OnHost extends HostWork {
        OnHost(Bench bench) {
            super(bench);
        }

        @Override
        public void launch() {
            makeOnHost();
        }

        @Override
        public float[] result(String name) {
            return onHost();
        }
    }
}
