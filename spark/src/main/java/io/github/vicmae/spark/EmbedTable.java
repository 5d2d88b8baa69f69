package io.github.vicmae.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.embed.EmbeddingSettings;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** The Parquet table that a job adds to. Beside its files lies a file of settings, so that rows of different models do not come together. */
final class EmbedTable {
    /** Spark passes over names that begin so. */
    private static final String SETTINGS = "_vicmae.json";

    private final SparkSession spark;
    private final String folder;
    private final FileSystem files;

    /** A file as it was when it was embedded. */
    private record Known(String path, long length, Timestamp modified) {}

    private EmbedTable(SparkSession spark, String folder, FileSystem files) {
        this.spark = spark;
        this.folder = folder;
        this.files = files;
    }

    /**
     * Opens a table, or begins one.
     *
     * @throws IOException if there is something else, or rows of other settings
     */
    static EmbedTable open(SparkSession spark, String folder, EmbeddingSettings settings) throws IOException {
        Path path = new Path(folder);
        FileSystem files = path.getFileSystem(spark.sparkContext().hadoopConfiguration());
        Path kept = new Path(path, SETTINGS);
        if (files.exists(kept)) {
            EmbeddingSettings before;
            try (InputStream in = files.open(kept)) {
                before = EmbeddingSettings.of(new ObjectMapper().readTree(in), kept.toString());
            }
            List<String> differences = settings.differences(before);
            if (!differences.isEmpty()) {
                throw new IOException("Rows of other settings cannot be added to " + folder + ": "
                        + String.join("; ", differences) + ". Give the same ones, or another --output");
            }
        } else {
            if (files.exists(path) && files.listStatus(path).length > 0) {
                throw new IOException(folder + " holds something that this job has not written; give another --output");
            }
            try (OutputStream out = files.create(kept, false)) {
                out.write(new ObjectMapper().writeValueAsBytes(settings.tree()));
            } catch (IOException e) {
                throw new IOException("--output " + folder + " cannot be written: " + e.getMessage(), e);
            }
        }
        return new EmbedTable(spark, folder, files);
    }

    /** Null as long as nothing has been written. */
    private Dataset<Row> rows() throws IOException {
        for (FileStatus file : files.listStatus(new Path(folder))) {
            if (file.getPath().getName().endsWith(".parquet")) {
                return spark.read().parquet(folder);
            }
        }
        return null;
    }

    /**
     * The files that the table does not have as they are now.
     *
     * @param found path, class, length and time of change
     * @param retry whether files that could not be read count as missing
     */
    List<Row> missing(List<Row> found, boolean retry) throws IOException {
        Dataset<Row> rows = rows();
        if (rows == null) {
            return found;
        }
        Dataset<Row> done = retry ? rows.where(functions.col("problem").isNull()) : rows;
        Set<Known> known = new HashSet<>();
        Iterator<Row> all =
                done.select("path", Columns.LENGTH, Columns.MODIFIED).distinct().toLocalIterator();
        while (all.hasNext()) {
            Row row = all.next();
            known.add(new Known(row.getString(0), row.getLong(1), row.getTimestamp(2)));
        }
        List<Row> missing = new ArrayList<>();
        for (Row row : found) {
            if (!known.contains(new Known(row.getString(0), row.getLong(2), row.getTimestamp(3)))) {
                missing.add(row);
            }
        }
        return missing;
    }

    /** Says what is there now. */
    void say(PrintWriter err) throws IOException {
        Dataset<Row> rows = rows();
        if (rows == null) {
            err.println(folder + " has no rows");
            return;
        }
        long problems = rows.where(functions.col("problem").isNotNull()).count();
        err.println(rows.count() - problems + " vectors are in " + folder
                + (problems > 0 ? "; " + problems + " rows tell of files that could not be read" : ""));
    }
}
