package io.github.vicmae.data.source;

import java.util.ArrayList;
import java.util.List;

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
        List<Line> lines = new ArrayList<>();
        int number = 1;
        for (int at = 0; at < text.length(); ) {
            int end = end(text, at, true);
            if (end < 0) {
                end = end(text, at, false);
            }
            lines.add(new Line(number, text.substring(at, end).strip()));
            for (int i = at; i < end; i++) {
                number += text.charAt(i) == '\n' ? 1 : 0;
            }
            boolean pair = end + 1 < text.length() && text.charAt(end) == '\r' && text.charAt(end + 1) == '\n';
            at = end + (pair ? 2 : 1);
            number++;
        }
        return lines;
    }

    /** Where the record that begins at a place ends, or -1 if a quote in it is never closed. */
    private static int end(String text, int start, boolean quotes) {
        boolean quoted = false;
        boolean fieldBegins = true;
        for (int i = start; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quoted) {
                if (c == '"' && i + 1 < text.length() && text.charAt(i + 1) == '"') {
                    i++;
                } else if (c == '"') {
                    quoted = false;
                }
            } else if (c == '\n' || c == '\r') {
                return i;
            } else if (c == '"' && fieldBegins && quotes) {
                quoted = true;
            } else {
                fieldBegins = c == ',' || c == '\t' || c == ';';
            }
        }
        return quoted ? -1 : text.length();
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
