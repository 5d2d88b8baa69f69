package io.github.vicmae.data.pack;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.JpegEncoder;
import io.github.vicmae.data.source.ReadFailure;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
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

    Manifest.Shard write(List<Sample> samples) throws IOException {
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
        return new Manifest.Shard(
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
                put(tar, key, notes(sample), List.of(JpegEncoder.encode(picture, settings.quality())), false);
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
            int clips = Math.max(1, (int) Math.ceil(length / settings.clipSeconds() - 1e-6));
            for (int clip = 0; clip < clips; clip++) {
                double start = clip * settings.clipSeconds();
                double seconds = Math.min(settings.clipSeconds(), length - start);
                int count = Math.max(1, (int) Math.round(seconds * settings.framesPerSecond()));
                List<byte[]> frames = new ArrayList<>(count);
                for (int i = 0; i < count; i++) {
                    double time = start + (i + 0.5) / settings.framesPerSecond();
                    Image frame = shrink.toShortSide(video.frameAt(time, settings.shortSide()), settings.shortSide());
                    frames.add(JpegEncoder.encode(frame, settings.quality()));
                }
                Map<String, Object> notes = notes(sample);
                notes.put("fps", settings.framesPerSecond());
                notes.put("duration", seconds);
                if (clips > 1) {
                    notes.put("start", start);
                }
                put(tar, clips > 1 ? String.format(Locale.ROOT, "%s-%04d", key, clip) : key, notes, frames, true);
                videos++;
                this.seconds += seconds;
            }
        }
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

    private static void put(
            TarArchiveOutputStream tar,
            String key,
            Map<String, Object> notes,
            List<byte[]> pictures,
            boolean numbered) {
        try {
            put(tar, key + ".json", MAPPER.writeValueAsBytes(notes));
            for (int i = 0; i < pictures.size(); i++) {
                String number = numbered ? String.format(Locale.ROOT, ".%05d", i) : "";
                put(tar, key + number + ".jpg", pictures.get(i));
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
