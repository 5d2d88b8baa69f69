package io.github.vicmae.search;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.embed.EmbeddedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The files that an index speaks of, as they are now. A file of its own is opened by its path; for others the data are looked through once. */
public final class Collection {
    private final List<String> data;
    private Map<String, Content> others;

    /** @param data the folders and files that the index was made of */
    public Collection(List<String> data) {
        this.data = data;
    }

    /** The bytes of a file; null if it is not there any more. */
    public Content content(EmbeddedFile file) {
        Path path = path(file);
        if (path != null) {
            return Content.of(path);
        }
        if (others == null) {
            others = new HashMap<>();
            for (String root : data) {
                try {
                    for (Sample sample :
                            Dataset.scan(List.of(FileNames.path(root))).samples()) {
                        others.putIfAbsent(sample.content().location(), sample.content());
                    }
                } catch (IOException e) {
                    continue; // gone: what was found in it is not there any more
                }
            }
        }
        return others.get(file.path());
    }

    /** The path of a file of its own; null if it is part of an archive, a folder of frames, or gone. */
    public Path path(EmbeddedFile file) {
        try {
            Path path = FileNames.path(file.path());
            return Files.isRegularFile(path) ? path : null;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /** What a file is. */
    public static Kind kind(EmbeddedFile file) {
        return file.isVideo() ? Kind.VIDEO : Kind.IMAGE;
    }
}
