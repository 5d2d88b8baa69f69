package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.Remux;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.video.Video;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.provider.MethodSource;

/** Containers and the frames in them. FFmpeg itself is not instrumented: what is looked for is what its answers do to the reader. */
class VideoFuzz {
    static List<byte[]> seeds() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        seeds.add(ReaderContract.made(folder -> Pictures.countingVideo(folder.resolve("seed.mp4"), 32, 16, 10, 3)));
        for (String extension : List.of("mkv", "avi", "ts")) {
            seeds.add(ReaderContract.made(folder -> Remux.at(i -> 0.1 * i)
                    .withRate(10)
                    .write(
                            Pictures.countingVideo(folder.resolve("from.mp4"), 32, 16, 10, 3),
                            folder.resolve("seed." + extension))));
        }
        return seeds;
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.video", file -> {
            try (Video video = Video.open(Content.of(file))) {
                video.frameRate();
                video.frameAt(0, 8);
                video.frameAt(video.durationSeconds() / 2, 8);
            }
        });
    }
}
