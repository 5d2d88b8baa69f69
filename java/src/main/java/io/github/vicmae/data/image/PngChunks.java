package io.github.vicmae.data.image;

/** The chunks of a PNG file (ISO/IEC 15948): a length, four letters, the bytes and a checksum. */
final class PngChunks {
    private static final long SIGNATURE = 0x89504E470D0A1A0AL;
    private static final int EXIF = 'e' << 24 | 'X' << 16 | 'I' << 8 | 'f';

    private PngChunks() {}

    /** The orientation that the file's EXIF block says; {@link TiffDirectory#UPRIGHT} if it has none or is no PNG. */
    static int orientation(byte[] file) {
        if (file.length < 8 || ((long) int32(file, 0) << 32 | int32(file, 4) & 0xFFFFFFFFL) != SIGNATURE) {
            return TiffDirectory.UPRIGHT;
        }
        for (long at = 8; at + 8 <= file.length; ) {
            long length = int32(file, (int) at) & 0xFFFFFFFFL;
            if (int32(file, (int) at + 4) == EXIF) {
                long end = Math.min(file.length, at + 8 + length);
                return new TiffDirectory(file, (int) at + 8, (int) end).orientation();
            }
            at += 12 + length;
        }
        return TiffDirectory.UPRIGHT;
    }

    private static int int32(byte[] file, int at) {
        return (file[at] & 0xFF) << 24 | (file[at + 1] & 0xFF) << 16 | (file[at + 2] & 0xFF) << 8 | file[at + 3] & 0xFF;
    }
}
