package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Batch;
import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int pack(Object... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        String[] all = Stream.concat(Stream.of("pack"), Stream.of(arguments).map(String::valueOf))
                .toArray(String[]::new);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), all);
    }

    private Path data() throws IOException {
        Path data = folder.resolve("data");
        for (int i = 0; i < 5; i++) {
            Pictures.write(data.resolve("cat/" + i + ".png"), Pictures.buffered(Pictures.gradient(60, 40)), "png");
        }
        Pictures.countingVideo(data.resolve("dog/a.mp4"), 64, 48, 10, 30);
        Files.writeString(data.resolve("dog/broken.mp4"), "no video");
        return data;
    }

    @Test
    void shardsHoldTheSamplesSmallAndWithTheirClasses() throws IOException {
        Path packed = folder.resolve("packed");
        assertEquals(
                0,
                pack(data(), packed, "--short-side", 20, "--fps", 5, "--clip-seconds", 2, "--shard-samples", 4),
                err.toString());
        assertEquals("packed: 6 of 7 samples are in " + packed, out.toString().strip());
        assertTrue(
                err.toString().contains("warning: left out " + folder.resolve("data/dog/broken.mp4") + ": "),
                err.toString());
        Dataset found = Dataset.scan(List.of(packed));
        assertEquals(0, found.report().count(), found.report().sentences().toString());
        assertEquals(List.of("cat", "dog"), found.classNames());
        assertEquals(5, found.images());
        assertEquals(2, found.videos()); // three seconds in clips of two
        for (Sample sample : found.samples()) {
            if (sample.isVideo()) {
                try (Video video = Video.open(sample.content())) {
                    assertEquals(20, video.height());
                    assertEquals(27, video.width());
                    assertEquals(sample.id().endsWith("-0000") ? 10 : 5, video.frameTimes().length);
                    assertEquals(5, video.frameRate(), 1e-9);
                }
            } else {
                Image image = ImageReader.read(sample.content(), 3);
                assertEquals(30, image.width());
                assertEquals(20, image.height());
            }
        }
        assertEquals(0, pack("--check", packed), err.toString());
        assertEquals("2 shards are intact", out.toString().strip());
    }

    /** At the videos' own rate every frame is there once, and the frames' order is that of the source. */
    @Test
    void videosBecomeShortClips() throws IOException {
        Path data = data();
        Path packed = folder.resolve("packed");
        Object[] arguments = {data, packed, "--clips", "--short-side", 33, "--clip-seconds", 1, "--shard-samples", 4};
        assertEquals(0, pack(arguments), err.toString());
        assertEquals("packed: 6 of 7 samples are in " + packed, out.toString().strip());
        Dataset found = Dataset.scan(List.of(packed));
        assertEquals(0, found.report().count(), found.report().sentences().toString());
        assertEquals(5, found.images());
        List<Sample> clips = found.samples().stream().filter(Sample::isVideo).toList();
        assertEquals(3, clips.size());
        for (int clip = 0; clip < 3; clip++) {
            Sample sample = clips.get(clip);
            assertEquals("shard-000001.tar/00000005-000" + clip + ".mp4", sample.id());
            assertEquals("dog", sample.className());
            try (Video video = Video.open(sample.content())) {
                assertEquals(44, video.width());
                assertEquals(32, video.height()); // 33 is odd
                assertEquals(10, video.frameTimes().length);
                assertEquals(10, video.frameRate(), 1e-6);
                assertEquals(1, video.durationSeconds(), 1e-6);
                for (int i = 0; i < 10; i++) {
                    assertEquals(Pictures.level(10 * clip + i), Pictures.mean(video.frameAt((i + 0.5) / 10, 0)), 6);
                }
            }
        }
        byte[] bytes = Files.readAllBytes(packed.resolve("shard-000001.tar"));
        Files.delete(packed.resolve("shard-000001.tar"));
        assertEquals(0, pack(arguments), err.toString());
        assertArrayEquals(bytes, Files.readAllBytes(packed.resolve("shard-000001.tar")));
        assertEquals(0, pack("--check", packed), err.toString());
        assertEquals(1, pack(data, packed, "--short-side", 33, "--clip-seconds", 1, "--shard-samples", 4));
        assertTrue(err.toString().contains("were packed with other settings"), err.toString());
    }

    /** A few frames more than the length of a clip make no clip of their own. */
    @Test
    void aShortRestStaysWithTheLastClip() throws IOException {
        Pictures.countingVideo(folder.resolve("videos/v.mp4"), 32, 32, 10, 23);
        assertEquals(
                0, pack(folder.resolve("videos"), folder.resolve("p"), "--clips", "--fps", 5, "--clip-seconds", 1));
        List<Sample> clips = Dataset.scan(List.of(folder.resolve("p"))).samples();
        assertEquals(2, clips.size());
        try (Video video = Video.open(clips.get(1).content())) {
            assertEquals(7, video.frameTimes().length);
            assertEquals(5, video.frameRate(), 1e-6);
        }
    }

    /** A shard that is missing is made again, with the same bytes; other settings or data do not go into the same folder. */
    @Test
    void packingGoesOnWhereItStopped() throws IOException {
        Path packed = folder.resolve("packed");
        Path data = data();
        assertEquals(0, pack(data, packed, "--shard-samples", 3, "--workers", 1), err.toString());
        Path last = packed.resolve("shard-000002.tar");
        byte[] bytes = Files.readAllBytes(last);
        byte[] manifest = Files.readAllBytes(packed.resolve("manifest.json"));
        Files.delete(last);
        assertEquals(0, pack(data, packed, "--shard-samples", 3), err.toString());
        assertTrue(err.toString().contains("3 of 3 shards"), err.toString());
        assertEquals(1, err.toString().lines().filter(l -> l.endsWith("shards")).count());
        assertArrayEquals(bytes, Files.readAllBytes(last));
        assertArrayEquals(manifest, Files.readAllBytes(packed.resolve("manifest.json")));

        assertEquals(1, pack(data, packed, "--shard-samples", 3, "--quality", 50));
        assertTrue(err.toString().contains("were packed with other settings"), err.toString());
        Files.delete(data.resolve("cat/0.png"));
        assertEquals(1, pack(data, packed, "--shard-samples", 3));
        assertTrue(err.toString().contains("holds other data"), err.toString());

        bytes[700] ^= 1;
        Files.write(last, bytes);
        Files.delete(packed.resolve("shard-000000.tar"));
        assertEquals(1, pack("--check", packed));
        assertTrue(err.toString().contains("shard-000000.tar is missing"), err.toString());
        assertTrue(err.toString().contains("shard-000002.tar is not what was written"), err.toString());
        assertEquals("1 shard is intact, 2 not", out.toString().strip());
    }

    /** What is read from shards is what would be read from the same frames in folders, so that a run is the same one. */
    @Test
    void packedFramesTrainAsTheSameFramesUnpacked() throws IOException {
        for (int i = 0; i < 3; i++) {
            Pictures.countingVideo(folder.resolve("videos/v" + i + ".mp4"), 64, 48, 10, 20 + 10 * i);
        }
        Path packed = folder.resolve("packed");
        assertEquals(0, pack(folder.resolve("videos"), packed, "--fps", 10, "--short-side", 32), err.toString());
        Path unpacked = folder.resolve("unpacked");
        try (TarFile tar = new TarFile(packed.resolve("shard-000000.tar"))) {
            for (TarArchiveEntry entry : tar.getEntries()) {
                if (entry.getName().endsWith(".jpg")) {
                    Path frame = unpacked.resolve(entry.getName().replaceFirst("\\.", "/"));
                    Files.createDirectories(frame.getParent());
                    Files.copy(tar.getInputStream(entry), frame);
                }
            }
        }
        assertArrayEquals(batch(Path.of("frames@10:" + unpacked)), batch(packed));
        assertFalse(Files.exists(folder.resolve("packed/shard-000001.tar")));
    }

    private static float[] batch(Path data) throws IOException {
        ViewSettings view = ViewSettings.paper(24, 24, 3);
        try (BatchLoader loader = new BatchLoader(
                Dataset.scan(List.of(data)), view, FrameSampler.distant(2), LoaderSettings.of(3, 2, 7))) {
            Batch batch = loader.next();
            float[] values = new float[batch.views().capacity()];
            batch.views().get(0, values);
            batch.release();
            return values;
        }
    }

    @Test
    void whatCannotBePackedIsSaid() throws IOException {
        assertEquals(2, pack(data()));
        assertTrue(err.toString().contains("Name the data to pack and, last, a folder"), err.toString());
        assertEquals(2, pack(data(), folder.resolve("p"), "--quality", 0));
        assertTrue(err.toString().contains("The JPEG quality must be 1 to 100, not 0"), err.toString());
        assertEquals(2, pack(data(), folder.resolve("p"), "--clips", "--quantiser", 32));
        assertTrue(err.toString().contains("The quantiser must be 1 to 31, not 32"), err.toString());
        assertEquals(2, pack(data(), folder.resolve("p"), "--clips", "--fps", 0));
        assertTrue(err.toString().contains("--fps must be positive"), err.toString());
        assertEquals(1, pack("--check", folder));
        assertTrue(err.toString().contains("has no manifest.json"), err.toString());
    }
}
