package io.github.vicmae.spark;

import java.io.IOException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The pictures and videos below folders: path, class, length and time of change, in the order of their paths, each once. */
final class FileList {
    private static final StructType SCHEMA = new StructType()
            .add("path", DataTypes.StringType)
            .add("class", DataTypes.StringType)
            .add(Columns.LENGTH, DataTypes.LongType)
            .add(Columns.MODIFIED, DataTypes.TimestampType);

    private final SparkSession spark;
    private final List<Row> rows;
    private final long left;

    private FileList(SparkSession spark, List<Row> rows, long left) {
        this.spark = spark;
        this.rows = rows;
        this.left = left;
    }

    /**
     * Looks for files.
     *
     * @throws IOException if a folder cannot be read, or nothing is found
     */
    static FileList of(SparkSession spark, List<String> roots) throws IOException {
        Configuration hadoop = spark.sparkContext().hadoopConfiguration();
        TreeMap<String, Row> found = new TreeMap<>(Comparator.naturalOrder());
        long left = 0;
        for (String text : roots) {
            Path given = new Path(text);
            FileSystem files = given.getFileSystem(hadoop);
            if (!files.exists(given)) {
                throw new IOException("--input " + text + " does not exist");
            }
            Path root = files.getFileStatus(given).getPath();
            RemoteIterator<LocatedFileStatus> all = files.listFiles(root, true);
            while (all.hasNext()) {
                LocatedFileStatus file = all.next();
                Path path = file.getPath();
                if (EmbedPartition.kind(path.getName()) == null) {
                    left++;
                    continue;
                }
                found.put(
                        path.toString(),
                        RowFactory.create(
                                path.toString(),
                                className(root, path),
                                file.getLen(),
                                new Timestamp(file.getModificationTime())));
            }
        }
        if (found.isEmpty()) {
            throw new IOException("No videos or images were found in " + String.join(", ", roots));
        }
        return new FileList(spark, new ArrayList<>(found.values()), left);
    }

    /** The name of the first level below the root; null for a file that lies directly in it. */
    private static String className(Path root, Path file) {
        Path folder = file.equals(root) ? null : file.getParent();
        String name = null;
        while (folder != null && !folder.equals(root)) {
            name = folder.getName();
            folder = folder.getParent();
        }
        return folder == null ? null : name;
    }

    List<Row> rows() {
        return rows;
    }

    /** Files that are neither images nor videos by their names. */
    long left() {
        return left;
    }

    /** Some of the rows, of which every task takes neighbours. */
    Dataset<Row> frame(List<Row> some, int parts) {
        return spark.createDataFrame(
                JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(some, parts), SCHEMA);
    }
}
