package io.github.vicmae.report;

import io.github.vicmae.io.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** One page of pictures that were found, for a query or as a group of duplicates: a file that needs no other and no network. */
public final class SearchPage {
    private SearchPage() {}

    /**
     * A picture or a moment of a video.
     *
     * @param picture small; null if it cannot be shown
     * @param path of the file, on one line
     * @param link where a click leads, or null
     * @param moment such as {@code 12.4 s}; empty for a picture
     * @param note below the name, such as a class; empty for none
     * @param similarity from -1 to 1; NaN for none
     */
    public record Item(
            BufferedImage picture, String path, String link, String moment, String note, double similarity) {}

    /**
     * What belongs together.
     *
     * @param heading of the group, or null for none
     * @param first what was asked for, or a group's first; large
     * @param others the nearest first
     */
    public record Group(String heading, Item first, List<Item> others) {}

    /**
     * Writes the page; an old file is replaced.
     *
     * @param summary a sentence below the title
     * @param facts what was asked, by name
     * @throws IOException if it cannot be written
     */
    public static void write(Path file, String title, String summary, List<Group> groups, Map<String, String> facts)
            throws IOException {
        AtomicFile.write(file, html(title, summary, groups, facts).getBytes(StandardCharsets.UTF_8));
    }

    static String html(String title, String summary, List<Group> groups, Map<String, String> facts) throws IOException {
        StringBuilder body = new StringBuilder();
        for (Group group : groups) {
            body.append("<section class=\"found\">\n");
            if (group.heading != null) {
                body.append("<h2>").append(ReportTables.escape(group.heading)).append("</h2>\n");
            }
            body.append("<div class=\"row\">\n");
            item(body, group.first, true);
            body.append("<ol class=\"hits\">\n");
            for (Item item : group.others) {
                item(body, item, false);
            }
            body.append("</ol>\n</div>\n</section>\n");
        }
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", ReportTables.escape(title));
        parts.put("style", Page.resource("report.css") + Page.resource("search.css"));
        parts.put("summary", ReportTables.escape(summary));
        parts.put("groups", body.toString());
        parts.put("asked", ReportTables.settings(facts));
        return Page.fill("search.html", parts);
    }

    private static void item(StringBuilder html, Item item, boolean isQuery) throws IOException {
        html.append(isQuery ? "<figure class=\"query\">" : "<li><figure>");
        String alt = ReportTables.escape(ending(item.path) + (item.moment.isEmpty() ? "" : " @ " + item.moment));
        if (item.link != null) {
            html.append("<a href=\"").append(ReportTables.escape(item.link)).append("\">");
        }
        html.append("<span class=\"frame\">");
        if (item.picture == null) {
            html.append("<span class=\"missing\">cannot be shown</span>");
        } else {
            html.append("<img alt=\"").append(alt).append("\" src=\"data:image/jpeg;base64,");
            html.append(Base64.getEncoder().encodeToString(jpeg(item.picture))).append("\">");
        }
        if (!item.moment.isEmpty()) {
            html.append("<span class=\"moment\">")
                    .append(ReportTables.escape(item.moment))
                    .append("</span>");
        }
        html.append("</span>").append(item.link == null ? "" : "</a>").append("<figcaption>");
        if (!Double.isNaN(item.similarity)) {
            html.append(String.format(Locale.ROOT, "<span class=\"score\">%.3f</span>", item.similarity));
        }
        html.append("<b title=\"").append(ReportTables.escape(item.path)).append("\">");
        html.append(ReportTables.escape(ending(item.path))).append("</b>");
        html.append("<small>")
                .append(ReportTables.escape(isQuery ? item.note : shortened(item.note)))
                .append("</small>");
        html.append("</figcaption></figure>").append(isQuery ? "\n" : "</li>\n");
    }

    /** The last part of a path. */
    private static String ending(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** The last two folders of a path, which tell more than the first ones. */
    private static String shortened(String folders) {
        int last = folders.lastIndexOf('/');
        int before = last < 0 ? -1 : folders.lastIndexOf('/', last - 1);
        return before <= 0 ? folders : "\u2026" + folders.substring(before);
    }

    /** With a stream of its own, which ImageIO's cache on disk has no part in. */
    private static byte[] jpeg(BufferedImage picture) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            if (!ImageIO.write(picture, "jpg", stream)) {
                throw new IOException("This Java runtime cannot write JPEG.");
            }
        }
        return bytes.toByteArray();
    }
}
