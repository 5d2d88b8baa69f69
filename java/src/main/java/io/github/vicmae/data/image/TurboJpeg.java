package io.github.vicmae.data.image;

import static org.bytedeco.leptonica.global.leptonica.L_SEVERITY_NONE;
import static org.bytedeco.leptonica.global.leptonica.pixDestroy;
import static org.bytedeco.leptonica.global.leptonica.pixReadMemJpeg;
import static org.bytedeco.leptonica.global.leptonica.setMsgSeverity;

import io.github.vicmae.device.JavaCppLimits;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.leptonica.PIX;

/**
 * libjpeg-turbo, as Leptonica brings it: the same pixels as the JDK's decoder, in less than half of its time. It takes what is plain and whole;
 * everything else is left to the other decoders, which know what to make of it.
 */
final class TurboJpeg {
    private static final boolean LOADED = load();
    private static final VarHandle WORDS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int GRAY_DEPTH = 8;
    private static final int RGB_DEPTH = 32;
    private static final int RGB = 0xFFFFFF;

    private TurboJpeg() {}

    private static boolean load() {
        JavaCppLimits.lift();
        try {
            setMsgSeverity(L_SEVERITY_NONE);
            return true;
        } catch (LinkageError e) {
            return false; // not in this distribution: the JDK's decoder gives the same pixels
        }
    }

    /**
     * Decodes a file.
     *
     * @param reduction 1, or 2, 4 or 8 for so many times fewer columns and rows, rounded up: of every block of 8 x 8 pixels only the lower
     *     frequencies are transformed
     * @return null if the library is not there, or finds anything wrong with the file
     */
    static Image decode(byte[] file, int reduction) {
        if (!LOADED) {
            return null;
        }
        try (BytePointer bytes = new BytePointer(file);
                IntPointer warnings = new IntPointer(1).put(0)) {
            PIX picture = pixReadMemJpeg(bytes, file.length, 0, reduction, warnings, 0);
            if (picture == null || picture.isNull()) {
                return null;
            }
            try {
                return warnings.get() > 0 ? null : image(picture);
            } finally {
                pixDestroy(picture);
            }
        }
    }

    /** The pixels of a picture of 8 bits, gray, or of 32, red in the highest byte. */
    private static Image image(PIX picture) {
        int width = picture.w();
        int height = picture.h();
        int depth = picture.d();
        if (depth != GRAY_DEPTH && depth != RGB_DEPTH) {
            return null;
        }
        int words = picture.wpl();
        IntBuffer data = picture.data().capacity((long) words * height).asBuffer();
        int channels = depth == GRAY_DEPTH ? 1 : 3;
        byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), channels)];
        int[] row = new int[words];
        int at = 0;
        for (int y = 0; y < height; y++) {
            data.get(y * words, row);
            if (channels == 1) {
                for (int x = 0; x < width; x++) {
                    pixels[at++] = (byte) (row[x / 4] >>> 24 - 8 * (x % 4));
                }
            } else {
                at = putColours(row, width, pixels, at);
            }
        }
        return new Image(width, height, channels, pixels);
    }

    /** Writes a row's pixels, four of them as three words, since single bytes would take half as long as decoding. */
    private static int putColours(int[] row, int width, byte[] pixels, int from) {
        int at = from;
        int x = 0;
        for (; x + 4 <= width; x += 4) {
            int a = Integer.reverseBytes(row[x]) & RGB;
            int b = Integer.reverseBytes(row[x + 1]) & RGB;
            int c = Integer.reverseBytes(row[x + 2]) & RGB;
            int d = Integer.reverseBytes(row[x + 3]) & RGB;
            WORDS.set(pixels, at, a | b << 24);
            WORDS.set(pixels, at + 4, b >>> 8 | c << 16);
            WORDS.set(pixels, at + 8, c >>> 16 | d << 8);
            at += 12;
        }
        for (; x < width; x++) {
            pixels[at++] = (byte) (row[x] >>> 24);
            pixels[at++] = (byte) (row[x] >> 16);
            pixels[at++] = (byte) (row[x] >> 8);
        }
        return at;
    }
}
