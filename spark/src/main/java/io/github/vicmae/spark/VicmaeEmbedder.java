package io.github.vicmae.spark;

import io.github.vicmae.embed.Fingerprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;

/**
 * A trained encoder as a transformation of Spark's data frames: a row for each file in, a row for each vector out.
 *
 * <pre>{@code
 * Dataset<Row> files = spark.read().format("binaryFile").option("recursiveFileLookup", true).load("hdfs:///pictures");
 * Dataset<Row> vectors = VicmaeEmbedder.of("model.safetensors").frames(8).batch(32).embed(files);
 * vectors.write().parquet("hdfs:///vectors");
 * }</pre>
 *
 * <p>Every executor loads the model once, and its tasks share it. A task that Spark has given a card (resource {@code gpu}) uses that one. The vectors
 * are those of {@code vicmae embed} with the same settings; on the CPU they are the same bit by bit.
 *
 * <p>Immutable: every setting makes a new one.
 */
public final class VicmaeEmbedder {
    private static final int FRAMES = 8;
    private static final int BATCH = 32;

    private final EmbedSettings settings;
    private final boolean isDistributed;
    private Broadcast<ModelBytes> brought;
    private SparkContext receiver;

    private VicmaeEmbedder(EmbedSettings settings, boolean isDistributed) {
        this.settings = settings;
        this.isDistributed = isDistributed;
    }

    /**
     * An embedder of 8 frames of a video, in batches of 32 views, pooled.
     *
     * @param model a file of weights that this library reads. It has to be there for the driver and, unless it is {@link #distributed},
     *     under the same path for every executor
     * @throws IOException if the file cannot be read
     */
    public static VicmaeEmbedder of(String model) throws IOException {
        Path file = Path.of(model).toAbsolutePath();
        return new VicmaeEmbedder(
                new EmbedSettings(file.toString(), Fingerprint.of(file), false, FRAMES, 0, false, BATCH, 0, "auto"),
                false);
    }

    /** Frames of a video, evenly spaced, whose features are averaged to one row, at least 1. */
    public VicmaeEmbedder frames(int frames) {
        requirePositive("Frames of a video", frames);
        return with(draft -> {
            draft.frames = frames;
            draft.every = 0;
        });
    }

    /** A row for a video's frame each so many seconds, with its time, in place of one row: at least a millisecond. */
    public VicmaeEmbedder every(double seconds) {
        if (!(seconds >= 1e-3) || Double.isInfinite(seconds)) {
            throw new IllegalArgumentException(
                    "Rows must be at least a millisecond apart, not " + seconds + " seconds");
        }
        return with(draft -> {
            draft.frames = 1;
            draft.every = seconds;
        });
    }

    /** The class token of a view in place of its pooled tokens. */
    public VicmaeEmbedder classToken() {
        return with(draft -> draft.classToken = true);
    }

    /** Every vector divided by its length. */
    public VicmaeEmbedder normalized() {
        return with(draft -> draft.isNormalized = true);
    }

    /** Views that the encoder takes at once, at least 1. */
    public VicmaeEmbedder batch(int batch) {
        requirePositive("Views of a batch", batch);
        return with(draft -> draft.batch = batch);
    }

    /** Attention heads of a published encoder of no standard width. */
    public VicmaeEmbedder heads(int heads) {
        return with(draft -> draft.heads = heads);
    }

    /**
     * Where executors compute.
     *
     * @param device {@code auto}, which is the card that Spark has assigned to the task, else the first that can be used, else the CPU; or a device
     *     as {@code --device} takes it: {@code cpu}, {@code cuda:1}
     */
    public VicmaeEmbedder device(String device) {
        return with(draft -> draft.device = device);
    }

    /** Lets Spark bring the model to the executors (a broadcast), where they do not share a file system. */
    public VicmaeEmbedder distributed() {
        return new VicmaeEmbedder(settings, true);
    }

    private VicmaeEmbedder with(Consumer<EmbedSettings.Draft> change) {
        return new VicmaeEmbedder(settings.with(change), isDistributed);
    }

    private static void requirePositive(String what, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(what + " must be at least 1, not " + value);
        }
    }

    EmbedSettings settings() {
        return settings;
    }

    /**
     * Embeds files.
     *
     * @param files with a column path (string: a path that executors can read, or a URI of a file system that Hadoop knows), and, as Spark's
     *     {@code binaryFile} has them, content (binary), length and modificationTime; class (string) if a file's class is not its folder's name
     * @return the columns path, class (null if there is none), time (seconds; null for an image and for a mean over a video), embedding (array of
     *     float) and problem (null, or why a file could not be read, in which case embedding is null); length and modificationTime go along
     * @throws IllegalArgumentException if there is no column path, or one of these columns has another type
     * @throws UncheckedIOException if the model is to be sent and has changed or cannot be read
     */
    public Dataset<Row> embed(Dataset<Row> files) {
        Columns columns = Columns.of(files.schema());
        Broadcast<ModelBytes> bytes =
                isDistributed ? broadcast(files.sparkSession().sparkContext()) : null;
        return files.mapPartitions(new EmbedPartition(settings, bytes, columns), Encoders.row(columns.output()));
    }

    /** The model's file, sent once to each executor however many data frames there are. */
    private synchronized Broadcast<ModelBytes> broadcast(SparkContext context) {
        if (brought == null || receiver != context) {
            Path file = Path.of(settings.model());
            try {
                ModelBytes.requireSame(file, settings);
                brought = JavaSparkContext.fromSparkContext(context).broadcast(ModelBytes.read(file));
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
            receiver = context;
        }
        return brought;
    }
}
