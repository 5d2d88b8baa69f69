package io.github.vicmae.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.data.Pictures;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Base64;
import java.util.Iterator;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReaderTest {
    @TempDir
    Path dir;

    private static int maxDifference(Image a, Image b) {
        assertEquals(a.width(), b.width());
        assertEquals(a.height(), b.height());
        assertEquals(a.channels(), b.channels());
        int max = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            max = Math.max(max, Math.abs((a.pixels()[i] & 0xFF) - (b.pixels()[i] & 0xFF)));
        }
        return max;
    }

    private IOException refused(Path path) {
        IOException e = assertThrows(IOException.class, () -> ImageReader.read(path, 3));
        assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
        return e;
    }

    @ParameterizedTest
    @ValueSource(strings = {"png", "bmp", "tiff"})
    void losslessFormatsComeBackExactly(String format) throws IOException {
        Image image = Pictures.random(13, 7, 3, 1);
        Path path = Pictures.write(dir.resolve("a." + format), Pictures.buffered(image), format);
        assertEquals(image, ImageReader.read(path, 3));
    }

    @Test
    void aJpegComesBackAlmost() throws IOException {
        Image image = Pictures.gradient(48, 32);
        Path path = Pictures.write(dir.resolve("a.jpg"), Pictures.buffered(image), "jpg");
        assertTrue(maxDifference(image, ImageReader.read(path, 3)) < 24);
    }

    /** A lossy WebP of one pixel. */
    @Test
    void webpIsRead() throws IOException {
        byte[] bytes = Base64.getDecoder().decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA");
        Image image = ImageReader.read(Files.write(dir.resolve("a.webp"), bytes), 3);
        assertEquals(1, image.width());
        assertEquals(1, image.height());
        refused(Files.write(dir.resolve("cut.webp"), Arrays.copyOf(bytes, 16)));
    }

    @Test
    void aGrayJpegKeepsItsLevels() throws IOException {
        BufferedImage gray = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 256; i++) {
            gray.getRaster().setSample(i % 16, i / 16, 0, 100);
        }
        Path path = Pictures.write(dir.resolve("gray.jpg"), gray, "jpg");
        assertEquals(Pictures.constant(16, 16, 100, 100, 100), ImageReader.read(path, 3));
        assertEquals(Pictures.constant(16, 16, 100), ImageReader.read(path, 1));
    }

    @Test
    void exifTurnsThePicture() throws IOException {
        Image image = Pictures.gradient(48, 32);
        byte[] jpeg = Pictures.encode(Pictures.buffered(image), "jpg");
        Path plain = Files.write(dir.resolve("plain.jpg"), jpeg);
        Image upright = ImageReader.read(plain, 3);
        for (int orientation = 1; orientation <= 8; orientation++) {
            for (boolean little : new boolean[] {true, false}) {
                Path path = dir.resolve("o" + orientation + little + ".jpg");
                Files.write(path, Pictures.withSegment(jpeg, 0xE1, exif(orientation, little)));
                Image expected = upright.oriented(orientation);
                // Another decoder may be chosen for a file with such a marker: it may round differently.
                assertTrue(maxDifference(expected, ImageReader.read(path, 3)) <= 4, "orientation " + orientation);
            }
        }
    }

    /** Cameras write EXIF and no JFIF; the frame says as well that the colours are YCbCr. */
    @Test
    void aCamerasJpegHasTheSamePixels() throws IOException {
        byte[] jfif = Pictures.encode(Pictures.buffered(Pictures.gradient(48, 32)), "jpg");
        int end = 4 + (jfif[4] & 0xFF) * 256 + (jfif[5] & 0xFF); // of the APP0 segment behind the first marker
        byte[] bare = new byte[jfif.length - end + 2];
        System.arraycopy(jfif, 0, bare, 0, 2);
        System.arraycopy(jfif, end, bare, 2, bare.length - 2);
        byte[] camera = Pictures.withSegment(bare, 0xE1, exif(1, true));
        assertFalse(JpegHeader.parse(camera).jfif());
        assertTrue(JpegHeader.parse(camera).plain());
        Image expected = ImageReader.read(Files.write(dir.resolve("jfif.jpg"), jfif), 3);
        assertEquals(expected, ImageReader.read(Files.write(dir.resolve("camera.jpg"), camera), 3));
        camera[indexOfFrame(camera) + 10] = 'R'; // a component of RGB
        assertFalse(JpegHeader.parse(camera).plain());
    }

    private static int indexOfFrame(byte[] jpeg) {
        for (int i = 0; ; i++) {
            if (jpeg[i] == (byte) 0xFF && jpeg[i + 1] == (byte) 0xC0) {
                return i;
            }
        }
    }

    private static byte[] exif(int orientation, boolean little) {
        ByteBuffer out = ByteBuffer.allocate(6 + 8 + 2 + 12 + 4);
        out.put("Exif\0\0".getBytes(StandardCharsets.ISO_8859_1));
        out.order(little ? java.nio.ByteOrder.LITTLE_ENDIAN : java.nio.ByteOrder.BIG_ENDIAN);
        out.put((little ? "II" : "MM").getBytes(StandardCharsets.ISO_8859_1));
        out.putShort((short) 42).putInt(8).putShort((short) 1);
        out.putShort((short) 0x0112)
                .putShort((short) 3)
                .putInt(1)
                .putShort((short) orientation)
                .putShort((short) 0);
        out.putInt(0);
        return out.array();
    }

    /** Four components under Adobe's marker, all inverted: CMYK (transform 0), and YCCK (transform 2), where 255 - Y is the light. */
    @Test
    void cmykAndYcckBecomeRgb() throws IOException {
        Path cmyk = Files.write(dir.resolve("cmyk.jpg"), adobe(0, 240, 40, 40, 255));
        Image red = ImageReader.read(cmyk, 3);
        assertTrue(red.get(8, 8, 0) > 180 && red.get(8, 8, 1) < 90 && red.get(8, 8, 2) < 90, () -> colour(red));
        Path ycck = Files.write(dir.resolve("ycck.jpg"), adobe(2, 55, 128, 128, 255));
        Image gray = ImageReader.read(ycck, 3);
        for (int c = 0; c < 3; c++) {
            assertEquals(200, gray.get(8, 8, c), 25, () -> colour(gray));
        }
    }

    private static String colour(Image image) {
        return image.get(8, 8, 0) + " " + image.get(8, 8, 1) + " " + image.get(8, 8, 2);
    }

    static byte[] adobe(int transform, int... components) throws IOException {
        WritableRaster raster = Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, 16, 16, 4, null);
        for (int i = 0; i < 256; i++) {
            raster.setPixel(i % 16, i / 16, components);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Iterator<ImageWriter> i = ImageIO.getImageWritersByFormatName("jpeg"); i.hasNext(); ) {
            ImageWriter writer = i.next();
            if (writer.getClass().getName().startsWith("com.sun.")) {
                try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
                    writer.setOutput(stream);
                    writer.write(new IIOImage(raster, null, null));
                }
                writer.dispose();
                break;
            }
        }
        byte[] marker = {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, (byte) transform};
        return Pictures.withSegment(out.toByteArray(), 0xEE, marker);
    }

    @Test
    void sixteenBitsAreRounded() throws IOException {
        ComponentColorModel model = new ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_sRGB), false, false, Transparency.OPAQUE, DataBuffer.TYPE_USHORT);
        WritableRaster raster = model.createCompatibleWritableRaster(2, 1);
        raster.setPixel(0, 0, new int[] {65535, 257 * 100, 257 * 3 + 100});
        raster.setPixel(1, 0, new int[] {0, 128, 129});
        Path path = Pictures.write(dir.resolve("w.png"), new BufferedImage(model, raster, false, null), "png");
        assertArrayEquals(
                new byte[] {(byte) 255, 100, 3, 0, 0, 1},
                ImageReader.read(path, 3).pixels());
        BufferedImage gray = new BufferedImage(1, 1, BufferedImage.TYPE_USHORT_GRAY);
        gray.getRaster().setSample(0, 0, 0, 257 * 77);
        Path grayPath = Pictures.write(dir.resolve("g.png"), gray, "png");
        assertEquals(Pictures.constant(1, 1, 77, 77, 77), ImageReader.read(grayPath, 3));
    }

    @Test
    void palettesAreLookedUp() throws IOException {
        // The JDK's BMP encoder scrambles palettes of up to 16 colours.
        byte[] red = new byte[20];
        byte[] green = new byte[20];
        byte[] blue = new byte[20];
        System.arraycopy(new byte[] {10, (byte) 200, 30}, 0, red, 0, 3);
        System.arraycopy(new byte[] {20, 40, (byte) 250}, 0, green, 0, 3);
        System.arraycopy(new byte[] {0, 60, 70}, 0, blue, 0, 3);
        IndexColorModel palette = new IndexColorModel(8, 20, red, green, blue);
        BufferedImage picture = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_INDEXED, palette);
        picture.getRaster().setSamples(0, 0, 3, 1, 0, new int[] {2, 0, 1});
        byte[] expected = {30, (byte) 250, 70, 10, 20, 0, (byte) 200, 40, 60};
        for (String format : new String[] {"png", "gif", "bmp"}) {
            Path path = Pictures.write(dir.resolve("p." + format), picture, format);
            assertArrayEquals(expected, ImageReader.read(path, 3).pixels(), format);
        }
    }

    @Test
    void alphaIsDroppedOrKept() throws IOException {
        BufferedImage picture = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
        picture.setRGB(0, 0, 0x40C86432);
        Path path = Pictures.write(dir.resolve("alpha.png"), picture, "png");
        assertEquals(Pictures.constant(1, 1, 200, 100, 50), ImageReader.read(path, 3));
        assertEquals(Pictures.constant(1, 1, 200, 100, 50, 64), ImageReader.read(path, 4));
        assertEquals(Pictures.constant(1, 1, 124, 64), ImageReader.read(path, 2));
        ComponentColorModel model = new ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_GRAY),
                true,
                false,
                Transparency.TRANSLUCENT,
                DataBuffer.TYPE_BYTE);
        WritableRaster raster = model.createCompatibleWritableRaster(1, 1);
        raster.setPixel(0, 0, new int[] {90, 20});
        Path gray = Pictures.write(dir.resolve("la.png"), new BufferedImage(model, raster, false, null), "png");
        assertEquals(Pictures.constant(1, 1, 90, 20), ImageReader.read(gray, 2));
        assertEquals(Pictures.constant(1, 1, 90, 90, 90), ImageReader.read(gray, 3));
    }

    @Test
    void absurdSizesAreRefusedBeforeDecoding() throws IOException {
        ByteBuffer png = ByteBuffer.allocate(8 + 25);
        png.put(new byte[] {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10});
        png.putInt(13)
                .put("IHDR".getBytes(StandardCharsets.ISO_8859_1))
                .putInt(100_000)
                .putInt(100_000);
        png.put(new byte[] {8, 2, 0, 0, 0});
        CRC32 crc = new CRC32();
        crc.update(png.array(), 12, 17);
        png.putInt((int) crc.getValue());
        Path bomb = Files.write(dir.resolve("bomb.png"), png.array());
        assertTrue(refused(bomb).getMessage().contains("100000 x 100000"));
        byte[] jpeg = Pictures.encode(Pictures.buffered(Pictures.gradient(16, 16)), "jpg");
        for (int i = 0; i + 8 < jpeg.length; i++) {
            if (jpeg[i] == (byte) 0xFF && jpeg[i + 1] == (byte) 0xC0) {
                Arrays.fill(jpeg, i + 5, i + 9, (byte) 0xFF);
                break;
            }
        }
        Path huge = Files.write(dir.resolve("huge.jpg"), jpeg);
        assertTrue(refused(huge).getMessage().contains("65535 x 65535"));
    }

    @Test
    void damagedFilesAreRefusedWithAReason() throws IOException {
        byte[] jpeg = Pictures.encode(Pictures.buffered(Pictures.random(64, 64, 3, 2)), "jpg");
        for (int length : new int[] {3, 20, 200, jpeg.length / 2, jpeg.length - 100}) {
            refused(Files.write(dir.resolve("cut" + length + ".jpg"), Arrays.copyOf(jpeg, length)));
        }
        byte[] png = Pictures.encode(Pictures.buffered(Pictures.random(64, 64, 3, 2)), "png");
        for (int length : new int[] {8, 40, png.length / 2}) {
            refused(Files.write(dir.resolve("cut" + length + ".png"), Arrays.copyOf(png, length)));
        }
        assertTrue(refused(Files.write(dir.resolve("empty.png"), new byte[0]))
                .getMessage()
                .contains("empty"));
        refused(Files.writeString(dir.resolve("text.jpg"), "This is not a picture."));
        assertTrue(refused(Files.createDirectory(dir.resolve("folder.jpg")))
                .getMessage()
                .contains("folder"));
        assertTrue(refused(dir.resolve("missing.png")).getMessage().contains("no such file"));
    }

    /** Whatever bytes come, the answer is a picture or an IOException. */
    @Test
    void flippedBytesNeverEscapeAsOtherErrors() throws IOException {
        long seed = 5;
        java.util.Random random = new java.util.Random(seed);
        for (String format : new String[] {"jpg", "png", "gif", "bmp", "tiff"}) {
            byte[] sound = Pictures.encode(Pictures.buffered(Pictures.gradient(24, 24)), format);
            for (int trial = 0; trial < 60; trial++) {
                byte[] bytes = sound.clone();
                for (int i = 0; i < 1 + trial % 8; i++) {
                    bytes[random.nextInt(Math.min(bytes.length, 300))] = (byte) random.nextInt();
                }
                Path path = Files.write(dir.resolve("f." + format), bytes);
                try {
                    Image image = ImageReader.read(path, 3);
                    assertEquals(3, image.channels());
                } catch (IOException e) {
                    assertTrue(e.getMessage().contains(path.toString()), "seed " + seed + ": " + e.getMessage());
                }
            }
        }
    }

    @Test
    void aFileWithoutPermissionIsRefused() throws IOException {
        Path path = Pictures.write(dir.resolve("a.png"), Pictures.buffered(Pictures.gradient(4, 4)), "png");
        assumeTrue(Files.getFileAttributeView(path, PosixFileAttributeView.class) != null, "no POSIX permissions here");
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("---------"));
        assumeTrue(!Files.isReadable(path), "this user may read everything");
        assertTrue(refused(path).getMessage().contains("permission"));
    }

    @Test
    void orientationsAreTheSymmetriesOfTheRectangle() {
        Image image = Pictures.random(5, 3, 2, 7);
        Image turned = image.oriented(6);
        assertEquals(3, turned.width());
        assertEquals(5, turned.height());
        // Turned clockwise, the lower left corner comes to the upper left.
        assertEquals(image.get(0, 2, 0), turned.get(0, 0, 0));
        assertEquals(image.get(0, 0, 0), turned.get(2, 0, 0));
        assertEquals(image, turned.oriented(8));
        assertEquals(image.oriented(3), turned.oriented(6));
        assertEquals(image.oriented(5), image.oriented(2).oriented(8));
        assertEquals(image.oriented(7), image.oriented(2).oriented(6));
        for (int own : new int[] {2, 3, 4, 5, 7}) {
            assertEquals(image, image.oriented(own).oriented(own));
        }
        assertEquals(image.oriented(3), image.oriented(2).oriented(4));
    }
}
