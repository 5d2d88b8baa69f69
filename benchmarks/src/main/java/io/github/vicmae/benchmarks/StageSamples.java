package io.github.vicmae.benchmarks;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.JpegEncoder;
import io.github.vicmae.data.pack.PackSettings;
import io.github.vicmae.data.pack.Packer;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SampleSource;
import io.github.vicmae.data.source.ScanReport;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What {@link DataStages} reads: rendered clips, the same packed to shards and their middle frames as JPEGs; or a user's own videos, the same
 * packed, and images.
 *
 * @param folder receives what is made, and is empty
 * @param own path of a user's data, or empty
 * @param count samples; where there are fewer they are repeated
 * @param pixels side of what is rendered, and short side of what is packed
 */
record StageSamples(Path folder, String own, int count, int pixels) {
    private static final int QUALITY = 90;
    private static final int RATE = 8;
    private static final int CLIP_SECONDS = 10;
    private static final int PER_SHARD = 16;

    Dataset of(String source) throws IOException {
        return switch (source) {
            case "videos" -> first(found(), Kind.VIDEO);
            case "shards" -> first(packed(first(found(), Kind.VIDEO)), Kind.VIDEO);
            default -> first(own.isEmpty() ? pictures(first(found(), Kind.VIDEO)) : found(), Kind.IMAGE);
        };
    }

    private Dataset found() throws IOException {
        if (!own.isEmpty()) {
            return Dataset.scan(List.of(Path.of(own)));
        }
        int classes = SyntheticShapes.classNames().size();
        Path clips = folder.resolve("clips");
        SyntheticShapes.write(
                clips, 1, new SyntheticShapes.Settings(pixels, 12, 16, RATE, (count + classes - 1) / classes, 0, 0));
        return Dataset.scan(List.of(clips.resolve("train")));
    }

    private Dataset packed(Dataset videos) throws IOException {
        Path shards = folder.resolve("shards");
        new Packer(videos, shards, PackSettings.frames(pixels, QUALITY, RATE, CLIP_SECONDS, PER_SHARD))
                .run(1, (done, left) -> {});
        return Dataset.scan(List.of(shards));
    }

    private Dataset pictures(Dataset videos) throws IOException {
        Path pictures = Files.createDirectories(folder.resolve("pictures"));
        for (Sample video : videos.samples()) {
            byte[] jpeg = JpegEncoder.encode(Frames.middle(video.content(), video.kind()), QUALITY);
            Files.write(pictures.resolve(video.index() + ".jpg"), jpeg);
        }
        return Dataset.scan(List.of(pictures));
    }

    private Dataset first(Dataset all, Kind kind) throws IOException {
        List<Sample> samples = all.only(kind).samples();
        if (samples.isEmpty()) {
            throw new IOException("there are no " + (kind == Kind.VIDEO ? "videos" : "images") + " in " + own);
        }
        List<SampleSource.Found> chosen = IntStream.range(0, Math.min(count, samples.size()))
                .mapToObj(samples::get)
                .map(s -> new SampleSource.Found(s.id(), s.content(), s.kind(), s.className()))
                .toList();
        return Dataset.of(List.of(() -> new SampleSource.Scan(chosen, false, new ScanReport())));
    }
}
