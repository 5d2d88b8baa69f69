package io.github.vicmae.data.pack;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.JpegEncoder;
import io.github.vicmae.data.source.ReadFailure;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
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

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("This Java runtime has no SHA-256.", e);
        }
    }

    private void add(TarArchiveOutputStream tar, Sample sample) throws IOException {
        String key = String.format(Locale.ROOT, "%08d", sample.index());
        List<byte[]> pictures;
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("id", sample.id());
        if (sample.className() != null) {
            notes.put("class_name", sample.className());
            notes.put("label", sample.label());
        }
        try {
            pictures = sample.isVideo() ? frames(sample, notes) : List.of(picture(sample));
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            left.add(sample.name() + ": " + ReadFailure.reason(e));
            return;
        }
        put(tar, key + ".json", MAPPER.writeValueAsBytes(notes));
        for (int i = 0; i < pictures.size(); i++) {
            String number = sample.isVideo() ? String.format(Locale.ROOT, ".%05d", i) : "";
            put(tar, key + number + ".jpg", pictures.get(i));
        }
        if (sample.isVideo()) {
            videos++;
        } else {
            images++;
        }
    }

    private byte[] picture(Sample sample) throws IOException {
        return JpegEncoder.encode(ImageReader.read(sample.content(), 3).shrunk(settings.shortSide()), settings.quality());
    }

    private List<byte[]> frames(Sample sample, Map<String, Object> notes) throws IOException {
        List<byte[]> frames = new ArrayList<>();
        try (Video video = Video.open(sample.content())) {
            double length = video.durationSeconds();
            int count = Math.max(1, (int) Math.round(length * settings.framesPerSecond()));
            for (int i = 0; i < count; i++) {
                Image frame = video.frameAt((i + 0.5) / settings.framesPerSecond(), settings.shortSide());
                frames.add(JpegEncoder.encode(frame.shrunk(settings.shortSide()), settings.quality()));
            }
            notes.put("fps", settings.framesPerSecond());
            notes.put("duration", length);
            seconds += length;
        }
        return frames;
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
