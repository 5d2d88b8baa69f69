package io.github.vicmae.data.source;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** What a file of a data set holds. */
public enum Kind {
    IMAGE("bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"),
    VIDEO("3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "webm", "wmv");

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
        Path name = path.getFileName();
        return name == null ? null : of(name.toString());
    }

    static Kind of(String name) {
        String base = name.substring(name.lastIndexOf('/') + 1);
        int dot = base.lastIndexOf('.');
        if (dot < 0 || base.startsWith(".")) {
            return null;
        }
        String extension = base.substring(dot + 1).toLowerCase(Locale.ROOT);
        return IMAGE.extensions.contains(extension) ? IMAGE : VIDEO.extensions.contains(extension) ? VIDEO : null;
    }
}
