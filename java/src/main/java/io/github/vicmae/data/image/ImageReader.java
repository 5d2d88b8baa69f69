package io.github.vicmae.data.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.ReadFailure;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageInputStream;

/**
 * Reads still pictures: JPEG (also CMYK and YCCK, turned as EXIF says), PNG (also 16 bit, palette, gray, alpha), BMP, TIFF, the first frame
 * of a GIF, and WebP through FFmpeg.
 *
 * <p>Colour profiles are ignored, alpha is dropped rather than composited, and 16-bit values are rounded to 8 bits.
 */
public final class ImageReader {
    /** More pixels than this are refused before decoding: a few kilobytes of file can ask for gigabytes of memory. */
    public static final long MAX_PIXELS = 1L << 26;

    /** Longer files are refused before reading. */
    public static final long MAX_BYTES = 1L << 29;

    private ImageReader() {}

    /**
     * Reads and decodes one picture.
     *
     * @param channels 1 luma, 2 luma and alpha, 3 RGB, 4 RGBA
     * @throws IOException if the file cannot be read or decoded whole; the message names the path and the reason
     * @throws IllegalArgumentException if {@code channels} is not 1 to 4
     */
    public static Image read(Path path, int channels) throws IOException {
        return read(Content.of(path), channels);
    }

    /** The same of a picture that lies anywhere. */
    public static Image read(Content content, int channels) throws IOException {
        if (channels < 1 || channels > 4) {
            throw new IllegalArgumentException("channels must be 1 to 4, not " + channels + ".");
        }
        try {
            return decode(bytes(content)).withChannels(channels);
        } catch (IOException | RuntimeException e) {
            throw unreadable(content, ReadFailure.reason(e), e);
        } catch (OutOfMemoryError e) {
            throw unreadable(content, "there is not enough memory to decode it", e);
        }
    }

    private static byte[] bytes(Content content) throws IOException {
        try (SeekableByteChannel channel = content.open()) {
            long size = channel.size();
            if (size > MAX_BYTES) {
                throw new IOException("the file has " + size + " bytes, more than the " + MAX_BYTES + " that are read");
            }
            ByteBuffer bytes = ByteBuffer.allocate((int) size);
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // until all is there
            }
            return bytes.hasRemaining() ? Arrays.copyOf(bytes.array(), bytes.position()) : bytes.array();
        }
    }

    private static Image decode(byte[] file) throws IOException {
        if (JpegHeader.isJpeg(file)) {
            return decodeJpeg(file);
        }
        if (isWebP(file)) {
            return WebP.decode(file);
        }
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            Iterator<javax.imageio.ImageReader> readers = ImageIO.getImageReaders(input);
            if (!readers.hasNext()) {
                throw new IOException("its content is no known picture format (first bytes: " + firstBytes(file) + ")");
            }
            return decode(readers.next(), input, false);
        }
    }

    private static Image decodeJpeg(byte[] file) throws IOException {
        JpegHeader header = JpegHeader.parse(file);
        checkSize(header.width(), header.height());
        if (header.plain() && (header.components() == 1 || header.components() == 3)) {
            try {
                return decodeJpeg(file, header, true);
            } catch (IIOException | RuntimeException e) {
                // It is stricter about markers than the other one, which is tried next.
            }
        }
        return decodeJpeg(file, header, false);
    }

    private static Image decodeJpeg(byte[] file, JpegHeader header, boolean jdk) throws IOException {
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            return decode(jpegReader(jdk), input, true).oriented(header.orientation());
        }
    }

    /** The JDK's decoder is the quicker one, but it misreads CMYK, Adobe's colour transforms and damaged profiles. */
    private static javax.imageio.ImageReader jpegReader(boolean jdk) throws IOException {
        javax.imageio.ImageReader last = null;
        for (Iterator<javax.imageio.ImageReader> i = ImageIO.getImageReadersByFormatName("jpeg"); i.hasNext(); ) {
            last = i.next();
            if (last.getClass().getName().startsWith("com.sun.") == jdk) {
                return last;
            }
        }
        if (last == null) {
            throw new IOException("this Java runtime has no JPEG decoder");
        }
        return last;
    }

    private static Image decode(javax.imageio.ImageReader reader, ImageInputStream input, boolean jpeg)
            throws IOException {
        String[] truncated = new String[1];
        try {
            reader.addIIOReadWarningListener((source, warning) -> {
                String text = warning.toLowerCase(Locale.ROOT);
                if (text.contains("premature end") || text.contains("truncated")) {
                    truncated[0] = warning;
                }
            });
            reader.setInput(input, true, true);
            if (!jpeg) {
                checkSize(reader.getWidth(0), reader.getHeight(0));
            }
            BufferedImage picture = reader.read(0);
            if (truncated[0] != null) {
                throw new IOException("the file is cut short (" + truncated[0] + ")");
            }
            return DecodedRaster.toImage(picture);
        } finally {
            reader.dispose();
        }
    }

    private static void checkSize(long width, long height) throws IOException {
        if (width <= 0 || height <= 0) {
            throw new IOException("its header gives the size " + width + " x " + height);
        }
        if (width * height > MAX_PIXELS) {
            throw new IOException("its header asks for " + width + " x " + height + " pixels, more than the "
                    + MAX_PIXELS + " that are decoded");
        }
    }

    private static boolean isWebP(byte[] file) {
        return file.length > 12
                && new String(file, 0, 4, StandardCharsets.ISO_8859_1).equals("RIFF")
                && new String(file, 8, 4, StandardCharsets.ISO_8859_1).equals("WEBP");
    }

    private static String firstBytes(byte[] file) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(4, file.length); i++) {
            text.append(String.format(Locale.ROOT, i == 0 ? "%02x" : " %02x", file[i]));
        }
        return text.toString();
    }

    private static IOException unreadable(Content content, String reason, Throwable cause) {
        return new IOException("Cannot read the picture " + content.name() + ": " + reason + ".", cause);
    }
}
