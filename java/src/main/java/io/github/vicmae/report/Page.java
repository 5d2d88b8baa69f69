package io.github.vicmae.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A page's frame, style and script: resources beside this class. */
final class Page {
    /** Nothing is fetched, from wherever. */
    private static final String POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

    private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");

    private Page() {}

    /**
     * Puts the head that all pages have before a frame, and fills the places of both, <code>{{name}}</code>. A text that looks like a place is not filled
     * in again. A page runs a script only if {@code script} is among the parts.
     */
    static String fill(String frame, Map<String, String> parts) throws IOException {
        Map<String, String> all = new HashMap<>(parts);
        all.put("policy", parts.containsKey("script") ? POLICY + "; script-src 'unsafe-inline'" : POLICY);
        return PLACE.matcher(resource("head.html") + resource(frame))
                .replaceAll(match -> Matcher.quoteReplacement(all.get(match.group(1))));
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
