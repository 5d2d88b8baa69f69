package io.github.vicmae.data.source;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * File names as text and back, whatever bytes they hold. A Unix file name is bytes; nearly always they are UTF-8. Here a byte that is not
 * becomes one char, U+DC00 plus its value (as in Python's surrogateescape), so that no two names become the same text and none is lost. The
 * locale, which decides what {@link Path#toString()} shows, does not matter.
 */
public final class FileNames {
    private static final char ESCAPE = '\uDC00';
    private static final HexFormat HEX = HexFormat.of().withUpperCase();
    private static final Pattern ADDRESS = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*|pipe:.*");
    private static final boolean UNIX = FileSystems.getDefault().getSeparator().equals("/");

    private FileNames() {}

    /** Whether a path has a scheme, and is no path: {@code s3://bucket/train.tar}, of whose slashes a path keeps one, or {@code pipe:curl ...}. */
    static boolean isAddress(Path path) {
        return ADDRESS.matcher(path.toString()).matches();
    }

    /** Whether a relative path leads out of the folder that it starts at. */
    static boolean isOutside(Path path) {
        return !path.isAbsolute() && path.normalize().startsWith("..");
    }

    /** A path as text, its parts separated by slashes. */
    public static String text(Path path) {
        String shown = path.toString();
        if (!UNIX) {
            return shown.replace(File.separatorChar, '/');
        }
        if (shown.chars().allMatch(c -> c < 0x80)) {
            return shown;
        }
        StringBuilder text = new StringBuilder(path.isAbsolute() ? "/" : "");
        for (Path part : path) {
            text.append(text.length() == 0 || text.charAt(text.length() - 1) == '/' ? "" : "/")
                    .append(part(part));
        }
        return text.toString();
    }

    /** One part of a path by its bytes, which only its URI gives away. */
    private static String part(Path name) {
        String uri = name.toUri().getRawPath();
        int end = uri.endsWith("/") ? uri.length() - 1 : uri.length();
        String last = uri.substring(uri.lastIndexOf('/', end - 1) + 1, end);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < last.length(); i++) {
            if (last.charAt(i) == '%') {
                bytes.write(Integer.parseInt(last.substring(i + 1, i + 3), 16));
                i += 2;
            } else {
                bytes.write(last.charAt(i));
            }
        }
        return decode(bytes.toByteArray());
    }

    /** UTF-8 as text; bytes that are none stand for themselves, see above. */
    public static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            return decodeByteByByte(bytes);
        }
    }

    /** The bytes that a text of {@link #decode} stands for. */
    public static byte[] encode(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (isByte(c)) {
                bytes.write(c - ESCAPE);
            } else {
                bytes.writeBytes(Character.toString(c).getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toByteArray();
    }

    /** Whether a text holds bytes that are no UTF-8. */
    public static boolean holdsBytes(String text) {
        return text.codePoints().anyMatch(FileNames::isByte);
    }

    private static boolean isByte(int c) {
        return c > ESCAPE && c < ESCAPE + 0x100;
    }

    private static String decodeByteByByte(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < bytes.length; ) {
            int length = sequence(bytes, at);
            if (length == 0) {
                text.append((char) (ESCAPE + (bytes[at++] & 0xFF)));
            } else {
                text.append(new String(bytes, at, length, StandardCharsets.UTF_8));
                at += length;
            }
        }
        return text.toString();
    }

    /** Bytes of the UTF-8 sequence that begins at a place, 0 if none does. */
    private static int sequence(byte[] bytes, int at) {
        int first = bytes[at] & 0xFF;
        int length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
        if (length == 0 || at + length > bytes.length) {
            return 0;
        }
        String one = new String(bytes, at, length, StandardCharsets.UTF_8);
        return one.codePointCount(0, one.length()) == 1 && one.charAt(0) != '\uFFFD' ? length : 0;
    }

    /**
     * The path that a text stands for, the opposite of {@link #text} and {@link #decode}.
     *
     * @throws InvalidPathException if no file can have this name
     */
    public static Path path(String text) {
        if (!UNIX || text.chars().allMatch(c -> c < 0x80)) {
            return Path.of(text);
        }
        StringBuilder uri = new StringBuilder();
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (c == 0) {
                throw new InvalidPathException(printable(text), "it holds a zero byte");
            }
            if (isByte(c)) {
                percent(uri, c - ESCAPE);
            } else if (c < 0x80 && (Character.isLetterOrDigit(c) || c == '/' || c == '.' || c == '-' || c == '_')) {
                uri.append((char) c);
            } else {
                for (byte b : Character.toString(c).getBytes(StandardCharsets.UTF_8)) {
                    percent(uri, b & 0xFF);
                }
            }
        }
        if (text.startsWith("/")) {
            return Path.of(URI.create("file://" + uri));
        }
        // Only absolute paths have a URI.
        return Path.of("/").relativize(Path.of(URI.create("file:///" + uri)));
    }

    private static void percent(StringBuilder uri, int value) {
        HEX.toHexDigits(uri.append('%'), (byte) value);
    }

    /** A name for messages and reports: on one line, with {@code \n} and {@code \xE9} for what cannot be shown. */
    public static String printable(String text) {
        if (text.chars().allMatch(c -> c >= 0x20 && c < 0x7F)) {
            return text;
        }
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= ESCAPE && c < ESCAPE + 0x100 && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)))) {
                HEX.toHexDigits(shown.append("\\x"), (byte) (c - ESCAPE));
            } else if (c == '\n') {
                shown.append("\\n");
            } else if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029') {
                shown.append(String.format(Locale.ROOT, "\\x%02X", (int) c));
            } else {
                shown.append(c);
            }
        }
        return shown.toString();
    }

    /** The folder that a file lies in, also of a name alone. */
    static Path folder(Path file) {
        return file.toAbsolutePath().normalize().getParent();
    }
}
