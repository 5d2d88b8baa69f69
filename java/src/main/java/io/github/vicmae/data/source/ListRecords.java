package io.github.vicmae.data.source;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The lines and fields of a list, where quoted fields may hold separators and line breaks (RFC 4180). */
final class ListRecords {
    private ListRecords() {}

    /**
     * One record.
     *
     * @param number of its first line, from 1
     * @param text without the line break, stripped
     */
    record Line(int number, String text) {}

    /** Splits at line breaks outside of quoted fields. A quote that is never closed is no field's beginning. */
    static List<Line> split(String text) {
        int[] starts = starts(text);
        int count = starts.length - 1;
        // Where a quoted field that goes on into a line ends, from the last line to the first: to look for it from each
        // line on would take the square of their number.
        int[] closing = new int[count + 1];
        closing[count] = count;
        for (int i = count - 1; i >= 0; i--) {
            closing[i] = isOpenAtEnd(text, starts[i], starts[i + 1], true) ? closing[i + 1] : i;
        }
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < count; ) {
            int last = isOpenAtEnd(text, starts[i], starts[i + 1], false) ? closing[i + 1] : i;
            last = last == count ? i : last;
            lines.add(
                    new Line(i + 1, text.substring(starts[i], starts[last + 1]).strip()));
            i = last + 1;
        }
        return lines;
    }

    /** Where lines begin, and at last the end of the text. */
    private static int[] starts(String text) {
        IntStream.Builder starts = IntStream.builder();
        for (int at = 0; at < text.length(); ) {
            starts.add(at);
            while (at < text.length() && text.charAt(at) != '\n' && text.charAt(at) != '\r') {
                at++;
            }
            at += text.startsWith("\r\n", at) ? 2 : 1;
        }
        return starts.add(text.length()).build().toArray();
    }

    /**
     * Whether a quoted field goes on after a line.
     *
     * @param quoted whether one goes on into it
     */
    private static boolean isOpenAtEnd(String text, int start, int end, boolean quoted) {
        boolean open = quoted;
        boolean fieldBegins = true;
        for (int i = start; i < end; i++) {
            char c = text.charAt(i);
            if (open) {
                if (c == '"' && i + 1 < end && text.charAt(i + 1) == '"') {
                    i++;
                } else if (c == '"') {
                    open = false;
                }
            } else if (c == '"' && fieldBegins) {
                open = true;
            } else {
                fieldBegins = c == ',' || c == '\t' || c == ';';
            }
        }
        return open;
    }

    /** The fields of a record, unquoted; spaces that separate count as one. */
    static List<String> fields(String record, char separator) {
        List<String> fields = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < record.length() && record.charAt(at) == ' ') {
                at++;
            }
            StringBuilder field = new StringBuilder();
            int end;
            if (at < record.length() && record.charAt(at) == '"') {
                end = unquote(record, at, field);
                int next = record.indexOf(separator, end);
                field.append(record, end, next < 0 ? record.length() : next);
                end = next;
            } else {
                end = record.indexOf(separator, at);
                field.append(record, at, end < 0 ? record.length() : end);
            }
            fields.add(field.toString().strip());
            if (end < 0) {
                return fields;
            }
            at = end + 1;
        }
    }

    /** Appends what the quoted field at a place holds; returns the place after its closing quote. */
    static int unquote(String record, int at, StringBuilder field) {
        for (int i = at + 1; i < record.length(); i++) {
            char c = record.charAt(i);
            if (c != '"') {
                field.append(c);
            } else if (i + 1 < record.length() && record.charAt(i + 1) == '"') {
                field.append('"');
                i++;
            } else {
                return i + 1;
            }
        }
        return record.length();
    }
}
