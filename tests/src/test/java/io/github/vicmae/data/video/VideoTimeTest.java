package io.github.vicmae.data.video;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.Remux;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Length, rate and frames of a video are its video stream's own, whatever the header and the sound say. */
class VideoTimeTest {
    private static final int FRAMES = 40;

    @TempDir
    static Path dir;

    private static Path source;

    @BeforeAll
    static void makeVideo() throws IOException {
        // AVI has the decoder's settings among the frames, so that they can go to any container.
        source = Pictures.countingVideo(dir.resolve("source.avi"), 32, 24, 10, FRAMES);
    }

    private static double evenly(int frame) {
        return 0.1 * frame;
    }

    /** Every frame is found at its own time, and the figures are what the frames say; {@code lastFrame} is how long the last one may take. */
    private static void check(Path file, IntToDoubleFunction times, double lastFrame) throws IOException {
        double start = times.applyAsDouble(0);
        double last = times.applyAsDouble(FRAMES - 1) - start;
        try (VideoReader reader = VideoReader.open(file)) {
            double duration = reader.durationSeconds();
            assertTrue(duration >= last - 0.002 && duration <= last + lastFrame + 0.002, last + " and " + duration);
            assertEquals(FRAMES, reader.frameCount());
            assertEquals(FRAMES / duration, reader.frameRate(), 1e-9);
            double[] found = reader.frameTimes();
            for (int i : new int[] {0, 7, 8, 39, 20, 1}) {
                assertEquals(times.applyAsDouble(i) - start, found[i], 0.002);
                double level = Pictures.mean(reader.frameAt(found[i] + 0.003));
                assertEquals(Pictures.level(i), level, 2, "frame " + i);
                assertEquals(found[i], reader.shownSeconds(), 0.002);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mkv", "avi", "mov"})
    void soundThatIsLongerOrEarlierDoesNotCount(String container) throws IOException {
        Path longer = dir.resolve("longer." + container);
        check(
                Remux.at(VideoTimeTest::evenly).withRate(10).withSound(0, 20).write(source, longer),
                VideoTimeTest::evenly,
                0.1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"mkv", "mov", "ts"})
    void aVideoMayStartLate(String container) throws IOException {
        IntToDoubleFunction late = i -> 3.2 + 0.1 * i;
        Remux remux = Remux.at(late).withRate(10);
        Path file = dir.resolve("late." + container);
        check((container.equals("ts") ? remux : remux.withSound(0, 9)).write(source, file), late, 0.1);
    }

    /** Frames that come now soon and now late, under headers that say one a second, 1000, or nothing. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 400, 1000})
    void ratesVaryAndHeadersAreWrong(int rate) throws IOException {
        IntToDoubleFunction uneven = i -> 0.02 * i + 0.3 * (i / 8);
        for (String container : new String[] {"mkv", "mov", "ts"}) {
            Path file = dir.resolve("uneven" + rate + "." + container);
            // QuickTime gives the last frame's duration, and no other frame can contradict it.
            double lastFrame = container.equals("mov") && rate > 0 ? Math.max(0.3, 1.0 / rate) : 0.3;
            check(Remux.at(uneven).withRate(rate).write(source, file), uneven, lastFrame);
        }
    }

    /** A distance is so many stored frames, however far apart they are in time. */
    @Test
    void distancesCountFrames() throws IOException {
        IntToDoubleFunction uneven = i -> 0.02 * i + 0.3 * (i / 8);
        Path file = Remux.at(uneven).withRate(1000).write(source, dir.resolve("distances.mkv"));
        FrameSampler sampler = FrameSampler.fixed(2, 5);
        FrameSampler clips = FrameSampler.distant(2).withClips(4, 3);
        boolean[] firsts = new boolean[FRAMES];
        try (VideoReader reader = VideoReader.open(file)) {
            for (int i = 0; i < 200; i++) {
                int[] pair = frames(reader, sampler.times(new Philox(1, 0, i, 0), reader));
                assertEquals(5, pair[1] - pair[0], Arrays.toString(pair));
                firsts[pair[0]] = true;
                int[] clip = frames(reader, clips.times(new Philox(2, 0, i, 0), reader));
                for (int k = 0; k < 8; k++) {
                    assertEquals(clip[k / 4 * 4] + 3 * (k % 4), clip[k], Arrays.toString(clip));
                }
            }
        }
        for (int i = 0; i < FRAMES; i++) {
            assertEquals(i < FRAMES - 5, firsts[i], "frame " + i);
        }
    }

    private static int[] frames(VideoReader reader, double[] times) throws IOException {
        int[] frames = new int[times.length];
        for (int i = 0; i < times.length; i++) {
            reader.frameAt(times[i]);
            frames[i] = Arrays.binarySearch(reader.frameTimes(), reader.shownSeconds());
            assertTrue(frames[i] >= 0);
        }
        return frames;
    }

    /** A file that was cut has the frames that are left, though its table lists them all. */
    @Test
    void aFileThatWasCutHasTheFramesThatAreLeft() throws IOException {
        Path whole = Remux.at(VideoTimeTest::evenly).withRate(10).write(source, dir.resolve("whole.mkv"));
        byte[] bytes = Files.readAllBytes(whole);
        Path cut = Files.write(dir.resolve("cut.mkv"), Arrays.copyOf(bytes, bytes.length / 2));
        try (VideoReader reader = VideoReader.open(cut)) {
            assertTrue(reader.durationSeconds() < 3, "seconds: " + reader.durationSeconds());
            assertTrue(reader.frameCount() < 30, "frames: " + reader.frameCount());
            reader.frameAt(reader.durationSeconds());
            assertEquals(reader.frameTimes()[(int) reader.frameCount() - 1], reader.shownSeconds(), 0.11);
        }
    }

    @Test
    void soundWithACoverPictureIsNoVideo() throws IOException {
        Path file = Remux.at(VideoTimeTest::evenly).withSound(0, 3).asCover().write(source, dir.resolve("song.mp4"));
        IOException e = assertThrows(IOException.class, () -> VideoReader.open(file));
        assertTrue(e.getMessage().contains("a cover picture, but no video"), e.getMessage());
    }

    @Test
    void soundThatIsLongerOfTheReports() throws IOException {
        try (VideoReader reader = VideoReader.open(TestData.shared("data/reports/audiolong.mkv"))) {
            assertEquals(4, reader.durationSeconds(), 0.05);
            assertEquals(100, reader.frameCount());
            assertEquals(25, reader.frameRate(), 0.3);
            int same = 0;
            for (int i = 0; i < 200; i++) {
                int[] pair = frames(reader, FrameSampler.distant(2).times(new Philox(3, 0, i, 0), reader));
                same += pair[0] == pair[1] ? 1 : 0;
            }
            assertTrue(same <= 4, same + " of 200 pairs are one frame");
        }
    }

    @Test
    void anAbsurdRateOfTheReports() throws IOException {
        try (VideoReader reader = VideoReader.open(TestData.shared("data/reports/mediarec.webm"))) {
            assertEquals(3.28, reader.durationSeconds(), 0.05);
            assertEquals(100, reader.frameCount());
            assertEquals(30.5, reader.frameRate(), 0.3);
        }
    }
}
