package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of its own. */
record FileContent(Path path) implements Content {
    @Override
    public String name() {
        return FileNames.printable(location());
    }

    @Override
    public String location() {
        return FileNames.text(path);
    }

    @Override
    public long size() throws IOException {
        return Files.size(path);
    }

    @Override
    public SeekableByteChannel open() throws IOException {
        ReadFailure.requireFile(path);
        return FileChannel.open(path, StandardOpenOption.READ);
    }

    @Override
    public Path shard() {
        return FileNames.folder(path);
    }
}
