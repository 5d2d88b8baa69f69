package io.github.vicmae.kernel.augment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.AugmentOracle;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AugmentKernelsTest {
    private static final double THRESHOLD = 128.0 / 255;
    /** The jitter's order 3, 1, 0, 2 (hue, contrast, brightness, saturation). */
    private static final int ORDER = 3 | 1 << 2 | 2 << 6;

    private static final float[] SCALE = {2, 3, 4, 5};
    private static final float[] SHIFT = {-1, 0.5f, 0, 2};

    /** One view to be made. Factors are null for no jitter. */
    private record View(
            int rows,
            int columns,
            boolean flip,
            int order,
            float[] factors,
            boolean gray,
            float sigma,
            boolean solarize) {
        static View plain(int rows, int columns) {
            return new View(rows, columns, false, 0, null, false, 0, false);
        }

        View flipped() {
            return new View(rows, columns, true, order, factors, gray, sigma, solarize);
        }

        View jittered(int jitterOrder, float... jitterFactors) {
            return new View(rows, columns, flip, jitterOrder, jitterFactors, gray, sigma, solarize);
        }

        View grayed() {
            return new View(rows, columns, flip, order, factors, true, sigma, solarize);
        }

        View blurred(float deviation) {
            return new View(rows, columns, flip, order, factors, gray, deviation, solarize);
        }

        View solarized() {
            return new View(rows, columns, flip, order, factors, gray, sigma, true);
        }

        /** Values in [0, 1] before solarization. */
        double[] expected(byte[] crop, AugmentShape s) {
            double[] view =
                    AugmentOracle.resize(crop, rows, columns, s.channels(), s.height(), s.width(), s.bicubic(), flip);
            for (int i = 0; factors != null && i < 4; i++) {
                int operation = order >> 2 * i & 3;
                AugmentOracle.jitter(view, operation, factors[operation]);
            }
            if (gray) {
                AugmentOracle.gray(view);
            }
            return sigma > 0 ? AugmentOracle.blur(view, colours(s), s.height(), s.width(), sigma) : view;
        }

        static int colours(AugmentShape s) {
            return s.channels() - (s.channels() % 2 == 0 ? 1 : 0);
        }
    }

    /** Views with their crops, and the device's tensors. */
    private static final class Batch implements AutoCloseable {
        private final KernelFixture fixture;
        private final AugmentShape shape;
        private final List<View> views;
        private final List<byte[]> crops = new ArrayList<>();
        private final Arena arena = new Arena("augment");
        private final Tensor frames;
        private final Tensor draws;
        private final Tensor normalisation;
        private final AugmentWorkspace workspace;

        Batch(KernelFixture fixture, AugmentShape shape, List<View> views, int atOnce) {
            this.fixture = fixture;
            this.shape = shape;
            this.views = views;
            int bytes = views.stream()
                    .mapToInt(v -> AugmentDraws.pitch(v.columns, shape.channels()) * v.rows)
                    .sum();
            ByteBuffer packed = ByteBuffer.allocate(bytes);
            IntBuffer rows = IntBuffer.allocate(views.size() * AugmentDraws.WORDS);
            for (int i = 0; i < views.size(); i++) {
                pack(packed, rows, i);
            }
            frames = arena.tensor("frames", DType.U8, bytes);
            boolean jitter = views.stream().anyMatch(v -> v.factors != null);
            boolean blur = views.stream().anyMatch(v -> v.sigma > 0);
            workspace = new AugmentWorkspace(arena, shape, atOnce, jitter, blur);
            arena.allocate(fixture.stream().device());
            try (HostBuffer staging = fixture.stream().device().hostBuffer(bytes)) {
                staging.bytes().put(0, packed.array());
                fixture.stream().upload(frames, staging, 0);
                fixture.stream().synchronize();
            }
            draws = fixture.tensor(rows.array(), views.size(), AugmentDraws.WORDS);
            float[] normal = new float[2 * shape.channels()];
            System.arraycopy(SCALE, 0, normal, 0, shape.channels());
            System.arraycopy(SHIFT, 0, normal, shape.channels(), shape.channels());
            normalisation = fixture.tensor(normal, 2, shape.channels());
        }

        private void pack(ByteBuffer packed, IntBuffer rows, int i) {
            View v = views.get(i);
            byte[] crop = new byte[v.rows * v.columns * shape.channels()];
            fixture.random().nextBytes(crop);
            crops.add(crop);
            AugmentDraws.crop(rows, i, packed.position(), v.columns, v.rows, shape.channels(), v.flip);
            if (v.factors != null) {
                AugmentDraws.jitter(rows, i, v.order, v.factors[0], v.factors[1], v.factors[2], v.factors[3]);
            }
            AugmentDraws.rest(rows, i, v.gray, v.sigma, v.solarize);
            int length = v.columns * shape.channels();
            for (int y = 0; y < v.rows; y++) {
                packed.put(crop, y * length, length);
                packed.position(packed.position() + AugmentDraws.pitch(v.columns, shape.channels()) - length);
            }
        }

        Tensor make(AugmentKernels kernels) {
            Tensor images = fixture.unwritten(views.size(), shape.channels(), shape.height(), shape.width());
            kernels.make(images, frames, draws, normalisation, workspace);
            return images;
        }

        void check(float[] images) {
            int plane = shape.height() * shape.width();
            for (int n = 0; n < views.size(); n++) {
                View v = views.get(n);
                double[] expected = v.expected(crops.get(n), shape);
                double[] actual = new double[expected.length];
                for (int i = 0; i < expected.length; i++) {
                    int c = i / plane;
                    boolean solarized = v.solarize && c < View.colours(shape) && expected[i] >= THRESHOLD;
                    double value = ((double) images[element(n, c, i % plane)] - SHIFT[c]) / SCALE[c];
                    // Right at the threshold rounding decides.
                    boolean either = v.solarize && Math.abs(expected[i] - THRESHOLD) < 1e-5;
                    actual[i] = either ? expected[i] : solarized ? 1 - value : value;
                }
                for (int i = 0; i < expected.length; i++) {
                    if (!(Math.abs(expected[i] - actual[i]) < 1e-5)) {
                        // Which fails, with the seed.
                        fixture.assertClose(v + " of " + shape + " at " + i, expected, floats(actual), 0);
                    }
                }
            }
        }

        /** The place of a pixel of frame {@code n} in [views, channels, frames, pixels]. */
        private int element(int n, int channel, int pixel) {
            int view = n / shape.frames();
            int frame = n % shape.frames();
            return ((view * shape.channels() + channel) * shape.frames() + frame) * shape.height() * shape.width()
                    + pixel;
        }

        private static float[] floats(double[] values) {
            float[] copy = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                copy[i] = (float) values[i];
            }
            return copy;
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    private static void check(String device, AugmentShape shape, List<View> views, int atOnce) {
        try (KernelFixture fixture = new KernelFixture(device);
                Batch batch = new Batch(fixture, shape, views, atOnce)) {
            AugmentKernels kernels = new AugmentKernels(fixture.stream());
            float[] images = fixture.stream().read(batch.make(kernels));
            batch.check(images);
            assertArrayEquals(images, fixture.stream().read(batch.make(kernels)), "the same draws, other views");
        }
    }

    /** The kernels' own limits (columns and rows on chip, tiles) are crossed, by crops no frame would be cut to. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void cropsOfAnySizeAreResized(String device) {
        for (int channels = 1; channels <= 4; channels++) {
            boolean bicubic = channels % 2 == 1;
            List<View> small =
                    List.of(View.plain(1, 1), View.plain(2, 3), View.plain(3, 2).flipped());
            check(device, new AugmentShape(channels, 1, 1, 3, 3, bicubic), small, 3);
            check(device, new AugmentShape(channels, 5, 6, 3, 3, !bicubic), small, 3);
            List<View> large = List.of(View.plain(139, 7), View.plain(1, 531).flipped(), View.plain(9, 4));
            check(device, new AugmentShape(channels, 3, 5, 139, 531, bicubic), large, 3);
        }
        List<View> wide = List.of(View.plain(3, 301), View.plain(3, 40).flipped());
        check(device, new AugmentShape(3, 2, 131, 3, 301, true), wide, 2);
        check(device, new AugmentShape(1, 1, 257, 4, 301, false), wide, 1);
    }

    private static float[] only(int operation, float factor) {
        float[] factors = {1, 1, 1, 0};
        factors[operation] = factor;
        return factors;
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void everyOperationMatchesItsDefinition(String device) {
        List<View> views = new ArrayList<>();
        View plain = View.plain(17, 11);
        for (int operation = 0; operation < 4; operation++) {
            views.add(plain.jittered(ORDER, only(operation, operation == 3 ? -0.4f : 0.3f)));
            views.add(plain.jittered(ORDER, only(operation, operation == 3 ? 0.3f : 1.6f)));
        }
        views.add(plain.flipped());
        views.add(plain.grayed());
        views.add(plain.solarized());
        views.add(plain.blurred(0.1f));
        views.add(plain.blurred(1.9f).grayed());
        views.add(plain.blurred(11).solarized());
        views.add(plain.jittered(ORDER, 0.7f, 1.3f, 1.2f, 0.1f).flipped());
        views.add(plain.jittered(ORDER, 1.4f, 0.6f, 0.8f, -0.1f).grayed().solarized());
        views.add(plain.jittered(ORDER, 1.4f, 0, 0, 0.5f)
                .blurred(1.2f)
                .solarized()
                .flipped());
        check(device, new AugmentShape(3, 9, 14, 17, 11, true), views, 7);
    }

    @Test
    void everyOrderOfTheJitterIsKept() {
        List<View> views = new ArrayList<>();
        for (int order = 0; order < 256; order++) {
            int[] seen = new int[4];
            for (int i = 0; i < 4; i++) {
                seen[order >> 2 * i & 3]++;
            }
            if (seen[0] == 1 && seen[1] == 1 && seen[2] == 1 && seen[3] == 1) {
                views.add(View.plain(20, 20).jittered(order, 1.4f, 0.5f, 1.7f, 0.2f));
            }
        }
        assertEquals(24, views.size());
        check("cpu", new AugmentShape(3, 33, 40, 20, 20, true), views, 24);
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void alphaIsNeitherBlurredNorSolarized(String device) {
        for (int channels = 1; channels <= 4; channels++) {
            List<View> views = List.of(
                    View.plain(9, 9).blurred(2).solarized(),
                    View.plain(5, 6).blurred(0.6f),
                    View.plain(4, 4).solarized().flipped());
            check(device, new AugmentShape(channels, 10, 3, 9, 9, true), views, 2);
        }
    }

    /** The largest blur that the settings allow reaches far over every edge; wide views take several tiles. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void blursReachOverTheEdges(String device) {
        List<View> views = List.of(View.plain(4, 4).blurred(100));
        check(device, new AugmentShape(1, 2, 3, 4, 4, true), views, 1);
        List<View> wide =
                List.of(View.plain(4, 4).blurred(1.1f), View.plain(3, 4).blurred(5));
        check(device, new AugmentShape(1, 3, 150, 4, 4, true), wide, 2);
        check(device, new AugmentShape(1, 19, 2, 4, 4, true), wide, 2);
    }

    @Test
    void viewsDoNotDependOnHowManyAreMadeAtOnce() {
        List<View> views = new ArrayList<>();
        Random random = new Random(3);
        for (int i = 0; i < 7; i++) {
            View v = View.plain(1 + random.nextInt(30), 1 + random.nextInt(30));
            v = i % 2 == 0 ? v.jittered(ORDER, 1.1f, 0.9f, 1.2f, 0.05f) : v;
            views.add(i % 3 == 0 ? v.blurred(1.3f) : v);
        }
        float[] expected = null;
        for (int atOnce : new int[] {7, 1, 3, 20}) {
            try (KernelFixture fixture = new KernelFixture("cpu", 5);
                    Batch batch = new Batch(fixture, new AugmentShape(3, 13, 9, 30, 30, true), views, atOnce)) {
                long before = fixture.stream().launches();
                float[] images = fixture.stream().read(batch.make(new AugmentKernels(fixture.stream())));
                assertEquals(5 * ((7 + atOnce - 1) / atOnce), fixture.stream().launches() - before);
                expected = expected == null ? images : expected;
                assertArrayEquals(expected, images);
            }
        }
    }

    /** Frames of one view lie beside each other in every channel, whatever is done to each of them. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void framesOfAViewShareItsChannels(String device) {
        for (int channels : new int[] {1, 3, 4}) {
            View jittered =
                    channels == 3 ? View.plain(9, 12).jittered(ORDER, 1.2f, 0.7f, 1.3f, 0.1f) : View.plain(9, 12);
            List<View> frames = List.of(
                    jittered,
                    jittered.flipped(),
                    jittered.blurred(1.4f),
                    View.plain(7, 5).solarized(),
                    View.plain(3, 8).blurred(0.7f).solarized(),
                    jittered.blurred(2));
            check(device, new AugmentShape(channels, 9, 10, 12, 12, true, 3), frames, 3);
            check(device, new AugmentShape(channels, 9, 10, 12, 12, true, 2), frames, 6);
        }
    }

    @Test
    void launchesAllocateNothing() {
        List<View> views = List.of(View.plain(9, 9).blurred(1).jittered(ORDER, 1, 1, 1, 0), View.plain(5, 5));
        try (KernelFixture fixture = new KernelFixture("cpu");
                Batch batch = new Batch(fixture, new AugmentShape(3, 8, 8, 9, 9, true), views, 1)) {
            AugmentKernels kernels = new AugmentKernels(fixture.stream());
            Tensor images = batch.make(kernels);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long thread = Thread.currentThread().getId();
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 2000 && least > 0; i++) { // until it is compiled
                long before = threads.getThreadAllocatedBytes(thread);
                for (int k = 0; k < 20; k++) {
                    kernels.make(images, batch.frames, batch.draws, batch.normalisation, batch.workspace);
                }
                least = Math.min(least, threads.getThreadAllocatedBytes(thread) - before);
            }
            assertEquals(0, least, "bytes on the Java heap for 20 batches");
        }
    }

    @Test
    void wrongTensorsAreRefused() {
        try (KernelFixture fixture = new KernelFixture("cpu");
                Batch batch = new Batch(fixture, new AugmentShape(3, 4, 4, 9, 9, true), List.of(View.plain(9, 9)), 1)) {
            AugmentKernels kernels = new AugmentKernels(fixture.stream());
            Tensor images = fixture.unwritten(1, 3, 4, 4);
            Tensor two = fixture.unwritten(2, 3, 4, 4);
            Tensor bytes = batch.frames;
            Tensor draws = batch.draws;
            Tensor normal = batch.normalisation;
            AugmentWorkspace space = batch.workspace;
            assertThrows(IllegalArgumentException.class, () -> kernels.make(two, bytes, draws, normal, space));
            assertThrows(IllegalArgumentException.class, () -> kernels.make(images, images, draws, normal, space));
            assertThrows(IllegalArgumentException.class, () -> kernels.make(images, bytes, normal, normal, space));
            assertThrows(IllegalArgumentException.class, () -> kernels.make(images, bytes, draws, draws, space));
        }
        assertThrows(IllegalArgumentException.class, () -> new AugmentShape(5, 4, 4, 9, 9, true));
        assertThrows(IllegalArgumentException.class, () -> new AugmentShape(3, 0, 4, 9, 9, true));
        assertThrows(IllegalArgumentException.class, () -> new AugmentShape(3, 4, 4, 9, 9, true, 0));
        assertThrows(IllegalArgumentException.class, () -> new AugmentShape(4, 30_000, 30_000, 9, 9, true));
        IntBuffer table =
                ByteBuffer.allocateDirect(44).order(ByteOrder.nativeOrder()).asIntBuffer();
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> AugmentDraws.resized(table, 0, 6));
        assertTrue(e.getMessage().contains("multiple of 4"), e.getMessage());
    }
}
