package io.github.vicmae.spark;

import io.github.vicmae.data.pack.PackSettings;
import io.github.vicmae.data.pack.PackedShard;
import io.github.vicmae.data.pack.Packer;
import io.github.vicmae.data.source.Dataset;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Packs data into tar shards as {@code vicmae pack} does, a shard a task: {@code spark-submit --class io.github.vicmae.spark.PackJob}.
 *
 * <p>The data and the folder of the shards have to be on a file system that all executors share. The shards and their manifest are byte by byte those
 * of one machine, and a second run packs what is missing.
 */
@Command(
        name = "PackJob",
        description = "Pack data into tar shards as 'vicmae pack' does, on a cluster that shares a file system.",
        sortOptions = false)
public final class PackJob implements Callable<Integer> {
    private static final int DEFAULT_FPS = 8;
    /** Shards for each of the cluster's cores after which the manifest is written. */
    private static final int ROUNDS = 4;

    @Option(
            names = "--input",
            required = true,
            arity = "1..*",
            paramLabel = "DATA",
            description = "what to pack: folders, lists, tar files, as for 'vicmae pack'")
    private List<Path> input;

    @Option(names = "--output", required = true, paramLabel = "FOLDER", description = "the folder for the shards")
    private Path output;

    @Option(names = "--clips", description = "encode videos anew as clips instead of as a JPEG for each frame")
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

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "show this help message and exit")
    private boolean help;

    @Spec
    private CommandSpec spec;

    /** Runs the job. The exit code is 0 if all is done, 1 if it failed, 2 if the options are wrong. */
    public static void main(String[] args) {
        Jobs.main(new PackJob(), args);
    }

    @Override
    public Integer call() throws IOException {
        if (fps != null && fps == 0) {
            throw new IllegalArgumentException("--fps must be positive");
        }
        PrintWriter err = spec.commandLine().getErr();
        double rate = fps != null ? fps : clips ? 0 : DEFAULT_FPS;
        PackSettings settings = new PackSettings(clips, shortSide, quality, quantiser, rate, clipSeconds, shardSamples);
        Dataset data = Dataset.scan(input);
        data.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        Path folder = output.toAbsolutePath();
        Packer packer = new Packer(data, folder, settings);
        PackShard task = new PackShard(
                input.stream().map(path -> path.toAbsolutePath().toString()).toList(),
                data.fingerprint(),
                folder.toString(),
                settings);
        SparkSession spark = SparkSession.builder().appName("vicmae pack").getOrCreate();
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        int left = packer.leftBefore().size();
        List<Integer> missing = packer.missing();
        int step = ROUNDS * context.defaultParallelism();
        for (int start = 0; start < missing.size(); start += step) {
            List<Integer> some = missing.subList(start, Math.min(missing.size(), start + step));
            for (PackedShard shard :
                    context.parallelize(some, some.size()).map(task).collect()) {
                packer.add(shard);
                shard.left().forEach(one -> err.println("warning: left out " + one));
                left += shard.left().size();
            }
            err.println(packer.shards() - packer.missing().size() + " of " + packer.shards() + " shards");
        }
        err.println("packed: " + (data.size() - left) + " of " + data.size() + " samples are in " + output);
        return 0;
    }
}
