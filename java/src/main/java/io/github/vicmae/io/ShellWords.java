package io.github.vicmae.io;

import java.util.List;
import java.util.stream.Collectors;

/** Command lines as text. */
public final class ShellWords {
    private ShellWords() {}

    /** Words as a POSIX shell takes them again: those that it would not read as they are stand in single quotes. */
    public static String join(List<String> words) {
        return words.stream().map(ShellWords::quoted).collect(Collectors.joining(" "));
    }

    private static String quoted(String word) {
        boolean isPlain = word.matches("[\\w@%+=:,./-]+");
        return isPlain ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
