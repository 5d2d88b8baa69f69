package io.github.vicmae.benchmarks;

import io.github.vicmae.data.BatchLoader;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Batches from video files: two frames of each clip found, decoded and made into views by so many workers. The clips are MPEG-4 files of 128
 * pixels that are rendered first. The batches are the same whatever the number of workers, which is checked.
 */
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 2)
public class Loader extends KernelBenchmark {
    private static final int AHEAD = 2;

    /** workers x samples x pixels */
    @Param({"1x32x64", "2x32x64", "4x32x64"})
    public String shape;

    private int samples;
    private int side;
    private float[] first;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 3);
        samples = size[1];
        side = size[2];
        try {
            Path folder = Files.createTempDirectory("vicmae-clips-");
            try {
                SyntheticShapes.write(folder, 1, new SyntheticShapes.Settings(128, 12, 16, 8, (samples + 7) / 8, 0, 0));
                first = firstBatch(folder);
                return new LoadedBatches(loader(folder, size[0]), b, () -> delete(folder));
            } catch (IOException | RuntimeException e) {
                delete(folder);
                throw e;
            }
        } catch (IOException e) {
            throw new IllegalStateException("The clips could not be made: " + e.getMessage(), e);
        }
    }

    private float[] firstBatch(Path folder) throws IOException {
        try (BatchLoader loader = loader(folder, 1)) {
            return LoadedBatches.next(loader);
        }
    }

    private BatchLoader loader(Path folder, int workers) throws IOException {
        return new BatchLoader(
                Dataset.scan(List.of(folder.resolve("train"))),
                ViewSettings.release(side, side, 3),
                FrameSampler.distant(2),
                new LoaderSettings(samples, workers, AHEAD, 1, Double.NaN));
    }

    static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
        } catch (IOException e) {
            System.err.println("The clips of the benchmark stay in " + folder + ": " + e.getMessage());
        }
    }

    @Override
    List<Expected> expected() {
        return List.of(new Expected("views", doubles(first), 0));
    }

    /** The views are written once; what decoding moves depends on the files. */
    @Override
    Cost cost() {
        return new Cost(2.0 * samples * 3 * side * side * Float.BYTES, 0);
    }
}
