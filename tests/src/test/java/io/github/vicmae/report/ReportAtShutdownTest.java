package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** An interrupted run writes its report while the JVM goes down, when nothing may register a shutdown hook any more. */
class ReportAtShutdownTest {
    /** Encodes a picture in a shutdown hook. */
    static final class Program {
        public static void main(String[] args) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    int bytes = ReconstructionGrid.png(new BufferedImage(2, 2, BufferedImage.TYPE_INT_RGB)).length;
                    System.out.println("bytes " + (bytes > 0));
                } catch (IOException | RuntimeException e) {
                    System.out.println(e);
                }
            }));
            System.exit(0);
        }
    }

    @Test
    void picturesAreEncodedWhileTheJvmGoesDown() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.awt.headless=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertTrue(process.waitFor(1, TimeUnit.MINUTES), "the program did not end");
        assertEquals("bytes true", output.strip());
    }
}
