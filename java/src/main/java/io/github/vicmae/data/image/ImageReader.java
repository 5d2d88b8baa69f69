package io.github.vicmae.data.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.ReadFailure;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.function.IntBinaryOperator;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageInputStream;

/**
 * Reads still pictures: JPEG (also CMYK and YCCK), PNG (also 16 bit, palette, gray, alpha), BMP, TIFF (whole numbers of 1 to 32 bits, floats,
 * JPEG inside, BigTIFF), the first frame of a GIF on its screen, and WebP, of an animation the first frame. They are turned as EXIF's
 * orientation says.
 *
 * <p>Colours are the stored values in every format: colour profiles are ignored. CMYK becomes RGB by (255 - ink) (255 - black) / 255. Alpha is
 * dropped rather than composited. Values of more than 8 bits are rounded: integers relative to the largest value of their
 * type, floats relative to 1; negative values become black.
 *
 * <p>Damage outside the pixel data does no harm; a picture with missing pixels is refused.
 */
public final class ImageReader {
    /** More pixels than this are refused before decoding: a few kilobytes of file can ask for gigabytes of memory. */
    public static final long MAX_PIXELS = 1L << 26;

    /** Longer files are refused before reading. */
    public static final long MAX_BYTES = 1L << 29;

    /** JPEGs are decoded at 1/8 of their size at the smallest. */
    private static final int MAX_REDUCTION = 8;

    /** TIFF's number for signed whole numbers. */
    private static final int SIGNED = 2;

    private ImageReader() {}

    /** Whether bytes begin as a picture in one of these formats does. */
    public static boolean isPicture(byte[] file) {
        if (JpegHeader.isJpeg(file) || WebP.isWebP(file) || TiffDirectory.isTiff(file)) {
            return true;
        }
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            return ImageIO.getImageReaders(input).hasNext();
        } catch (IOException e) {
            return false;
        }
    }

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

    /** The same for a picture stored anywhere. */
    public static Image read(Content content, int channels) throws IOException {
        return read(content, channels, (width, height) -> 1).image();
    }

    /**
     * The same, at a fraction of its size where that is allowed and saves time: JPEGs of luma or YCbCr, at 1/2, 1/4 or 1/8. Where
     * libjpeg-turbo cannot be had, every picture is whole.
     *
     * @param reduction is given the picture's width and height, and says by how much they may be divided; 1 or less for the picture itself
     */
    public static ReducedImage read(Content content, int channels, IntBinaryOperator reduction) throws IOException {
        if (channels < 1 || channels > 4) {
            throw new IllegalArgumentException("channels must be 1 to 4, not " + channels + ".");
        }
        try {
            byte[] file = bytes(content);
            ReducedImage picture =
                    JpegHeader.isJpeg(file) ? decodeJpeg(file, reduction) : ReducedImage.of(decode(file));
            return picture.withChannels(channels);
        } catch (IOException | RuntimeException e) {
            throw unreadable(content, ReadFailure.reason(content, e), e);
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
        if (WebP.isWebP(file)) {
            return WebP.decode(file);
        }
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            if (TiffDirectory.isTiff(file)) {
                TiffDirectory tags = new TiffDirectory(file, 0, file.length);
                boolean signed = tags.value(TiffDirectory.SAMPLE_FORMAT, 1) == SIGNED;
                BufferedImage picture = read(reader("tiff", false), input, true);
                return DecodedRaster.toImage(picture, signed).oriented(tags.orientation());
            }
            Iterator<javax.imageio.ImageReader> readers = ImageIO.getImageReaders(input);
            if (!readers.hasNext()) {
                throw new IOException("its content is no known picture format (first bytes: " + firstBytes(file) + ")");
            }
            GifScreen screen = GifScreen.isGif(file) ? GifScreen.of(file) : null;
            if (screen != null) {
                checkSize(screen.width(), screen.height());
            }
            Image picture = DecodedRaster.toImage(read(readers.next(), input, true), false);
            return screen != null
                    ? picture.placed(screen.x(), screen.y(), screen.width(), screen.height())
                    : picture.oriented(PngChunks.orientation(file));
        }
    }

    private static ReducedImage decodeJpeg(byte[] file, IntBinaryOperator reduction) throws IOException {
        JpegHeader header = JpegHeader.parse(file);
        checkSize(header.width(), header.height());
        if (!header.ended() && !header.complete()) {
            throw new IOException("the file is cut short (parts of the picture are missing)");
        }
        byte[] clean = header.cleaned(file);
        if (header.components() == 4) {
            return whole(decodeInks(clean, header), header);
        }
        if (!header.plain()) {
            return whole(decodeJpeg(clean, false), header);
        }
        int divisor = divisor(header, reduction);
        Image reduced = divisor == 1 ? null : TurboJpeg.decode(clean, divisor);
        return reduced == null
                ? whole(decodePlainJpeg(clean), header)
                : new ReducedImage(
                        reduced.oriented(header.orientation()), header.shownWidth(), header.shownHeight(), divisor);
    }

    private static ReducedImage whole(Image picture, JpegHeader header) {
        return ReducedImage.of(picture.oriented(header.orientation()));
    }

    /** The power of two by which a JPEG's size is divided. */
    private static int divisor(JpegHeader header, IntBinaryOperator reduction) {
        int allowed = reduction.applyAsInt(header.shownWidth(), header.shownHeight());
        int divisor = Integer.highestOneBit(Math.max(1, Math.min(MAX_REDUCTION, allowed)));
        // The squares begin at the stored picture's first pixel: in a turned one only whole squares end where it
        // begins.
        boolean whole = header.width() % divisor == 0 && header.height() % divisor == 0;
        return whole || header.orientation() == TiffDirectory.UPRIGHT ? divisor : 1;
    }

    /** libjpeg-turbo is the quickest; then the JDK's, which is strict about markers and misreads Adobe's colour transforms. */
    private static Image decodePlainJpeg(byte[] file) throws IOException {
        Image picture = TurboJpeg.decode(file, 1);
        if (picture != null) {
            return picture;
        }
        try {
            return decodeJpeg(file, true);
        } catch (IIOException | RuntimeException e) {
            return decodeJpeg(file, false);
        }
    }

    private static Image decodeJpeg(byte[] file, boolean jdk) throws IOException {
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            return DecodedRaster.toImage(read(reader("jpeg", jdk), input, false), false);
        }
    }

    /** CMYK or YCCK: the stored values, without a decoder's conversion. */
    private static Image decodeInks(byte[] file, JpegHeader header) throws IOException {
        try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
            Raster raster = decode(reader("jpeg", true), input, false, reader -> reader.readRaster(0, null));
            return DecodedRaster.fromJpegInks(raster, header.transform());
        }
    }

    /** A reader of a format: the JDK's or, if there is one, TwelveMonkeys'. */
    private static javax.imageio.ImageReader reader(String format, boolean jdk) throws IOException {
        javax.imageio.ImageReader last = null;
        for (Iterator<javax.imageio.ImageReader> i = ImageIO.getImageReadersByFormatName(format); i.hasNext(); ) {
            last = i.next();
            if (last.getClass().getName().startsWith("com.sun.") == jdk) {
                return last;
            }
        }
        if (last == null) {
            throw new IOException("this Java runtime has no decoder for " + format);
        }
        return last;
    }

    private static BufferedImage read(javax.imageio.ImageReader reader, ImageInputStream input, boolean checkSize)
            throws IOException {
        return decode(reader, input, checkSize, r -> r.read(0));
    }

    /** What is asked of a reader. */
    private interface Decoding<T> {
        T of(javax.imageio.ImageReader reader) throws IOException;
    }

    private static <T> T decode(
            javax.imageio.ImageReader reader, ImageInputStream input, boolean checkSize, Decoding<T> decoding)
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
            if (checkSize) {
                checkSize(reader.getWidth(0), reader.getHeight(0));
            }
            T picture = decoding.of(reader);
            if (truncated[0] != null) {
                throw new IOException("the file is cut short (" + truncated[0] + ")");
            }
            return picture;
        } finally {
            reader.dispose();
        }
    }

    static void checkSize(long width, long height) throws IOException {
        if (width <= 0 || height <= 0) {
            throw new IOException("its header gives the size " + width + " x " + height);
        }
        if (width * height > MAX_PIXELS) {
            throw new IOException("its header asks for " + width + " x " + height + " pixels, more than the "
                    + MAX_PIXELS + " that are decoded");
        }
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
