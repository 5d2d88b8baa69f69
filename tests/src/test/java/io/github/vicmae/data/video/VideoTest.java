package io.github.vicmae.data.video;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.Frames;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.FrameConverter;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VideoTest {
    @TempDir
    Path dir;

    private static IOException refused(Path path) {
        IOException e = assertThrows(IOException.class, () -> {
            try (VideoReader reader = VideoReader.open(path)) {
                reader.frameAt(0);
            }
        });
        assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
        return e;
    }

    @ParameterizedTest
    @ValueSource(strings = {"mp4", "mkv", "avi", "mov", "ts", "wmv", "3gp"})
    void whatIsWrittenIsReadBackFrameByFrame(String extension) throws IOException {
        int frames = 90;
        int rate = 15;
        Path path = Pictures.countingVideo(dir.resolve("count." + extension), 48, 32, rate, frames);
        try (VideoReader reader = VideoReader.open(path)) {
            assertEquals(48, reader.width());
            assertEquals(32, reader.height());
            assertEquals(rate, reader.frameRate(), 0.01);
            assertEquals((double) frames / rate, reader.durationSeconds(), 0.1);
            assertEquals(frames, reader.frameCount(), 1);
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < frames; i++) {
                order.add(i);
            }
            long seed = 11;
            Collections.shuffle(order, new Random(seed));
            for (int frame : order) {
                Image image = reader.frameAt((frame + 0.5) / rate);
                assertEquals(Pictures.level(frame), Pictures.mean(image), 4, "frame " + frame + ", seed " + seed);
            }
            assertEquals(Pictures.level(0), Pictures.mean(reader.frameAt(-3)), 4);
            assertEquals(Pictures.level(frames - 1), Pictures.mean(reader.frameAt(1e6)), 4);
        }
    }

    @Test
    void ascendingTimesAreDecodedInOnePassAndSeeksSkipTheRest() throws IOException {
        Path path = Pictures.countingVideo(dir.resolve("count.mp4"), 32, 32, 10, 240);
        try (VideoReader reader = VideoReader.open(path)) {
            for (int i = 0; i < 240; i++) {
                reader.frameAt((i + 0.5) / 10);
            }
            assertEquals(240, reader.decodedFrames());
        }
        try (VideoReader reader = VideoReader.open(path)) {
            reader.frameAt(20.05);
            // Key frames stand 12 frames apart, so no more than that and a frame ahead are decoded.
            assertTrue(reader.decodedFrames() <= 14, "decoded " + reader.decodedFrames());
            reader.frameAt(20.15);
            assertTrue(reader.decodedFrames() <= 15, "decoded " + reader.decodedFrames());
        }
    }

    @Test
    void framesAreShrunkToAShortSideButNeverEnlarged() throws IOException {
        Path path = Pictures.countingVideo(dir.resolve("a.mp4"), 64, 32, 10, 3);
        try (VideoReader reader = VideoReader.open(path)) {
            Image small = reader.frameAt(0, 16);
            assertEquals(32, small.width());
            assertEquals(16, small.height());
            assertEquals(Pictures.level(0), Pictures.mean(small), 4);
            assertEquals(64, reader.frameAt(0, 500).width());
        }
    }

    @Test
    void theSameFramesGiveTheSameFile() throws IOException {
        byte[] first = Files.readAllBytes(Pictures.countingVideo(dir.resolve("a.mp4"), 32, 32, 10, 9));
        byte[] second = Files.readAllBytes(Pictures.countingVideo(dir.resolve("b.mp4"), 32, 32, 10, 9));
        assertArrayEquals(first, second);
    }

    @Test
    void theWriterSaysWhatIsWrong() throws IOException {
        VideoWriter.Settings settings = VideoWriter.Settings.of(32, 32, 10);
        Path unknown = dir.resolve("a.nothing");
        IOException e = assertThrows(IOException.class, () -> new VideoWriter(unknown, settings).close());
        assertTrue(e.getMessage().contains(unknown.toString()), e.getMessage());
        Path nowhere = dir.resolve("no/such/folder/a.mp4");
        assertThrows(IOException.class, () -> new VideoWriter(nowhere, settings).close());
        assertThrows(IllegalArgumentException.class, () -> VideoWriter.Settings.of(31, 32, 10));
        try (VideoWriter writer = new VideoWriter(dir.resolve("b.mp4"), settings)) {
            assertThrows(IllegalArgumentException.class, () -> writer.write(Pictures.gradient(16, 32)));
            writer.write(Pictures.gradient(32, 32));
        }
    }

    @Test
    void damagedFilesAreRefusedWithAReason() throws IOException {
        assertTrue(refused(Files.write(dir.resolve("empty.mp4"), new byte[0]))
                .getMessage()
                .contains("empty"));
        refused(Files.writeString(dir.resolve("text.mp4"), "This is not a video."));
        assertTrue(refused(Files.createDirectory(dir.resolve("x.mp4")))
                .getMessage()
                .contains("folder"));
        assertTrue(refused(dir.resolve("missing.mkv")).getMessage().contains("no such file"));
        Path device = Path.of("/dev/zero");
        if (Files.exists(device)) {
            assertTrue(refused(device).getMessage().contains("device"));
        }
        byte[] sound = Files.readAllBytes(Pictures.countingVideo(dir.resolve("a.mp4"), 32, 32, 10, 30));
        // The index of an mp4 stands at its end.
        refused(Files.write(dir.resolve("cut.mp4"), Arrays.copyOf(sound, sound.length / 2)));
    }

    /** A play list must not make the reader open other files. */
    @Test
    void playListsAreNotFollowed() throws IOException {
        Path target = Pictures.countingVideo(dir.resolve("target.mkv"), 32, 32, 10, 5);
        String list = "ffconcat version 1.0\nfile '" + target.toAbsolutePath() + "'\n";
        refused(Files.writeString(dir.resolve("list.mp4"), list));
        String hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n";
        refused(Files.writeString(dir.resolve("hls.mp4"), hls));
    }

    @Test
    void aCutFileGivesTheFramesThatItHas() throws IOException {
        int rate = 10;
        byte[] sound = Files.readAllBytes(Pictures.countingVideo(dir.resolve("a.mkv"), 64, 64, rate, 200));
        Path cut = Files.write(dir.resolve("cut.mkv"), Arrays.copyOf(sound, sound.length / 2));
        try (VideoReader reader = VideoReader.open(cut)) {
            for (int frame : new int[] {60, 3, 40}) {
                assertEquals(Pictures.level(frame), Pictures.mean(reader.frameAt((frame + 0.5) / rate)), 4);
            }
            Image last = reader.frameAt(19.9);
            reader.reset();
            assertEquals(last, reader.frameAt(1e4));
        }
    }

    @Test
    void damageInTheMiddleLeavesTheRestUsable() throws IOException {
        int rate = 10;
        Path path = Pictures.countingVideo(dir.resolve("a.avi"), 64, 64, rate, 120);
        byte[] bytes = Files.readAllBytes(path);
        long seed = 3;
        Random random = new Random(seed);
        for (int i = bytes.length * 2 / 5; i < bytes.length * 3 / 5; i++) {
            bytes[i] = (byte) random.nextInt();
        }
        Path damaged = Files.write(dir.resolve("damaged.avi"), bytes);
        try (VideoReader reader = VideoReader.open(damaged)) {
            assertEquals(Pictures.level(5), Pictures.mean(reader.frameAt(0.55)), 4);
            for (double time = 0; time < 12; time += 0.5) {
                assertEquals(64, reader.frameAt(time).width(), "seed " + seed);
            }
        }
    }

    @Test
    void anInterruptEndsDecoding() throws IOException {
        Path path = Pictures.countingVideo(dir.resolve("a.mp4"), 32, 32, 10, 60);
        try (VideoReader reader = VideoReader.open(path)) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedIOException.class, () -> reader.frameAt(1));
            assertTrue(Thread.interrupted());
            assertEquals(Pictures.level(10), Pictures.mean(reader.frameAt(1.05)), 4);
        } finally {
            Thread.interrupted();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 0, 1, 1", "-1, 0, 0, 1, 2", "-1, 0, 0, -1, 3", "1, 0, 0, -1, 4",
        "0, 1, 1, 0, 5", "0, 1, -1, 0, 6", "0, -1, -1, 0, 7", "0, -1, 1, 0, 8"
    })
    void displayMatricesAreOrientations(int a, int b, int c, int d, int orientation) {
        assertEquals(orientation, VideoContainer.orientation(a << 16, b << 16, c << 16, d << 16));
        // The corner of the coded picture that the matrix sends to the upper left is the one that oriented() puts
        // there.
        Image image = Pictures.random(4, 3, 1, 1);
        double best = Double.MAX_VALUE;
        int corner = -1;
        for (int[] at : new int[][] {{0, 0}, {3, 0}, {0, 2}, {3, 2}}) {
            double place = a * at[0] + c * at[1] + b * at[0] + d * at[1];
            if (place < best) {
                best = place;
                corner = image.get(at[0], at[1], 0);
            }
        }
        assertEquals(corner, image.oriented(orientation).get(0, 0, 0));
    }

    @ParameterizedTest
    @CsvSource({
        "arm_wrestling.mp4, 340, 256, 10",
        "bikes.mp4, 640, 272, 10",
        "carphone.mp4, 176, 144, 4",
        "flipping_a_pancake.mkv, 426, 240, 10.4"
    })
    void realClipsAreSoughtRight(String name, int width, int height, double seconds) throws IOException {
        Path path = TestData.shared("data/clips/" + name);
        try (VideoReader reader = VideoReader.open(path)) {
            assertEquals(width, reader.width());
            assertEquals(height, reader.height());
            assertEquals(seconds, reader.durationSeconds(), 0.1);
        }
        assertSeekingIsSequentialDecoding(path);
    }

    /** Every frame of a moving texture is built on the one before, so that a seek to anything but a key frame shows. */
    @ParameterizedTest
    @ValueSource(strings = {"mp4", "mkv", "avi", "ts"})
    void movingTexturesAreSoughtRight(String extension) throws IOException {
        Path path = dir.resolve("moving." + extension);
        Image texture = Pictures.random(96, 32, 3, 4);
        try (VideoWriter writer = new VideoWriter(path, new VideoWriter.Settings(32, 32, 12, 5, 15))) {
            for (int i = 0; i < 60; i++) {
                byte[] pixels = new byte[32 * 32 * 3];
                for (int y = 0; y < 32; y++) {
                    System.arraycopy(texture.pixels(), (y * 96 + i) * 3, pixels, y * 96, 96);
                }
                writer.write(new Image(32, 32, 3, pixels));
            }
        }
        assertSeekingIsSequentialDecoding(path);
    }

    private static void assertSeekingIsSequentialDecoding(Path path) throws IOException {
        List<Double> times = new ArrayList<>();
        List<Image> frames = new ArrayList<>();
        AVFrame frame = VideoStream.newFrame();
        try (VideoStream stream = new VideoStream(Content.of(path));
                FrameConverter converter = new FrameConverter()) {
            for (double time = stream.next(frame); !Double.isNaN(time); time = stream.next(frame)) {
                times.add(time);
                frames.add(converter.toRgb(frame, frame.width(), frame.height()));
            }
        } finally {
            VideoStream.free(frame);
        }
        try (VideoReader reader = VideoReader.open(path)) {
            assertEquals(frames.size(), reader.frameCount(), 2);
            long seed = 17;
            Random random = new Random(seed);
            for (int trial = 0; trial < 25; trial++) {
                int wanted = random.nextInt(times.size());
                Image found = reader.frameAt(times.get(wanted) + 0.002);
                assertEquals(frames.get(wanted), found, "frame " + wanted + ", seed " + seed);
            }
        }
    }

    @Test
    void rotationMetadataSwapsTheSides() throws IOException {
        Path path = TestData.shared("data/odd/rotated_90.mov");
        try (VideoReader reader = VideoReader.open(path);
                VideoStream stream = new VideoStream(Content.of(path))) {
            assertEquals(6, stream.orientation());
            assertEquals(stream.width(), reader.height());
            assertEquals(stream.height(), reader.width());
            Image frame = reader.frameAt(0);
            assertEquals(320, frame.width());
            assertEquals(568, frame.height());
        }
    }

    @Test
    void theSoundFramesOfADamagedClipAreUsed() throws IOException {
        Path path = TestData.shared("data/odd/corrupted.mp4");
        try (VideoReader reader = VideoReader.open(path)) {
            Image first = reader.frameAt(0);
            Image later = reader.frameAt(reader.durationSeconds() * 0.8);
            assertEquals(1280, first.width());
            assertNotEquals(first, later);
        }
    }

    @Test
    void framesAreSpacedEvenly() throws IOException {
        Path path = Pictures.countingVideo(dir.resolve("a.mp4"), 32, 32, 10, 40);
        List<Image> four = Frames.spaced(path, 4, 0);
        int[] expected = {5, 15, 25, 35};
        for (int i = 0; i < 4; i++) {
            assertEquals(Pictures.level(expected[i]), Pictures.mean(four.get(i)), 4);
        }
        assertEquals(Pictures.level(20), Pictures.mean(Frames.middle(path)), 4);
        assertFalse(four.get(0).equals(four.get(1)));
    }

    /** What one opening holds, a decoder and its frames, is some hundred kilobytes outside the Java heap. */
    @Test
    void openingAndClosingLeaksNothing() throws IOException {
        Path path = Pictures.countingVideo(dir.resolve("a.mp4"), 64, 64, 10, 10);
        Path status = Path.of("/proc/self/status");
        assumeTrue(Files.exists(status), "no /proc here");
        long before = 0;
        for (int i = 0; i < 800; i++) {
            if (i == 200) {
                before = nativeKilobytes(status);
            }
            try (VideoReader reader = VideoReader.open(path)) {
                assertEquals(Pictures.level(5), Pictures.mean(reader.frameAt(0.55)), 4);
            }
        }
        long grown = nativeKilobytes(status) - before;
        assertTrue(grown < 60_000, "the process grew by " + grown + " kB");
    }

    private static long nativeKilobytes(Path status) throws IOException {
        return residentKilobytes(status) - Runtime.getRuntime().totalMemory() / 1024;
    }

    private static long residentKilobytes(Path status) throws IOException {
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("no VmRSS in " + status);
    }
}
