package io.github.vicmae.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/**
 * A cluster on this machine, whose executors are JVMs of their own with this one's class path. Spark starts them from a distribution's folder
 * ({@code SPARK_HOME} in the environment), of which an empty one is enough.
 */
final class Cluster {
    private Cluster() {}

    static SparkSession session(String master) {
        Path home = Path.of(System.getenv().getOrDefault("SPARK_HOME", "."));
        try {
            Files.createDirectories(home.resolve("jars"));
            if (!Files.exists(home.resolve("RELEASE"))) {
                Files.writeString(home.resolve("RELEASE"), "the class path of the tests");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return SparkSession.builder()
                .master(master)
                .appName("vicmae tests")
                .config("spark.ui.enabled", false)
                .config("spark.driver.host", "localhost")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
                .config("spark.executor.extraJavaOptions", "-Dvicmae.threads=1")
                .config("spark.sql.shuffle.partitions", 2)
                .config("spark.sql.warehouse.dir", home.resolve("warehouse").toString())
                .getOrCreate();
    }
}
