package io.github.vicmae.data.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The markers of a JPEG file (ITU-T T.81, annex B): enough to choose a decoder, to refuse absurd sizes and files that are cut short, and to
 * leave out what decoders stumble over.
 *
 * @param components colour components of the frame
 * @param orientation EXIF's orientation, 1 if the file has none
 * @param jfif whether the file is a JFIF
 * @param camera whether the frame looks like a camera's, whose files have EXIF in place of JFIF: components 1, 2 and 3, of which the latter two, chroma,
 *     have fewer samples
 * @param transform what Adobe's marker says of the colours: 0 none, 1 YCbCr, 2 YCCK; -1 without the marker
 * @param ended whether the file's last marker is there
 * @param complete whether every part of every component has been sent, as far as the headers of the scans tell
 */
record JpegHeader(
        int width,
        int height,
        int components,
        int orientation,
        boolean jfif,
        boolean camera,
        int transform,
        boolean ended,
        boolean complete) {
    private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] JFIF = "JFIF\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] ADOBE = "Adobe".getBytes(StandardCharsets.ISO_8859_1);
    /** The start-of-image marker, and a minimal JFIF segment, which only says that the file is a JFIF. */
    private static final byte[] START = {(byte) 0xFF, (byte) 0xD8};

    private static final byte[] PLAIN_JFIF = {
        (byte) 0xFF, (byte) 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0
    };
    private static final byte[] END = {(byte) 0xFF, (byte) 0xD9};

    private static final int APP0 = 0xE0;
    private static final int APP1 = 0xE1;
    private static final int APP14 = 0xEE;
    private static final int COMMENT = 0xFE;
    private static final int SCAN = 0xDA;
    private static final int END_OF_IMAGE = 0xD9;

    static boolean isJpeg(byte[] file) {
        return file.length > 3 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8 && file[2] == (byte) 0xFF;
    }

    /** Columns of the picture as it is meant to be seen. */
    int shownWidth() {
        return isTransposed() ? height : width;
    }

    /** Rows of the picture as it is meant to be seen. */
    int shownHeight() {
        return isTransposed() ? width : height;
    }

    private boolean isTransposed() {
        return orientation >= 5 && orientation <= 8;
    }

    /** Whether the colours are luma or YCbCr for sure. */
    boolean plain() {
        return (jfif || camera) && transform < 0 && (components == 1 || components == 3);
    }

    /** @throws IOException if no frame header is found before the file's end or its first scan */
    static JpegHeader parse(byte[] file) throws IOException {
        int orientation = TiffDirectory.UPRIGHT;
        boolean jfif = false;
        int transform = -1;
        int frame = -1;
        JpegScans scans = null;
        boolean ended = false;
        for (int at = marker(file, 2); at >= 0 && !ended; ) {
            int marker = file[at + 1] & 0xFF;
            int start = at + 4;
            int end = end(file, at);
            if (marker == END_OF_IMAGE) {
                ended = true;
            } else if (isFrame(marker) && end - start >= 6 && frame < 0) {
                frame = start;
                scans = new JpegScans(file, start, end, marker);
            } else if (marker == APP0 && startsWith(file, start, end, JFIF)) {
                jfif = true;
            } else if (marker == APP1 && startsWith(file, start, end, EXIF) && orientation == TiffDirectory.UPRIGHT) {
                orientation = new TiffDirectory(file, start + EXIF.length, end).orientation();
            } else if (marker == APP14 && startsWith(file, start, end, ADOBE) && end - start >= 12) {
                transform = file[start + 11] & 0xFF;
            } else if (marker == SCAN) {
                if (scans == null) {
                    break;
                }
                scans.add(file, start, end);
            }
            at = marker(file, end);
        }
        if (frame < 0) {
            throw new IOException("the JPEG ends before its frame header");
        }
        return new JpegHeader(
                word(file, frame + 3),
                word(file, frame + 1),
                file[frame + 5] & 0xFF,
                orientation,
                jfif,
                isCamera(file, frame),
                transform,
                ended,
                scans.areComplete());
    }

    private static boolean isCamera(byte[] file, int frame) {
        int components = frame + 6; // three bytes each: number, sampling factors, table
        if (file[frame + 5] != 3 || components + 9 > file.length) {
            return false;
        }
        boolean numbered = true;
        for (int c = 0; c < 3; c++) {
            numbered &= file[components + 3 * c] == c + 1;
        }
        byte luma = file[components + 1];
        byte blue = file[components + 4];
        return numbered && blue == file[components + 7] && blue == 0x11 && luma != 0x11;
    }

    /**
     * The file without the segments that pixels do not need and that may be damaged (profiles, EXIF, previews, comments), with an end marker.
     *
     * @return the same array where there is nothing to be done
     */
    byte[] cleaned(byte[] file) {
        ByteArrayOutputStream out = null;
        int kept = 2;
        int at = marker(file, 2);
        while (at >= 0) {
            int marker = file[at + 1] & 0xFF;
            if (marker == SCAN || marker == END_OF_IMAGE) {
                break;
            }
            int end = end(file, at);
            boolean adobe = marker == APP14 && startsWith(file, at + 4, end, ADOBE);
            boolean drop = marker == COMMENT || marker >= APP0 && marker <= 0xEF && !adobe;
            int next = marker(file, end);
            if (drop && !(marker == APP0 && isPlainJfif(file, at, end))) {
                out = out == null ? begin() : out;
                out.write(file, kept, at - kept);
                kept = next < 0 ? file.length : next;
            }
            at = next;
        }
        if (out == null && ended) {
            return file;
        }
        if (out == null) {
            out = new ByteArrayOutputStream(file.length + 2);
            out.writeBytes(START);
        }
        out.write(file, kept, file.length - kept);
        if (!ended) {
            out.writeBytes(END);
        }
        return out.toByteArray();
    }

    private ByteArrayOutputStream begin() {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 16);
        out.writeBytes(START);
        if (jfif) {
            out.writeBytes(PLAIN_JFIF);
        }
        return out;
    }

    /** A JFIF segment that may stay, as long as nothing before it is dropped. */
    private static boolean isPlainJfif(byte[] file, int at, int end) {
        return at == 2 && end - at == PLAIN_JFIF.length && startsWith(file, at + 4, end, JFIF);
    }

    private static boolean isFrame(int marker) {
        return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    }

    /** Whether a marker has a length and content: no restart marker, no start of another image, nothing reserved. */
    private static boolean isSegment(int marker) {
        return marker >= 0xC0 && marker != END_OF_IMAGE && (marker < 0xD0 || marker > 0xD8) && marker != 0xFF;
    }

    /** The next marker with content, or the end's, from a place on; -1 if there is none. */
    private static int marker(byte[] file, int from) {
        for (int at = from; at + 1 < file.length; at++) {
            int marker = file[at + 1] & 0xFF;
            if (file[at] == (byte) 0xFF && (marker == END_OF_IMAGE || isSegment(marker) && at + 4 <= file.length)) {
                return at;
            }
        }
        return -1;
    }

    /**
     * Where a segment ends: where its length says, or if no marker is there, which is a damaged length, at the next place from which a
     * segment leads to another marker.
     */
    private static int end(byte[] file, int at) {
        int stated = at + 2 + Math.max(2, word(file, at + 2));
        int marker = file[at + 1] & 0xFF;
        if (marker == SCAN || marker == END_OF_IMAGE || leadsToMarker(file, stated)) {
            return Math.min(file.length, stated);
        }
        for (int from = marker(file, at + 4); from >= 0; from = marker(file, from + 1)) {
            if ((file[from + 1] & 0xFF) == SCAN || leadsToMarker(file, from + 2 + word(file, from + 2))) {
                return from;
            }
        }
        return Math.min(file.length, stated);
    }

    private static boolean leadsToMarker(byte[] file, int at) {
        return at + 1 < file.length && file[at] == (byte) 0xFF && (file[at + 1] & 0xFF) >= 0xC0;
    }

    static int word(byte[] file, int at) {
        return at + 1 < file.length ? (file[at] & 0xFF) << 8 | file[at + 1] & 0xFF : 0;
    }

    private static boolean startsWith(byte[] file, int start, int end, byte[] prefix) {
        return end - start >= prefix.length
                && Arrays.equals(file, start, start + prefix.length, prefix, 0, prefix.length);
    }
}
