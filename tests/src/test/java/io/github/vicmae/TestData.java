package io.github.vicmae;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;

/** Small files for tests, and where larger ones may be found. */
public final class TestData {
    private TestData() {}

    /** Writes pictures of discs and bars in two classes to {@code dir/disc} and {@code dir/bar}. */
    public static Path pictures(Path dir, int count, int size) throws IOException {
        Random random = new Random(5);
        for (int i = 0; i < count; i++) {
            boolean disc = i % 2 == 0;
            BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
            Graphics2D g = image.createGraphics();
            g.setColor(new Color(random.nextInt(0x1000000)));
            g.fillRect(0, 0, size, size);
            g.setColor(new Color(random.nextInt(0x1000000)));
            int x = random.nextInt(size / 2);
            if (disc) {
                g.fillOval(x, random.nextInt(size / 2), size / 2, size / 2);
            } else {
                g.fillRect(x, 0, size / 8, size);
            }
            g.dispose();
            Path folder = Files.createDirectories(dir.resolve(disc ? "disc" : "bar"));
            ImageIO.write(
                    image, "png", folder.resolve(String.format("%03d.png", i)).toFile());
        }
        return dir;
    }

    /** The repository's folder. */
    public static Path root() {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("cuda")) && Files.exists(at.resolve("pom.xml"))) {
                return at;
            }
        }
        throw new AssertionError("The tests run outside of the repository");
    }

    /**
     * A file or folder below the folder {@code shared} that may lie beside the repository; {@code -Dvicmae.shared=FOLDER} names another. The
     * calling test is skipped, saying so, if it is not there.
     */
    public static Path shared(String name) {
        String given = System.getProperty("vicmae.shared");
        Path folder = given != null ? Path.of(given) : null;
        for (Path at = Path.of("").toAbsolutePath(); folder == null && at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared"))) {
                folder = at.resolve("shared");
            }
        }
        Path file = folder == null ? null : folder.resolve(name);
        assumeTrue(file != null && Files.exists(file), "there is no shared/" + name + " beside the repository");
        return file;
    }
}
