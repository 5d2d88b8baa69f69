package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A text file that names samples, one a line: {@code path label}, as the Kinetics lists have it.
 *
 * <p>The separator is a tab, a comma or spaces, tried in this order; the last one on the line counts, so paths may hold spaces. A path in
 * double quotes may hold anything ({@code ""} stands for a quote). The label may be missing. Relative paths start at the list's folder.
 * Empty lines, lines that start with {@code #} and lines whose path has no known extension (such as a header) are passed over.
 */
record SampleList(List<Dataset.Found> found, int ignored) {
    private static final Set<String> EXTENSIONS = Set.of("csv", "tsv", "txt", "list");
    /** A larger number would make a table of class names that size. */
    private static final int MAX_LABEL = 1_000_000;

    static boolean isList(Path path) {
        String name =
                path.getFileName() == null ? "" : path.getFileName().toString().toLowerCase(Locale.ROOT);
        return EXTENSIONS.contains(name.substring(name.lastIndexOf('.') + 1));
    }

    static SampleList read(Path list) throws IOException {
        List<String> lines;
        try {
            lines = Files.readAllLines(list, StandardCharsets.UTF_8);
        } catch (MalformedInputException e) {
            throw new IOException("Cannot read the list " + list + ": it is not UTF-8 text.", e);
        } catch (IOException e) {
            throw new IOException("Cannot read the list " + list + ": " + ReadFailure.reason(e) + ".", e);
        }
        Path folder = list.toAbsolutePath().getParent();
        List<Dataset.Found> found = new ArrayList<>();
        int ignored = 0;
        for (String line : lines) {
            String text = line.startsWith("\uFEFF") ? line.substring(1).strip() : line.strip();
            if (text.isEmpty() || text.startsWith("#")) {
                continue;
            }
            Dataset.Found sample = parse(text, folder);
            if (sample == null) {
                ignored++;
            } else {
                found.add(sample);
            }
        }
        return new SampleList(found, ignored);
    }

    private static Dataset.Found parse(String line, Path folder) {
        if (line.startsWith("\"")) {
            return parseQuoted(line, folder);
        }
        if (Kind.of(line) != null && separator(line) < 0) {
            return sample(line, "", folder);
        }
        int at = separator(line);
        return at < 0 ? null : sample(line.substring(0, at).strip(), line.substring(at + 1), folder);
    }

    /** Where the label begins: the last separator whose left side has a known extension, or -1. */
    private static int separator(String line) {
        for (char separator : new char[] {'\t', ',', ' '}) {
            int at = line.lastIndexOf(separator);
            if (at > 0 && Kind.of(line.substring(0, at).strip()) != null) {
                return at;
            }
        }
        return -1;
    }

    private static Dataset.Found parseQuoted(String line, Path folder) {
        StringBuilder path = new StringBuilder();
        int at = 1;
        while (at < line.length()) {
            char c = line.charAt(at++);
            if (c != '"') {
                path.append(c);
            } else if (at < line.length() && line.charAt(at) == '"') {
                path.append('"');
                at++;
            } else {
                break;
            }
        }
        String rest = line.substring(at).strip();
        return sample(path.toString(), rest.startsWith(",") ? rest.substring(1) : rest, folder);
    }

    private static Dataset.Found sample(String path, String label, Path folder) {
        Kind kind = Kind.of(path);
        if (kind == null) {
            return null;
        }
        String name = label.strip();
        if (name.length() > 1 && name.startsWith("\"") && name.endsWith("\"")) {
            name = name.substring(1, name.length() - 1);
        }
        try {
            return new Dataset.Found(folder.resolve(path), kind, name.isEmpty() || name.equals("-1") ? null : name);
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /** Whether every label is a whole number that can stand for itself. */
    boolean hasOnlyNumbers() {
        for (Dataset.Found sample : found) {
            String label = sample.label();
            if (label != null && !(label.matches("[0-9]{1,7}") && Integer.parseInt(label) <= MAX_LABEL)) {
                return false;
            }
        }
        return true;
    }
}
