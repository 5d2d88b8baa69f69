package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** What a sample is. */
public enum Kind {
    IMAGE("bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"),
    VIDEO(
            "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m2t", "m2ts", "m2v", "m4v", "mjpeg", "mjpg", "mkv",
            "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "qt", "rm", "rmvb", "ts", "vob", "webm",
            "wmv", "y4m");

    /** Extensions that programs in TypeScript have too. */
    private static final Set<String> AMBIGUOUS = Set.of("ts", "mts");

    private static final int PACKET = 188;
    private static final byte SYNC = 0x47;

    private final Set<String> extensions;

    Kind(String... extensions) {
        this.extensions = Set.of(extensions);
    }

    /** The file name extensions of this kind in lower case, without the dot, sorted. */
    public Set<String> extensions() {
        return new TreeSet<>(extensions);
    }

    /** The kind that a file name's extension says, in any case, or null for an unknown one and for hidden files. */
    public static Kind of(Path path) {
        return path.getFileName() == null ? null : of(FileNames.text(path.getFileName()));
    }

    /** The same of a path as text, with slashes. */
    static Kind of(String path) {
        String extension = extension(path);
        return IMAGE.extensions.contains(extension) ? IMAGE : VIDEO.extensions.contains(extension) ? VIDEO : null;
    }

    private static String extension(String path) {
        String base = path.substring(path.lastIndexOf('/') + 1);
        int dot = base.lastIndexOf('.');
        return dot <= 0 || base.startsWith(".") ? "" : base.substring(dot + 1).toLowerCase(Locale.ROOT);
    }

    /** Whether only the content tells whether a file of this name is a video. */
    static boolean isAmbiguous(String path) {
        return AMBIGUOUS.contains(extension(path));
    }

    /** Whether the first packets of an MPEG transport stream are there: 188 bytes each, in M2TS behind 4 bytes of time. */
    static boolean isTransportStream(Content content) throws IOException {
        try (SeekableByteChannel channel = content.open()) {
            ByteBuffer head = ByteBuffer.allocate(4 + PACKET + 4 + 1);
            while (head.hasRemaining() && channel.read(head) >= 0) {
                // until all is there
            }
            int length = head.position();
            return isSync(head, length, 0, PACKET) || isSync(head, length, 4, 4 + PACKET);
        }
    }

    private static boolean isSync(ByteBuffer head, int length, int offset, int distance) {
        return length > offset + distance && head.get(offset) == SYNC && head.get(offset + distance) == SYNC;
    }
}
