package io.github.vicmae.data;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.video.VideoWriter;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;

/** Pictures and files that the tests make themselves. */
public final class Pictures {
    private Pictures() {}

    /** A smooth RGB picture: red grows to the right, green downwards, blue with both. */
    public static Image gradient(int width, int height) {
        byte[] pixels = new byte[width * height * 3];
        for (int y = 0, d = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                pixels[d++] = (byte) (255 * x / Math.max(1, width - 1));
                pixels[d++] = (byte) (255 * y / Math.max(1, height - 1));
                pixels[d++] = (byte) (255 * (x + y) / Math.max(1, width + height - 2));
            }
        }
        return new Image(width, height, 3, pixels);
    }

    public static Image random(int width, int height, int channels, long seed) {
        byte[] pixels = new byte[width * height * channels];
        new Random(seed).nextBytes(pixels);
        return new Image(width, height, channels, pixels);
    }

    public static Image constant(int width, int height, int... colour) {
        byte[] pixels = new byte[width * height * colour.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) colour[i % colour.length];
        }
        return new Image(width, height, colour.length, pixels);
    }

    public static BufferedImage buffered(Image image) {
        BufferedImage picture = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                picture.setRGB(x, y, image.get(x, y, 0) << 16 | image.get(x, y, 1) << 8 | image.get(x, y, 2));
            }
        }
        return picture;
    }

    public static byte[] encode(BufferedImage picture, String format) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (!ImageIO.write(picture, format, out)) {
            throw new IOException("no encoder for " + format);
        }
        return out.toByteArray();
    }

    public static Path write(Path path, BufferedImage picture, String format) throws IOException {
        Files.createDirectories(path.getParent());
        return Files.write(path, encode(picture, format));
    }

    /** A JPEG file with a marker segment put in behind its first two bytes. */
    public static byte[] withSegment(byte[] jpeg, int marker, byte[] content) {
        byte[] out = new byte[jpeg.length + content.length + 4];
        out[0] = jpeg[0];
        out[1] = jpeg[1];
        out[2] = (byte) 0xFF;
        out[3] = (byte) marker;
        out[4] = (byte) (content.length + 2 >> 8);
        out[5] = (byte) (content.length + 2);
        System.arraycopy(content, 0, out, 6, content.length);
        System.arraycopy(jpeg, 2, out, 6 + content.length, jpeg.length - 2);
        return out;
    }

    /** A video of gray frames; the level of frame {@code i} is {@link #level}. */
    public static Path countingVideo(Path path, int width, int height, int rate, int frames) throws IOException {
        Files.createDirectories(path.getParent());
        try (VideoWriter writer = new VideoWriter(path, new VideoWriter.Settings(width, height, rate, 2, 12))) {
            for (int i = 0; i < frames; i++) {
                writer.write(constant(width, height, level(i), level(i), level(i)));
            }
        }
        return path;
    }

    /** Neighbouring frames are far enough apart to tell from their mean after compression. */
    public static int level(int frame) {
        return 16 + frame * 37 % 224;
    }

    public static double mean(Image image) {
        double sum = 0;
        for (byte value : image.pixels()) {
            sum += value & 0xFF;
        }
        return sum / image.pixels().length;
    }
}
