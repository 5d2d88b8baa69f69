package io.github.vicmae.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A page's frame, style and script: resources beside this class. */
final class Page {
    private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");

    private Page() {}

    /** Fills the places of a frame, <code>{{name}}</code>. A text that looks like a place is not filled in again. */
    static String fill(String frame, Map<String, String> parts) throws IOException {
        return PLACE.matcher(resource(frame)).replaceAll(match -> Matcher.quoteReplacement(parts.get(match.group(1))));
    }

    static String resource(String name) throws IOException {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("The resource " + name + " is missing in the library; build it again.");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
