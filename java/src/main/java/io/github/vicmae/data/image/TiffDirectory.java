package io.github.vicmae.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Whole numbers in the first directory of a TIFF structure (TIFF 6.0, BigTIFF), which is also what an EXIF block is. A damaged structure has
 * none.
 */
final class TiffDirectory {
    static final int ORIENTATION = 0x0112;
    static final int SAMPLE_FORMAT = 0x0153;

    /** Upright: what a picture without the tag is. */
    static final int UPRIGHT = 1;

    private static final int BIG = 43;

    private final ByteBuffer tiff;
    private final boolean big;

    /**
     * @param start of the structure in {@code bytes}
     * @param end behind its last byte
     */
    TiffDirectory(byte[] bytes, int start, int end) {
        int from = Math.max(0, Math.min(start, bytes.length));
        tiff = ByteBuffer.wrap(bytes, from, Math.max(0, Math.min(end, bytes.length) - from))
                .slice();
        tiff.order(tiff.limit() > 0 && tiff.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        big = tiff.limit() >= 16 && tiff.getShort(2) == BIG;
    }

    /** Whether bytes begin as a TIFF file does. */
    static boolean isTiff(byte[] bytes) {
        if (bytes.length < 8 || bytes[0] != bytes[1] || bytes[0] != 'I' && bytes[0] != 'M') {
            return false;
        }
        int version = bytes[0] == 'I' ? bytes[2] | bytes[3] << 8 : bytes[3] | bytes[2] << 8;
        return version == 42 || version == BIG;
    }

    /** EXIF's orientation, 1 to 8; {@link #UPRIGHT} if it is missing or makes no sense. */
    int orientation() {
        long value = value(ORIENTATION, UPRIGHT);
        return value >= 1 && value <= 8 ? (int) value : UPRIGHT;
    }

    /** The first number of a tag, in whatever integer type it is stored, or {@code missing}. */
    long value(int tag, long missing) {
        int header = big ? 16 : 8;
        if (tiff.limit() < header) {
            return missing;
        }
        long directory = big ? tiff.getLong(8) : tiff.getInt(4) & 0xFFFFFFFFL;
        int countBytes = big ? 8 : 2;
        int entryBytes = big ? 20 : 12;
        if (directory < header || directory > tiff.limit() - countBytes) {
            return missing;
        }
        long entries = big ? tiff.getLong((int) directory) : tiff.getShort((int) directory) & 0xFFFF;
        for (long i = 0; i >= 0 && i < entries; i++) {
            long entry = directory + countBytes + entryBytes * i;
            if (entry + entryBytes > tiff.limit()) {
                return missing;
            }
            if ((tiff.getShort((int) entry) & 0xFFFF) == tag) {
                return entryValue((int) entry, missing);
            }
        }
        return missing;
    }

    private long entryValue(int entry, long missing) {
        int type = tiff.getShort(entry + 2) & 0xFFFF;
        long count = big ? tiff.getLong(entry + 4) : tiff.getInt(entry + 4) & 0xFFFFFFFFL;
        int size = bytes(type);
        int room = big ? 8 : 4;
        long at = entry + (big ? 12 : 8);
        if (count < 1 || size == 0) {
            return missing;
        }
        if (count > room / size) { // the entry holds the place of the values
            at = big ? tiff.getLong((int) at) : tiff.getInt((int) at) & 0xFFFFFFFFL;
        }
        if (at < 0 || at > tiff.limit() - size) {
            return missing;
        }
        int place = (int) at;
        return switch (type) {
            case 1, 7 -> tiff.get(place) & 0xFF;
            case 6 -> tiff.get(place);
            case 3 -> tiff.getShort(place) & 0xFFFF;
            case 8 -> tiff.getShort(place);
            case 4, 13 -> tiff.getInt(place) & 0xFFFFFFFFL;
            case 9 -> tiff.getInt(place);
            default -> tiff.getLong(place);
        };
    }

    /** Bytes of a value of an integer type (byte, short, long, signed ones, undefined, 64-bit ones), 0 for other types. */
    private static int bytes(int type) {
        return switch (type) {
            case 1, 6, 7 -> 1;
            case 3, 8 -> 2;
            case 4, 9, 13 -> 4;
            case 16, 17, 18 -> 8;
            default -> 0;
        };
    }
}
