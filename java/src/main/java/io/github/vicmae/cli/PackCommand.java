package io.github.vicmae.cli;

import io.github.vicmae.data.pack.PackSettings;
import io.github.vicmae.data.pack.Packer;
import io.github.vicmae.data.source.Dataset;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a data set as shards that are fast to read. */
@Command(
        name = "pack",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Write a data set as tar shards of small JPEGs; videos as a JPEG for each frame, or as short clips. Packing goes on where it stopped.")
final class PackCommand implements Callable<Integer> {
    private static final int DEFAULT_FPS = 8;

    @Parameters(
            arity = "1..*",
            paramLabel = "DATA... OUT",
            description =
                    "what to pack, as for pretrain --data, and the folder for the shards; with --check, the folder alone")
    private List<Path> paths;

    @Option(
            names = "--clips",
            description = "encode videos anew as clips (MPEG-4 in .mp4) instead of as a JPEG for each frame")
    private boolean clips;

    @Option(
            names = "--short-side",
            paramLabel = "N",
            defaultValue = "256",
            description = "pixels that the short side is shrunk to (default: ${DEFAULT-VALUE})")
    private int shortSide;

    @Option(
            names = "--quality",
            paramLabel = "N",
            defaultValue = "90",
            description = "of JPEG, 1 to 100 (default: ${DEFAULT-VALUE})")
    private int quality;

    @Option(
            names = "--quantiser",
            paramLabel = "N",
            defaultValue = "4",
            description = "of clips, 1 (best) to 31 (default: ${DEFAULT-VALUE})")
    private int quantiser;

    @Option(
            names = "--fps",
            paramLabel = "X",
            description = "frames a second of videos (default: " + DEFAULT_FPS + "; with --clips, each video's own)")
    private Double fps;

    @Option(
            names = "--clip-seconds",
            paramLabel = "X",
            defaultValue = "60",
            description = "longer videos are cut into clips of this length (default: ${DEFAULT-VALUE})")
    private double clipSeconds;

    @Option(
            names = "--shard-samples",
            paramLabel = "N",
            defaultValue = "500",
            description = "samples of a shard (default: ${DEFAULT-VALUE})")
    private int shardSamples;

    @Option(names = "--workers", paramLabel = "N", description = "threads (default: one for each core)")
    private Integer workers;

    @Option(names = "--check", description = "compare the shards in a folder with their checksums instead")
    private boolean check;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        if (check) {
            return check(out, err);
        }
        if (paths.size() < 2) {
            throw new IllegalArgumentException("Name the data to pack and, last, a folder for the shards");
        }
        if (workers != null && workers < 1) {
            throw new IllegalArgumentException("--workers must be positive, not " + workers);
        }
        if (fps != null && fps == 0) {
            throw new IllegalArgumentException("--fps must be positive");
        }
        double rate = fps != null ? fps : clips ? 0 : DEFAULT_FPS;
        PackSettings settings = new PackSettings(clips, shortSide, quality, quantiser, rate, clipSeconds, shardSamples);
        Path folder = paths.get(paths.size() - 1);
        Dataset data = Dataset.scan(paths.subList(0, paths.size() - 1));
        data.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        Packer packer = new Packer(data, folder, settings);
        List<String> left = new ArrayList<>(packer.leftBefore());
        packer.run(workers == null ? Runtime.getRuntime().availableProcessors() : workers, (done, skipped) -> {
            err.println(done + " of " + packer.shards() + " shards");
            skipped.forEach(one -> err.println("warning: left out " + one));
            left.addAll(skipped);
        });
        out.println("packed: " + (data.size() - left.size()) + " of " + data.size() + " samples are in " + folder);
        return 0;
    }

    private int check(PrintWriter out, PrintWriter err) throws IOException {
        if (paths.size() != 1) {
            throw new IllegalArgumentException("--check takes one folder of shards");
        }
        int[] right = new int[1];
        List<String> wrong = Packer.check(paths.get(0), shard -> right[0]++);
        wrong.forEach(sentence -> err.println("vicmae: " + sentence));
        out.println(right[0]
                + (right[0] == 1 ? " shard is intact" : " shards are intact")
                + (wrong.isEmpty() ? "" : ", " + wrong.size() + " not"));
        return wrong.isEmpty() ? 0 : Main.FAILED;
    }
}
