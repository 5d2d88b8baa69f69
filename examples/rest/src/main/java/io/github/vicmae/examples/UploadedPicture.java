package io.github.vicmae.examples;

import io.github.vicmae.data.source.Content;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import org.apache.commons.compress.utils.SeekableInMemoryByteChannel;

/** A picture in memory. */
record UploadedPicture(byte[] bytes) implements Content {
    @Override
    public String name() {
        return "in the request";
    }

    @Override
    public long size() {
        return bytes.length;
    }

    @Override
    public SeekableByteChannel open() {
        return new SeekableInMemoryByteChannel(bytes);
    }

    @Override
    public Path shard() {
        return Path.of("");
    }
}
