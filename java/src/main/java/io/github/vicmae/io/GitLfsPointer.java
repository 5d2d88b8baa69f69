package io.github.vicmae.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The short text that stands in a Git repository for a file kept in Git LFS, and in a clone for every such file that was not downloaded.
 *
 * @see <a href="https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md">The format</a>
 */
public final class GitLfsPointer {
    private static final String START = "version https://git-lfs.github.com/spec/";
    private static final int MOST_BYTES = 1024;
    private static final Pattern SIZE = Pattern.compile("(?m)^size ([0-9]{1,18})$");

    private GitLfsPointer() {}

    /**
     * Refuses a file that is a pointer; any other file passes, also one that cannot be read.
     *
     * @throws IOException if it is a pointer; the message names the file and says how to get its content
     */
    public static void refuse(Path path) throws IOException {
        String reason;
        try (InputStream in = Files.newInputStream(path)) {
            reason = reason(in);
        } catch (IOException e) {
            return; // whoever reads the file says why it cannot be read
        }
        if (reason != null) {
            throw new IOException(path + ": " + reason + ".");
        }
    }

    /**
     * Looks at the first bytes of a file.
     *
     * @return that it is a pointer and how to get its content, as the end of a sentence; null if it is none
     * @throws IOException if it cannot be read
     */
    public static String reason(InputStream in) throws IOException {
        String text = new String(in.readNBytes(MOST_BYTES), StandardCharsets.US_ASCII);
        if (!text.startsWith(START)) {
            return null;
        }
        Matcher size = SIZE.matcher(text);
        return "a Git LFS pointer, not the file itself" + (size.find() ? " of " + size.group(1) + " bytes" : "")
                + ". Run 'git lfs pull' in the repository, or download the file";
    }
}
