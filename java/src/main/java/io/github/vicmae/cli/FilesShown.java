package io.github.vicmae.cli;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.eval.Thumbnails;
import io.github.vicmae.report.SearchPage;
import io.github.vicmae.search.Collection;
import io.github.vicmae.search.Query;
import java.nio.file.Path;
import java.util.Locale;

/** Files of an index as people see them. */
final class FilesShown {
    private FilesShown() {}

    /** A path on one line, relative to the folder that the command was started in if it lies below it. */
    static String name(String location) {
        String here = FileNames.text(Path.of("").toAbsolutePath().normalize()) + "/";
        return FileNames.printable(location.startsWith(here) ? location.substring(here.length()) : location);
    }

    /** The folder of a file, in the same way. */
    static String folder(String location) {
        String name = name(location);
        int slash = name.lastIndexOf('/');
        return slash < 0 ? "" : name.substring(0, slash);
    }

    /** Opens the file in a browser, a video at its moment. */
    static String link(Path file, double seconds) {
        String time = Double.isNaN(seconds) ? "" : String.format(Locale.ROOT, "#t=%.1f", seconds);
        return file.toAbsolutePath().normalize().toUri() + time;
    }

    /** A file on a page. */
    static SearchPage.Item item(Collection collection, EmbeddedFile file, double seconds, double similarity) {
        Content content = collection.content(file);
        Path path = collection.path(file);
        return new SearchPage.Item(
                content == null ? null : Thumbnails.of(content, Collection.kind(file), seconds),
                FileNames.printable(file.path()),
                path == null ? null : link(path, seconds),
                Query.moment(seconds),
                folder(file.path()),
                similarity);
    }
}
