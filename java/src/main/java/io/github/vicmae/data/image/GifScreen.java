package io.github.vicmae.data.image;

/** The screen of a GIF file and the place of its first frame there (GIF89a, 18 and 20). */
record GifScreen(int width, int height, int x, int y) {
    private static final int HEADER = 13;

    static boolean isGif(byte[] file) {
        return file.length >= HEADER && file[0] == 'G' && file[1] == 'I' && file[2] == 'F' && file[3] == '8';
    }

    /** The screen, large enough for the first frame whatever the header says; null if the file has no frame. */
    static GifScreen of(byte[] file) {
        int flags = file[10] & 0xFF;
        int at = HEADER + (flags >= 0x80 ? 3 << (flags & 7) + 1 : 0);
        while (at < file.length && file[at] == 0x21) { // an extension: a label and blocks
            at = skipBlocks(file, at + 2);
        }
        if (at + 9 > file.length || file[at] != 0x2C) {
            return null;
        }
        int x = word(file, at + 1);
        int y = word(file, at + 3);
        int width = Math.max(word(file, 6), x + word(file, at + 5));
        int height = Math.max(word(file, 8), y + word(file, at + 7));
        return new GifScreen(width, height, x, y);
    }

    private static int skipBlocks(byte[] file, int at) {
        while (at < file.length && file[at] != 0) {
            at += 1 + (file[at] & 0xFF);
        }
        return at + 1;
    }

    private static int word(byte[] file, int at) {
        return file[at] & 0xFF | (file[at + 1] & 0xFF) << 8;
    }
}
