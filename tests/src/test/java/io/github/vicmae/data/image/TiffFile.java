package io.github.vicmae.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Builds TIFF files of one uncompressed strip, with any tags, in both byte orders, also BigTIFF. */
final class TiffFile {
    private static final int BYTE = 1;
    static final int SHORT = 3;
    static final int LONG = 4;

    private record Tag(int number, int type, int[] values) {}

    private final int width;
    private final int height;
    private final List<Tag> tags = new ArrayList<>();
    private ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    private boolean big;

    /**
     * @param bits of a sample
     * @param format 1 unsigned, 2 signed, 3 float
     * @param photometric 1 gray, 2 RGB, 5 CMYK
     */
    TiffFile(int width, int height, int channels, int bits, int format, int photometric) {
        this.width = width;
        this.height = height;
        with(256, LONG, width).with(257, LONG, height).with(259, SHORT, 1).with(262, SHORT, photometric);
        with(277, SHORT, channels).with(278, LONG, height);
        int[] each = new int[channels];
        Arrays.fill(each, bits);
        with(258, SHORT, each);
        int[] formats = new int[channels];
        Arrays.fill(formats, format);
        with(339, SHORT, formats);
    }

    TiffFile with(int tag, int type, int... values) {
        tags.add(new Tag(tag, type, values));
        return this;
    }

    TiffFile bigEndian() {
        order = ByteOrder.BIG_ENDIAN;
        return this;
    }

    TiffFile big() {
        big = true;
        return this;
    }

    ByteOrder order() {
        return order;
    }

    /** The file of these samples, in its byte order. */
    byte[] of(byte[] samples) {
        int header = big ? 16 : 8;
        with(273, LONG, header).with(279, LONG, samples.length);
        tags.sort((a, b) -> Integer.compare(a.number, b.number));
        int directory = header + (samples.length + 15) / 16 * 16;
        int extra = directory + (big ? 8 + 20 * tags.size() + 8 : 2 + 12 * tags.size() + 4);
        ByteBuffer out = ByteBuffer.allocate(extra + 64 * tags.size()).order(order);
        out.put((byte) (order == ByteOrder.LITTLE_ENDIAN ? 'I' : 'M')).put(out.get(0));
        if (big) {
            out.putShort((short) 43).putShort((short) 8).putShort((short) 0).putLong(directory);
        } else {
            out.putShort((short) 42).putInt(directory);
        }
        out.put(samples).position(directory);
        putCount(out, tags.size());
        for (Tag tag : tags) {
            int size = size(tag.type) * tag.values.length;
            int room = big ? 8 : 4;
            out.putShort((short) tag.number).putShort((short) tag.type);
            if (big) {
                out.putLong(tag.values.length);
            } else {
                out.putInt(tag.values.length);
            }
            int next = out.position() + room;
            if (size > room) {
                if (big) {
                    out.putLong(extra);
                } else {
                    out.putInt(extra);
                }
                out.position(extra);
                extra += size;
            }
            for (int value : tag.values) {
                put(out, tag.type, value);
            }
            out.position(next);
        }
        return out.array();
    }

    private void putCount(ByteBuffer out, int count) {
        if (big) {
            out.putLong(count);
        } else {
            out.putShort((short) count);
        }
    }

    private static int size(int type) {
        return type == BYTE || type == 6 ? 1 : type == SHORT || type == 8 ? 2 : 4;
    }

    private static void put(ByteBuffer out, int type, int value) {
        switch (size(type)) {
            case 1 -> out.put((byte) value);
            case 2 -> out.putShort((short) value);
            default -> out.putInt(value);
        }
    }
}
