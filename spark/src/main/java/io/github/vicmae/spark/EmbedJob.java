package io.github.vicmae.spark;

import io.github.vicmae.device.Device;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.eval.Encoder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Embeds folders of pictures and videos into a Parquet table: {@code spark-submit --class io.github.vicmae.spark.EmbedJob}.
 *
 * <p>A second run leaves out the files that the table has, by path, length and time of change, and appends the rest. Files are written some thousands
 * at a time, so that a run that is killed loses little.
 */
@Command(
        name = "EmbedJob",
        description = "Embed folders of pictures and videos into a Parquet table, on a cluster.",
        sortOptions = false)
public final class EmbedJob implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "FILE", description = "the weights")
    private String model;

    @Option(
            names = "--input",
            required = true,
            arity = "1..*",
            paramLabel = "PATH",
            description = "folders or files, local or of a file system that Hadoop knows (hdfs://, s3a://); the first"
                    + " level below a folder is the class")
    private List<String> input;

    @Option(names = "--output", required = true, paramLabel = "FOLDER", description = "the Parquet table")
    private String output;

    @Option(
            names = "--frames",
            paramLabel = "N",
            description = "frames of a video whose features are averaged (default: 8)")
    private Integer frames;

    @Option(names = "--every", paramLabel = "SECONDS", description = "a row for a video's frame each so many seconds")
    private Double every;

    @Option(names = "--cls", description = "class tokens in place of pooled tokens")
    private boolean classToken;

    @Option(names = "--normalize", description = "divide every vector by its length")
    private boolean normalize;

    @Option(
            names = "--batch",
            defaultValue = "32",
            description = "views that the encoder takes at once (default: ${DEFAULT-VALUE})")
    private int batch;

    @Option(names = "--heads", defaultValue = "0", description = "attention heads of an encoder of no standard width")
    private int heads;

    @Option(
            names = "--device",
            defaultValue = "auto",
            description = "auto: the card that Spark has assigned to a task, else what the executor has; or cpu, cuda:N"
                    + " (default: ${DEFAULT-VALUE})")
    private String device;

    @Option(names = "--distribute", description = "let Spark bring the model to the executors")
    private boolean distribute;

    @Option(
            names = "--slice",
            defaultValue = "20000",
            description = "files after which what is done is written (default: ${DEFAULT-VALUE})")
    private int slice;

    @Option(
            names = "--partitions",
            paramLabel = "N",
            description = "tasks of a slice (default: 4 for each of the cluster's cores, of a batch of files at least)")
    private Integer partitions;

    @Option(names = "--retry", description = "read files again that could not be read before")
    private boolean retry;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "show this help message and exit")
    private boolean help;

    @Spec
    private CommandSpec spec;

    /** Runs the job. The exit code is 0 if all is done, 1 if it failed, 2 if the options are wrong. */
    public static void main(String[] args) {
        Jobs.main(new EmbedJob(), args);
    }

    @Override
    public Integer call() throws IOException {
        requirePositive("--slice", slice);
        requirePositive("--partitions", partitions == null ? 1 : partitions);
        if (frames != null && every != null) {
            throw new IllegalArgumentException(
                    "--frames makes one row of a video, --every one for each moment; give one of them");
        }
        VicmaeEmbedder embedder = embedder();
        EmbeddingSettings settings = settings(embedder.settings());
        SparkSession spark = SparkSession.builder().appName("vicmae embed").getOrCreate();
        FileList found = FileList.of(spark, input);
        EmbedTable table = EmbedTable.open(spark, output, settings);
        List<Row> missing = table.missing(found.rows(), retry);
        PrintWriter err = spec.commandLine().getErr();
        err.println(found.rows().size() + " files are in the input, "
                + (found.rows().size() - missing.size()) + " of them embedded already, " + missing.size()
                + " are not" + (found.left() > 0 ? "; " + found.left() + " are neither images nor videos" : ""));
        for (int start = 0; start < missing.size(); start += slice) {
            List<Row> files = missing.subList(start, Math.min(missing.size(), start + slice));
            Dataset<Row> rows = embedder.embed(found.frame(files, parts(spark, files.size())));
            long begin = System.nanoTime();
            rows.write().mode(SaveMode.Append).parquet(output);
            err.println(String.format(
                    Locale.ROOT,
                    "%d of %d files are done (%.1f files/s)",
                    start + files.size(),
                    missing.size(),
                    files.size() / ((System.nanoTime() - begin) / 1e9)));
        }
        table.say(err);
        return 0;
    }

    private int parts(SparkSession spark, int files) {
        return partitions != null
                ? Math.min(partitions, files)
                : Math.min(4 * spark.sparkContext().defaultParallelism(), (files + batch - 1) / batch);
    }

    private VicmaeEmbedder embedder() throws IOException {
        VicmaeEmbedder embedder =
                VicmaeEmbedder.of(model).batch(batch).heads(heads).device(device);
        embedder = frames == null ? embedder : embedder.frames(frames);
        embedder = every == null ? embedder : embedder.every(every);
        embedder = classToken ? embedder.classToken() : embedder;
        embedder = normalize ? embedder.normalized() : embedder;
        return distribute ? embedder.distributed() : embedder;
    }

    /** Loads the model here as well: what is no model is refused before any executor has work. */
    private static EmbeddingSettings settings(EmbedSettings settings) throws IOException {
        try (Device cpu = Device.open("cpu");
                Encoder encoder = Encoder.load(Path.of(settings.model()), settings.heads(), cpu, 1)) {
            return new EmbeddingSettings(
                    settings.model(),
                    settings.fingerprint(),
                    settings.classToken() ? "cls" : "pooled",
                    settings.frames(),
                    settings.every(),
                    settings.isNormalized(),
                    "fp32",
                    1,
                    encoder.width());
        }
    }

    private static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(option + " must be at least 1, not " + value);
        }
    }
}
