package example;

import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.posexplode;
import static org.apache.spark.sql.functions.sort_array;
import static org.apache.spark.sql.functions.struct;

import io.github.vicmae.spark.VicmaeEmbedder;
import java.io.IOException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Embeds a folder of pictures and writes the mean vector of every class: MODEL PICTURES OUT. */
public final class ClassCentres {
    private ClassCentres() {}

    public static void main(String[] args) throws IOException {
        if (args.length != 3) {
            System.err.println("usage: ClassCentres MODEL PICTURES OUT");
            System.exit(2);
        }
        SparkSession spark = SparkSession.builder().appName("class centres").getOrCreate();
        Dataset<Row> files = spark.read()
                .format("binaryFile")
                .option("recursiveFileLookup", true)
                .load(args[1]);
        Dataset<Row> vectors = VicmaeEmbedder.of(args[0]).normalized().distributed().embed(files);

        Dataset<Row> centres = vectors.where("problem is null")
                .select(col("class"), posexplode(col("embedding")).as(new String[] {"d", "value"}))
                .groupBy("class", "d")
                .agg(avg("value").as("mean"), count("value").as("files"))
                .groupBy("class", "files")
                .agg(sort_array(collect_list(struct("d", "mean"))).getField("mean").as("centre"));
        centres.write().json(args[2]);
        spark.stop();
    }
}
