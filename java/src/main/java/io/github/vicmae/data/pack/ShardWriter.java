package io.github.vicmae.data.pack;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.JpegEncoder;
import io.github.vicmae.data.source.ReadFailure;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.video.VideoWriter;
import io.github.vicmae.data.view.Shrink;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Writes one shard. The same samples give the same bytes. */
final class ShardWriter {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    /** A frame of a clip is found by decoding at most that many, at the price of larger files. */
    private static final int KEY_FRAME_INTERVAL = 12;

    private final Path file;
    private final PackSettings settings;
    private final Shrink shrink = new Shrink();
    private final List<String> left = new ArrayList<>();
    private int videos;
    private int images;
    private double seconds;

    ShardWriter(Path file, PackSettings settings) {
        this.file = file;
        this.settings = settings;
    }

    PackedShard write(List<Sample> samples) throws IOException {
        MessageDigest digest = sha256();
        AtomicFile.write(file, channel -> {
            OutputStream hashed = new DigestOutputStream(Channels.newOutputStream(channel), digest);
            TarArchiveOutputStream tar = new TarArchiveOutputStream(hashed);
            for (Sample sample : samples) {
                if (Thread.interrupted()) {
                    throw new InterruptedIOException("packing was stopped");
                }
                add(tar, sample);
            }
            tar.finish();
            hashed.flush();
        });
        return new PackedShard(
                file.getFileName().toString(),
                HexFormat.of().formatHex(digest.digest()),
                Files.size(file),
                videos,
                images,
                seconds,
                left);
    }

    /** The checksum of a file, 64 hexadecimal digits. */
    static String sha256(Path file) throws IOException {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This Java runtime has no SHA-256.", e);
        }
    }

    private void add(TarArchiveOutputStream tar, Sample sample) throws IOException {
        String key = String.format(Locale.ROOT, "%08d", sample.index());
        try {
            if (sample.isVideo()) {
                addVideo(tar, sample, key);
            } else {
                Image picture = shrink.toShortSide(ImageReader.read(sample.content(), 3), settings.shortSide());
                put(tar, key, notes(sample), Map.of(".jpg", JpegEncoder.encode(picture, settings.quality())));
                images++;
            }
        } catch (Unwritable e) {
            throw e.cause;
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            left.add(sample.name() + ": " + ReadFailure.reason(e));
        }
    }

    /** Clip after clip, so that a long video does not have to fit into memory. */
    private void addVideo(TarArchiveOutputStream tar, Sample sample, String key) throws IOException {
        try (Video video = Video.open(sample.content())) {
            double length = video.durationSeconds();
            double rate = settings.framesPerSecond() > 0 ? settings.framesPerSecond() : ownRate(video);
            // Rounded, so that ten seconds and a frame do not become a clip and a clip of one frame.
            int clips = (int) Math.max(1, Math.round(length / settings.clipSeconds()));
            for (int clip = 0; clip < clips; clip++) {
                double start = clip * settings.clipSeconds();
                double seconds = clip + 1 < clips ? settings.clipSeconds() : length - start;
                double[] times = new double[(int) Math.max(1, Math.round(seconds * rate))];
                Arrays.setAll(times, i -> start + (i + 0.5) / rate);
                Map<String, Object> notes = notes(sample);
                notes.put("fps", rate);
                notes.put("duration", seconds);
                if (clips > 1) {
                    notes.put("start", start);
                }
                Map<String, byte[]> members = settings.clips() ? clip(video, times, rate) : frames(video, times);
                put(tar, clips > 1 ? String.format(Locale.ROOT, "%s-%04d", key, clip) : key, notes, members);
                videos++;
                this.seconds += seconds;
            }
        }
    }

    /** Of a video without a length, one frame a second: it has one frame. */
    private static double ownRate(Video video) throws IOException {
        return Math.max(1, Math.min(1000, video.frameRate()));
    }

    private Map<String, byte[]> frames(Video video, double[] times) throws IOException {
        Map<String, byte[]> members = new LinkedHashMap<>();
        for (int i = 0; i < times.length; i++) {
            byte[] jpeg = JpegEncoder.encode(frame(video, times[i]), settings.quality());
            members.put(String.format(Locale.ROOT, ".%05d.jpg", i), jpeg);
        }
        return members;
    }

    private Map<String, byte[]> clip(Video video, double[] times, double rate) throws IOException {
        Image first = even(frame(video, times[0]));
        VideoWriter.Settings format =
                new VideoWriter.Settings(first.width(), first.height(), rate, settings.quantiser(), KEY_FRAME_INTERVAL);
        try (VideoWriter writer = VideoWriter.inMemory(format)) {
            writer.write(first);
            for (int i = 1; i < times.length; i++) {
                writer.write(even(frame(video, times[i])));
            }
            return Map.of(".mp4", writer.finish());
        }
    }

    private Image frame(Video video, double time) throws IOException {
        return shrink.toShortSide(video.frameAt(time, settings.shortSide()), settings.shortSide());
    }

    /** The picture without an odd last column and row, which MPEG-4 cannot hold. */
    private static Image even(Image image) {
        int width = image.width() & ~1;
        int height = image.height() & ~1;
        if (width == image.width() && height == image.height()) {
            return image;
        }
        byte[] pixels = new byte[width * height * 3];
        for (int y = 0; y < height; y++) {
            System.arraycopy(image.pixels(), y * image.width() * 3, pixels, y * width * 3, width * 3);
        }
        return new Image(width, height, 3, pixels);
    }

    private static Map<String, Object> notes(Sample sample) {
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("id", sample.id());
        if (sample.className() != null) {
            notes.put("class_name", sample.className());
            notes.put("label", sample.label());
        }
        return notes;
    }

    /** @param members the sample's files by what follows the key in their names */
    private static void put(
            TarArchiveOutputStream tar, String key, Map<String, Object> notes, Map<String, byte[]> members) {
        try {
            put(tar, key + ".json", MAPPER.writeValueAsBytes(notes));
            for (Map.Entry<String, byte[]> member : members.entrySet()) {
                put(tar, key + member.getKey(), member.getValue());
            }
        } catch (IOException e) {
            throw new Unwritable(e);
        }
    }

    /** The shard cannot be written, which is no fault of the sample. */
    private static final class Unwritable extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final transient IOException cause;

        Unwritable(IOException cause) {
            super(cause);
            this.cause = cause;
        }
    }

    private static void put(TarArchiveOutputStream tar, String name, byte[] content) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        entry.setModTime(0); // the same bytes whenever it is written
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
    }
}
