package io.github.vicmae.data.view;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestSeed;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.WatchedDevice;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.Philox;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Views made on a device against those that the host makes of the same draws. */
class DeviceViewsTest {
    /** In units of [0, 1], before normalisation. */
    private static final double LIMIT = 1.0 / 255;
    /** What rounding makes: a solarized value right at the threshold jumps by 1 / 255 besides. */
    private static final double ROUNDING = 2e-5;

    private final long seed = TestSeed.next();

    @AfterEach
    void restore() {
        Emulation.restore();
    }

    /** A device with one slot and the images' memory. */
    private static final class Slot implements AutoCloseable {
        private final Device device;
        private final Arena arena = new Arena("images");
        private final Tensor images;
        private final Kernels kernels;
        private final DeviceViews views;

        Slot(String name, ViewSettings settings, int batch) {
            device = Device.open(name);
            images = arena.floats("images", 2 * batch, settings.channels(), settings.height(), settings.width());
            arena.allocate(device);
            kernels = Kernels.onNewStream(device);
            views = new DeviceViews(device, settings, batch);
        }

        float[] make(FrameUpload upload) {
            views.load(upload);
            views.upload(kernels.stream());
            views.make(kernels, images);
            return kernels.stream().read(images);
        }

        @Override
        public void close() {
            views.close();
            kernels.stream().close();
            arena.close();
            assertEquals(0, device.liveBytes());
            device.close();
        }
    }

    /** Images and what was drawn for each. */
    private record Drawn(List<Image> images, List<ViewDraw> draws) {
        Drawn() {
            this(new ArrayList<>(), new ArrayList<>());
        }

        void add(Image image, ViewDraw draw) {
            images.add(image);
            draws.add(draw);
        }

        FrameUpload pack(ViewSettings settings) {
            FrameUpload upload = new FrameUpload(settings, images.size());
            ViewWriter writer = new ViewWriter(settings);
            for (int i = 0; i < images.size(); i++) {
                writer.pack(ReducedImage.of(images.get(i)), draws.get(i), upload, i);
            }
            return upload;
        }

        float[] onHost(ViewSettings settings) {
            FloatBuffer out = FloatBuffer.allocate(images.size() * settings.viewSize());
            ViewWriter writer = new ViewWriter(settings);
            for (int i = 0; i < images.size(); i++) {
                writer.write(ReducedImage.of(images.get(i)), draws.get(i), out, i * settings.viewSize(), 1);
            }
            return out.array();
        }
    }

    private void assertSame(ViewSettings settings, Drawn drawn, float[] found) {
        float[] expected = drawn.onHost(settings);
        float[] deviation = settings.deviation();
        int plane = settings.height() * settings.width();
        for (int i = 0; i < expected.length; i++) {
            ViewDraw draw = drawn.draws.get(i / settings.viewSize());
            double difference = Math.abs(expected[i] - found[i]) * deviation[i / plane % settings.channels()];
            double limit = ROUNDING + (draw.solarize() ? LIMIT : 0);
            int at = i;
            assertTrue(
                    difference <= limit,
                    () -> "differs by " + 255 * difference + " / 255 at " + at + " of " + settings.channels()
                            + " channels, " + drawn.images.get(at / settings.viewSize()) + ", " + draw
                            + "; run again with -Dvicmae.test.seed=" + seed);
        }
    }

    private void check(String device, ViewSettings settings, Drawn drawn) {
        try (Slot slot = new Slot(device, settings, drawn.images.size() / 2)) {
            float[] found = slot.make(drawn.pack(settings));
            assertSame(settings, drawn, found);
            assertArrayEquals(found, slot.make(drawn.pack(settings)), "the same draws, other views");
        }
    }

    private static Image picture(Random random, int width, int height, int channels) {
        return random.nextInt(4) == 0
                ? Pictures.gradient(width, height)
                : Pictures.random(width, height, channels, random.nextLong());
    }

    /** Frames of any size and number of channels through whole presets. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void randomViewsAreThoseOfTheHost(String device) {
        Random random = new Random(seed);
        int[][] sizes = {{1, 1}, {2, 3}, {3, 2}, {40, 9}, {9, 40}, {33, 31}, {64, 48}, {1, 50}};
        for (int channels = 1; channels <= 4; channels++) {
            for (ViewSettings settings :
                    List.of(ViewSettings.release(11, 18, channels), bilinear(ViewSettings.paper(16, 7, channels)))) {
                Drawn drawn = new Drawn();
                for (int i = 0; i < 2 * sizes.length; i++) {
                    int[] size = sizes[i / 2];
                    Image image = picture(random, size[0], size[1], 1 + random.nextInt(4));
                    Kind kind = i % 3 == 0 ? Kind.VIDEO : Kind.IMAGE;
                    Philox philox = new Philox(random.nextLong(), 0, i, 0);
                    drawn.add(image, ViewDraw.random(settings, kind, i % 2, size[0], size[1], philox));
                }
                check(device, settings, drawn);
            }
        }
    }

    private static ViewSettings bilinear(ViewSettings s) {
        return new ViewSettings(
                s.frames(),
                s.height(),
                s.width(),
                s.channels(),
                s.mean(),
                s.deviation(),
                s.image(),
                s.video(),
                s.colour(),
                s.spatial(),
                false);
    }

    /** On the CPU device there is time for frames as large as they are in practice, most of them shrunk a lot. */
    @Test
    void largeFramesAreThoseOfTheHost() {
        Random random = new Random(seed);
        ViewSettings settings = ViewSettings.release(224, 192, 3);
        Drawn drawn = new Drawn();
        int[][] sizes = {{1280, 720}, {340, 256}, {500, 375}, {97, 450}, {640, 480}, {250, 250}};
        for (int i = 0; i < 2 * sizes.length; i++) {
            int[] size = sizes[i / 2];
            Philox philox = new Philox(random.nextLong(), 0, i, 0);
            ViewDraw draw = ViewDraw.random(settings, Kind.IMAGE, i % 2, size[0], size[1], philox);
            drawn.add(picture(random, size[0], size[1], 3), draw);
        }
        check("cpu", settings, drawn);
    }

    /** Boxes right at the limits of what is packed as it is, and just over them, which the host resizes. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void cropsAtTheLimitsAreThoseOfTheHost(String device) {
        Random random = new Random(seed);
        ViewSettings settings = ViewSettings.release(6, 8, 3);
        Image image = Pictures.random(60, 60, 3, random.nextLong());
        Drawn drawn = new Drawn();
        FrameUpload upload = new FrameUpload(settings, 2);
        int[][] boxes = {{24, 8}, {25, 8}, {8, 18}, {8, 19}, {16, 12}, {17, 12}, {60, 60}, {1, 1}};
        boolean[] packed = {true, false, true, false, true, false, false, true};
        for (int i = 0; i < boxes.length; i++) {
            CropBox box = new CropBox(60 - boxes[i][0], i == 6 ? 0 : 1, boxes[i][0], boxes[i][1]);
            assertEquals(packed[i], upload.takes(box), box.toString());
            ColourJitter.Factors jitter = ColourJitter.DEFAULT.draw(new Philox(seed, 0, i, 0));
            drawn.add(image, new ViewDraw(box, i % 2 == 0, jitter, i == 5, i < 4 ? 0.8f : 0, i % 3 == 0));
        }
        check(device, settings, drawn);
    }

    /** Two slots, uploads on a stream of their own, one workspace. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void anUploadMayRunAheadOfTheStep(String device) {
        ViewSettings settings = ViewSettings.release(7, 5, 3);
        List<Drawn> batches = new ArrayList<>();
        Random random = new Random(seed);
        for (int b = 0; b < 5; b++) {
            Drawn drawn = new Drawn();
            for (int i = 0; i < 4; i++) {
                int side = 4 + random.nextInt(20);
                Philox philox = new Philox(random.nextLong(), 0, i, 0);
                drawn.add(
                        picture(random, side, side, 3),
                        ViewDraw.random(settings, Kind.IMAGE, i / 2, side, side, philox));
            }
            batches.add(drawn);
        }
        try (Slot slot = new Slot(device, settings, 2);
                Stream copies = slot.device.newStream();
                Event uploaded = slot.device.newEvent();
                Event made = slot.device.newEvent();
                DeviceViews other = new DeviceViews(slot.device, settings, 2, slot.views)) {
            assertTrue(other.bytes() < slot.views.bytes(), "the workspace is taken once");
            DeviceViews[] slots = {slot.views, other};
            slots[0].load(batches.get(0).pack(settings));
            slots[0].upload(copies);
            uploaded.record(copies);
            for (int b = 0; b < batches.size(); b++) {
                slot.kernels.stream().waitFor(uploaded);
                if (b + 1 < batches.size()) {
                    // The views before, which were made from this memory, are done.
                    copies.waitFor(made);
                    slots[(b + 1) % 2].load(batches.get(b + 1).pack(settings));
                    slots[(b + 1) % 2].upload(copies);
                    uploaded.record(copies);
                }
                slots[b % 2].make(slot.kernels, slot.images);
                made.record(slot.kernels.stream());
                assertSame(settings, batches.get(b), slot.kernels.stream().read(slot.images));
            }
        }
    }

    @Test
    void whatIsPlannedIsTaken() {
        for (ViewSettings settings : List.of(ViewSettings.release(32, 24, 3), ViewSettings.paper(8, 8, 1))) {
            try (Slot slot = new Slot("cpu", settings, 3)) {
                assertEquals(slot.views.bytes(), DeviceViews.plannedBytes(settings, 3, 1));
            }
        }
        long plain = DeviceViews.plannedBytes(ViewSettings.release(32, 24, 3).with(false, true), 3, 1);
        assertTrue(
                plain + 6 * 4L * 3 * 32 * 24 <= DeviceViews.plannedBytes(ViewSettings.release(32, 24, 3), 3, 1),
                "views that are never blurred need no memory for it");
    }

    @Test
    void anUploadTakesLittleMoreThanTheCrops() {
        ViewSettings settings = ViewSettings.release(64, 64, 3);
        Drawn drawn = new Drawn();
        for (int i = 0; i < 8; i++) {
            Image image = Pictures.random(500, 400, 3, i);
            drawn.add(image, new ViewDraw(new CropBox(7 * i, i, 61, 50), false, null, false, 0, false));
        }
        FrameUpload upload = drawn.pack(settings);
        assertEquals(8 * 9200, upload.usedBytes(), "50 rows of 183 bytes, padded to 184");
        try (Slot slot = new Slot("cpu", settings, 4)) {
            assertSame(settings, drawn, slot.make(upload));
            assertEquals(8 * 9200 + 8 * 44, slot.views.uploadBytes());
        }
    }

    @Test
    void aStepAllocatesNothing() {
        ViewSettings settings = ViewSettings.release(8, 8, 3);
        Drawn drawn = new Drawn();
        for (int i = 0; i < 4; i++) {
            Philox philox = new Philox(1, 0, i, 0);
            drawn.add(Pictures.random(20, 20, 3, i), ViewDraw.random(settings, Kind.IMAGE, i / 2, 20, 20, philox));
        }
        FrameUpload upload = drawn.pack(settings);
        try (Slot slot = new Slot("cpu", settings, 2)) {
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long thread = Thread.currentThread().getId();
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 2000 && least > 0; i++) { // until it is compiled
                long before = threads.getThreadAllocatedBytes(thread);
                for (int k = 0; k < 10; k++) {
                    slot.views.load(upload);
                    slot.views.upload(slot.kernels.stream());
                    slot.views.make(slot.kernels, slot.images);
                }
                least = Math.min(least, threads.getThreadAllocatedBytes(thread) - before);
            }
            assertEquals(0, least, "bytes on the Java heap for 10 steps");
        }
    }

    @Test
    void nothingIsLeftWhereMemoryRunsOut() {
        ViewSettings settings = ViewSettings.release(8, 8, 3);
        int failures = 0;
        for (boolean failed = true; failed; ) {
            failed = false;
            try (WatchedDevice device = new WatchedDevice().failTaking(failures + 1)) {
                try (DeviceViews views = new DeviceViews(device, settings, 2)) {
                    assertTrue(views.bytes() > 0);
                } catch (DeviceException e) {
                    failed = true;
                    failures++;
                    assertEquals(0, e.getSuppressed().length);
                }
                assertEquals("", device.left());
            }
        }
        assertEquals(3, failures, "an event, host memory and device memory are taken");
    }

    @Test
    void wrongUseIsRefused() {
        ViewSettings settings = ViewSettings.release(6, 8, 3);
        try (Slot slot = new Slot("cpu", settings, 1)) {
            Stream stream = slot.kernels.stream();
            assertThrows(IllegalStateException.class, () -> slot.views.upload(stream));
            FrameUpload three = new FrameUpload(settings, 3);
            assertThrows(IllegalArgumentException.class, () -> slot.views.load(three));
            FrameUpload gray = new FrameUpload(ViewSettings.release(6, 8, 1), 2);
            assertThrows(IllegalArgumentException.class, () -> slot.views.load(gray));
            ViewSettings other = ViewSettings.release(8, 6, 3);
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> new DeviceViews(slot.device, other, 1, slot.views));
            assertTrue(e.getMessage().contains("share that of a DeviceViews with the same settings"), e.getMessage());
        }
        FrameUpload full = new FrameUpload(settings, 1);
        ViewWriter writer = new ViewWriter(settings);
        ReducedImage image = ReducedImage.of(Pictures.random(16, 12, 3, 1));
        ViewDraw whole = new ViewDraw(new CropBox(0, 0, 16, 12), false, null, false, 0, false);
        writer.pack(image, whole, full, 0);
        assertThrows(IllegalStateException.class, () -> writer.pack(image, whole, full, 0));
        full.clear();
        writer.pack(image, whole, full, 0);
        ViewSettings huge = ViewSettings.release(1024, 1024, 3);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> new FrameUpload(huge, 200));
        assertTrue(e.getMessage().contains("make the batch smaller"), e.getMessage());
    }
}
