package io.github.vicmae.data.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What the markers of a JPEG file say before its first scan (ITU-T T.81, annex B): enough to choose a decoder and to refuse absurd sizes.
 *
 * @param components colour components of the frame
 * @param orientation EXIF's orientation, 1 if the file has none
 * @param plain whether the file is a JFIF without an Adobe marker or a colour profile, so that its colours are surely luma or YCbCr
 */
record JpegHeader(int width, int height, int components, int orientation, boolean plain) {
    private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] JFIF = "JFIF\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] ICC = "ICC_PROFILE\0".getBytes(StandardCharsets.ISO_8859_1);

    static boolean isJpeg(byte[] file) {
        return file.length > 3 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8 && file[2] == (byte) 0xFF;
    }

    /** @throws IOException if no frame header is found before the file's end or its first scan */
    static JpegHeader parse(byte[] file) throws IOException {
        int orientation = 1;
        boolean jfif = false;
        boolean special = false;
        int at = 2;
        while (at + 4 <= file.length) {
            if (file[at] != (byte) 0xFF) {
                at++;
                continue;
            }
            int marker = file[at + 1] & 0xFF;
            if (marker == 0xFF) {
                at++;
                continue;
            }
            if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) {
                at += 2;
                continue;
            }
            if (marker == 0xD9 || marker == 0xDA) {
                break;
            }
            int length = word(file, at + 2);
            int start = at + 4;
            int end = Math.min(file.length, at + 2 + length);
            if (isFrame(marker)) {
                if (end - start < 6) {
                    break;
                }
                return new JpegHeader(
                        word(file, start + 3),
                        word(file, start + 1),
                        file[start + 5] & 0xFF,
                        orientation,
                        jfif && !special);
            }
            if (marker == 0xE0 && startsWith(file, start, end, JFIF)) {
                jfif = true;
            } else if (marker == 0xE1 && startsWith(file, start, end, EXIF)) {
                orientation = orientation(file, start + EXIF.length, end);
            } else if (marker == 0xEE || (marker == 0xE2 && startsWith(file, start, end, ICC))) {
                special = true;
            }
            at += 2 + Math.max(2, length);
        }
        throw new IOException("the JPEG ends before its frame header");
    }

    private static boolean isFrame(int marker) {
        return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    }

    private static int word(byte[] file, int at) {
        return at + 1 < file.length ? (file[at] & 0xFF) << 8 | file[at + 1] & 0xFF : 0;
    }

    private static boolean startsWith(byte[] file, int start, int end, byte[] prefix) {
        if (end - start < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (file[start + i] != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    /** The orientation in the first directory of an EXIF block, 1 if it is missing or the block is damaged. */
    private static int orientation(byte[] file, int start, int end) {
        if (end - start < 14) {
            return 1;
        }
        ByteBuffer tiff = ByteBuffer.wrap(file, start, end - start).slice();
        tiff.order(tiff.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        long directory = tiff.getInt(4) & 0xFFFFFFFFL;
        if (directory + 2 > tiff.limit()) {
            return 1;
        }
        int entries = tiff.getShort((int) directory) & 0xFFFF;
        for (int i = 0; i < entries; i++) {
            long entry = directory + 2 + 12L * i;
            if (entry + 12 > tiff.limit()) {
                return 1;
            }
            if ((tiff.getShort((int) entry) & 0xFFFF) == 0x0112) {
                int value = tiff.getShort((int) entry + 8) & 0xFFFF;
                return value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }
}
