package io.github.vicmae.device.cuda;

/** Cuts PTX text into words, with their leading dot if they have one, and single signs; comments and quoted strings are passed over. */
final class PtxTokens {
    private final String text;
    private int at;

    PtxTokens(String text) {
        this.text = text;
    }

    /** The next token, or null at the end. */
    String next() {
        skip();
        if (at == text.length()) {
            return null;
        }
        int start = at++;
        char first = text.charAt(start);
        if (isWord(first) || first == '.') {
            while (at < text.length() && isWord(text.charAt(at))) {
                at++;
            }
        }
        return text.substring(start, at);
    }

    /** The token that {@link #next} will give. */
    String peek() {
        int before = at;
        String token = next();
        at = before;
        return token;
    }

    private static boolean isWord(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '%';
    }

    private void skip() {
        while (at < text.length()) {
            if (text.startsWith("//", at)) {
                at = after("\n", at);
            } else if (text.startsWith("/*", at)) {
                at = after("*/", at + 2);
            } else if (text.charAt(at) == '"') {
                skipString();
            } else if (text.charAt(at) <= ' ') {
                at++;
            } else {
                return;
            }
        }
    }

    private int after(String end, int from) {
        int found = text.indexOf(end, from);
        return found < 0 ? text.length() : found + end.length();
    }

    // A string ends at its line's end at the latest.
    private void skipString() {
        at++;
        while (at < text.length() && text.charAt(at) != '"' && text.charAt(at) != '\n') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        at = Math.min(at + 1, text.length());
    }
}
