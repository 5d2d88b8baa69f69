package io.github.vicmae.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.RiffChunks.Chunk;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures as public reports of faults describe them, and others of the same kinds. */
class PictureKindsTest {
    @TempDir
    Path dir;

    private static Image report(String name, int channels) throws IOException {
        return ImageReader.read(TestData.shared("data/reports/" + name), channels);
    }

    private Image read(byte[] file, int channels) throws IOException {
        return ImageReader.read(Files.write(dir.resolve("picture"), file), channels);
    }

    private static void assertSize(int width, int height, Image image) {
        assertEquals(width + " x " + height, image.width() + " x " + image.height());
    }

    private static void assertLevel(int level, Image image) {
        for (byte value : image.pixels()) {
            assertEquals(level, value & 0xFF);
        }
    }

    private static void assertAlike(Image expected, Image found, double limit) {
        assertSize(expected.width(), expected.height(), found);
        double sum = 0;
        for (int i = 0; i < expected.pixels().length; i++) {
            sum += Math.abs((expected.pixels()[i] & 0xFF) - (found.pixels()[i] & 0xFF));
        }
        assertTrue(sum / expected.pixels().length < limit, "mean difference " + sum / expected.pixels().length);
    }

    @Test
    void tiffsOfTheReports() throws IOException {
        assertLevel(128, report("half_f32.tif", 1));
        assertLevel(128, report("u32.tif", 1));
        Image rgb = report("jpeg_rgb.tif", 3);
        assertTrue(rgb.get(0, 0, 0) > 250 && rgb.get(0, 0, 1) < 5 && rgb.get(0, 0, 2) < 5, "the first pixel is red");
        assertSize(32, 48, report("orient.tif", 3));
        assertSize(48, 32, report("pbfo2.tif", 1));
    }

    @Test
    void otherFormatsOfTheReports() throws IOException {
        assertSize(32, 48, report("orient.png", 3));
        assertSize(160, 120, report("offset.gif", 3));
        assertAlike(report("icc_a98.png", 3), report("icc_a98.jpg", 3), 6);
        assertAlike(report("icc_a98.png", 3), report("empty.jpg", 3), 6);
        assertAlike(report("empty.jpg", 3), report("noeoi.jpg", 3), 0.1);
        Image webp = report("anim.webp", 3);
        assertTrue(webp.width() > 1 && webp.height() > 1);
    }

    /** A TIFF of one value: what it is as gray. */
    @ParameterizedTest
    @CsvSource({
        "8, 1, 77, 77",
        "16, 1, 32896, 128",
        "32, 1, -2147483648, 128",
        "32, 1, -1, 255",
        "16, 2, 16384, 128",
        "16, 2, -5, 0",
        "16, 2, 32767, 255",
        "32, 2, 1073741824, 128",
        "32, 2, -7, 0"
    })
    void wholeNumbersOfAnyLengthAreRead(int bits, int format, int value, int level) throws IOException {
        for (int variant = 0; variant < 4; variant++) {
            TiffFile tiff = new TiffFile(5, 3, 1, bits, format, 1);
            tiff = variant % 2 == 0 ? tiff : tiff.bigEndian();
            tiff = variant < 2 ? tiff : tiff.big();
            ByteBuffer samples = ByteBuffer.allocate(15 * bits / 8).order(tiff.order());
            while (samples.hasRemaining()) {
                if (bits == 8) {
                    samples.put((byte) value);
                } else if (bits == 16) {
                    samples.putShort((short) value);
                } else {
                    samples.putInt(value);
                }
            }
            assertLevel(level, read(tiff.of(samples.array()), 1));
        }
    }

    @ParameterizedTest
    @CsvSource({"0.5, 128", "-3, 0", "1, 255", "7, 255", "NaN, 0"})
    void floatsAreTakenAsZeroToOne(float value, int level) throws IOException {
        ByteBuffer samples = ByteBuffer.allocate(4 * 6 * 3).order(ByteOrder.LITTLE_ENDIAN);
        while (samples.hasRemaining()) {
            samples.putFloat(value);
        }
        assertLevel(level, read(new TiffFile(3, 2, 3, 32, 3, 2).of(samples.array()), 3));
    }

    /** Bits in the other order are another file of the same picture. */
    @Test
    void bitsMayBeFilledFromTheOtherEnd() throws IOException {
        byte[] bits = {(byte) 0b10110001, 0b01000000, (byte) 0b11100000, 0b01000000};
        byte[] turned = new byte[bits.length];
        for (int i = 0; i < bits.length; i++) {
            turned[i] = (byte) (Integer.reverse(bits[i]) >>> 24);
        }
        Image image = read(new TiffFile(10, 2, 1, 1, 1, 1).of(bits), 1);
        assertEquals(255, image.get(0, 0, 0));
        assertEquals(0, image.get(1, 0, 0));
        assertEquals(
                image,
                read(
                        new TiffFile(10, 2, 1, 1, 1, 1)
                                .with(266, TiffFile.SHORT, 2)
                                .of(turned),
                        1));
    }

    /** The same inks in TIFF and JPEG, with a profile beside them or without, are the same colours. */
    @Test
    void cmykIsTheSameInTiffAndJpeg() throws IOException {
        int[][] inks = {{15, 215, 215, 0}, {0, 0, 0, 255}, {0, 0, 0, 0}, {200, 100, 0, 60}, {255, 255, 255, 0}};
        for (int[] ink : inks) {
            byte[] samples = new byte[4 * 16 * 16];
            int[] light = new int[4];
            for (int i = 0; i < samples.length; i++) {
                samples[i] = (byte) ink[i % 4];
                light[i % 4] = 255 - ink[i % 4];
            }
            Image tiff = read(new TiffFile(16, 16, 4, 8, 1, 5).of(samples), 3);
            Image jpeg = read(ImageReaderTest.adobe(0, light), 3);
            byte[] profile = "ICC_PROFILE\0\1\1 this is no profile".getBytes(StandardCharsets.ISO_8859_1);
            Image profiled = read(Pictures.withSegment(ImageReaderTest.adobe(0, light), 0xE2, profile), 3);
            for (int c = 0; c < 3; c++) {
                int expected = Math.round((255 - ink[c]) * (255 - ink[3]) / 255f);
                assertEquals(expected, tiff.get(3, 3, c), 1, Arrays.toString(ink));
                assertEquals(expected, jpeg.get(3, 3, c), 3, Arrays.toString(ink));
            }
            assertEquals(jpeg, profiled);
        }
    }

    private static byte[] exif(ByteOrder order, int type, int orientation) {
        ByteBuffer out = ByteBuffer.allocate(26).order(order);
        out.put((byte) (order == ByteOrder.LITTLE_ENDIAN ? 'I' : 'M')).put(out.get(0));
        out.putShort((short) 42)
                .putInt(8)
                .putShort((short) 1)
                .putShort((short) 0x112)
                .putShort((short) type);
        out.putInt(1);
        if (type == 1 || type == 6) {
            out.put((byte) orientation);
        } else if (type == 3 || type == 8) {
            out.putShort((short) orientation);
        } else {
            out.putInt(orientation);
        }
        return out.array();
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    /** A chunk behind the header, or in front of the end. */
    private static byte[] pngWith(byte[] png, byte[] exif, boolean atEnd) {
        ByteBuffer chunk = ByteBuffer.allocate(exif.length + 12)
                .putInt(exif.length)
                .put("eXIf".getBytes(StandardCharsets.ISO_8859_1));
        chunk.put(exif);
        CRC32 crc = new CRC32();
        crc.update(chunk.array(), 4, exif.length + 4);
        chunk.putInt((int) crc.getValue());
        int at = atEnd ? png.length - 12 : 33;
        return joined(Arrays.copyOf(png, at), chunk.array(), Arrays.copyOfRange(png, at, png.length));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 6, 8, 9})
    void theOrientationMayHaveAnyIntegerType(int type) throws IOException {
        Image upright = Pictures.gradient(12, 8);
        byte[] png = Pictures.encode(Pictures.buffered(upright), "png");
        byte[] jpeg = Pictures.encode(Pictures.buffered(upright), "jpg");
        for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
            byte[] exif = exif(order, type, 6);
            assertEquals(upright.oriented(6), read(pngWith(png, exif, false), 3));
            assertEquals(upright.oriented(6), read(pngWith(png, exif, true), 3));
            byte[] segment = joined("Exif\0\0".getBytes(StandardCharsets.ISO_8859_1), exif);
            assertEquals(read(jpeg, 3).oriented(6), read(Pictures.withSegment(jpeg, 0xE1, segment), 3));
            TiffFile tiff = new TiffFile(12, 8, 3, 8, 1, 2).with(0x112, type, 6);
            assertEquals(
                    upright.oriented(6),
                    read((order == ByteOrder.BIG_ENDIAN ? tiff.bigEndian() : tiff).of(upright.pixels()), 3));
        }
    }

    /** The first frame is put on its canvas; the block behind the frames turns it. */
    @Test
    void webpIsTurnedAndAnimationsGiveTheirFirstFrame() throws IOException {
        byte[] file = Files.readAllBytes(TestData.shared("data/reports/anim.webp"));
        List<Chunk> chunks = new ArrayList<>(RiffChunks.of(file, RiffChunks.HEADER, file.length));
        Image first = WebP.decode(file);
        byte[] turned = joined(
                file,
                "EXIF".getBytes(StandardCharsets.ISO_8859_1),
                RiffChunks.int32(26),
                exif(ByteOrder.BIG_ENDIAN, 3, 6));
        assertEquals(first.oriented(6), read(turned, 3));
        Chunk frame =
                chunks.stream().filter(c -> c.name().equals("ANMF")).findFirst().orElseThrow();
        byte[] moved = file.clone();
        Chunk canvas = chunks.get(0);
        moved[canvas.start() + 4] = (byte) (first.width() + 9);
        moved[canvas.start() + 7] = (byte) (first.height() + 5);
        moved[frame.start()] = 3; // six columns
        moved[frame.start() + 3] = 2; // four rows
        assertEquals(first.placed(6, 4, first.width() + 10, first.height() + 6), read(moved, 3));
        assertEquals(0, read(moved, 3).get(5, 4, 0));
    }

    @Test
    void aFrameOfAGifStandsOnItsScreen() throws IOException {
        Image frame = Pictures.constant(10, 6, 200, 200, 200);
        byte[] gif = Pictures.encode(Pictures.buffered(frame), "gif");
        GifScreen plain = GifScreen.of(gif);
        assertEquals(new GifScreen(10, 6, 0, 0), plain);
        gif[6] = 30;
        gif[8] = 20;
        int descriptor = 13 + (gif[10] < 0 ? 3 << (gif[10] & 7) + 1 : 0);
        while (gif[descriptor] != 0x2C) {
            descriptor++;
        }
        gif[descriptor + 1] = 7;
        gif[descriptor + 3] = 4;
        Image image = read(gif, 3);
        assertEquals(frame.placed(7, 4, 30, 20), image);
        gif[6] = 5; // a screen that is too small for its frame
        assertSize(17, 20, read(gif, 3));
    }

    private static byte[] progressive(Image image) throws IOException {
        BufferedImage picture = Pictures.buffered(image);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Iterator<ImageWriter> i = ImageIO.getImageWritersByFormatName("jpeg"); i.hasNext(); ) {
            ImageWriter writer = i.next();
            if (writer.getClass().getName().startsWith("com.sun.")) {
                ImageWriteParam parameters = writer.getDefaultWriteParam();
                parameters.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
                try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
                    writer.setOutput(stream);
                    writer.write(null, new IIOImage(picture, null, null), parameters);
                }
                writer.dispose();
                break;
            }
        }
        return out.toByteArray();
    }

    @Test
    void aJpegMayLackItsLastMarkerButNothingElse() throws IOException {
        Image picture = Pictures.random(64, 48, 3, 4);
        byte[] baseline = Pictures.encode(Pictures.buffered(picture), "jpg");
        byte[] scans = progressive(picture);
        for (byte[] jpeg : List.of(baseline, scans)) {
            Image whole = read(jpeg, 3);
            assertEquals(whole, read(Arrays.copyOf(jpeg, jpeg.length - 2), 3));
            assertEquals(whole, read(Arrays.copyOf(jpeg, jpeg.length + 40), 3), "zeros behind it");
            for (int length : new int[] {jpeg.length - 30, jpeg.length * 3 / 4, jpeg.length / 2}) {
                assertThrows(IOException.class, () -> read(Arrays.copyOf(jpeg, length), 3), "length " + length);
            }
        }
        // Cut where a scan ends: every marker is whole, but the picture is not.
        for (int at = scans.length - 3; at > scans.length / 2; at--) {
            if (scans[at] == (byte) 0xFF && scans[at + 1] == (byte) 0xDA) {
                int end = at;
                IOException e = assertThrows(IOException.class, () -> read(Arrays.copyOf(scans, end), 3));
                assertTrue(e.getMessage().contains("cut short"), e.getMessage());
            }
        }
    }

    @Test
    void damageBesideThePixelsDoesNoHarm() throws IOException {
        byte[] jpeg = Pictures.encode(Pictures.buffered(Pictures.gradient(40, 30)), "jpg");
        Image whole = read(jpeg, 3);
        byte[] profile = "ICC_PROFILE\0\1\1".getBytes(StandardCharsets.ISO_8859_1);
        assertEquals(whole, read(Pictures.withSegment(jpeg, 0xE2, profile), 3));
        byte[] nonsense = new byte[60];
        Arrays.fill(nonsense, (byte) 0x5A);
        for (int marker : new int[] {0xE0, 0xE1, 0xE2, 0xE8, 0xED, 0xEF, 0xFE}) {
            byte[] damaged = Pictures.withSegment(jpeg, marker, nonsense);
            assertEquals(whole, read(damaged, 3), "marker " + marker);
            for (int length : new int[] {2, 40, 70, 200}) {
                damaged[5] = (byte) length; // it has 62 bytes
                assertEquals(whole, read(damaged, 3), "marker " + marker + " of length " + length);
            }
        }
        byte[] exif = joined("Exif\0\0".getBytes(StandardCharsets.ISO_8859_1), exif(ByteOrder.LITTLE_ENDIAN, 3, 3));
        exif[14] = 77; // more entries than there are
        assertEquals(whole.oriented(3), read(Pictures.withSegment(jpeg, 0xE1, exif), 3));
    }

    @Test
    void headersOfTiffsAreReadWhateverTheyHold() {
        byte[] exif = exif(ByteOrder.LITTLE_ENDIAN, 3, 6);
        assertEquals(6, new TiffDirectory(exif, 0, exif.length).orientation());
        for (int length = 0; length < 20; length++) {
            assertEquals(1, new TiffDirectory(exif, 0, length).orientation(), "length " + length);
        }
        for (int at = 0; at < exif.length; at++) {
            for (int value : new int[] {0, 0x7F, 0xFF}) {
                byte[] damaged = exif.clone();
                damaged[at] = (byte) value;
                int orientation = new TiffDirectory(damaged, 0, damaged.length).orientation();
                assertTrue(orientation >= 1 && orientation <= 8);
            }
        }
        assertArrayEquals(new byte[] {1, 1, 0, 0}, RiffChunks.int32(257));
    }
}
