package io.github.vicmae.spark;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FileNames;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.apache.commons.compress.utils.SeekableInMemoryByteChannel;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;

/**
 * Bytes that are in memory, or come there when they are opened.
 *
 * @param location where they came from
 * @param bytes reads them
 */
record MemoryContent(String location, Bytes bytes) implements Content {
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:/");

    /** Reads a file. */
    interface Bytes {
        byte[] read() throws IOException;
    }

    static Content of(String location, byte[] bytes) {
        return new MemoryContent(location, () -> bytes);
    }

    /** The content of a path: a file of this machine, or one of a file system that Hadoop knows, which is read as a whole. */
    static Content at(String location) {
        if (!SCHEME.matcher(location).lookingAt()) {
            return Content.of(FileNames.path(location));
        }
        org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(location);
        return path.toUri().getScheme().equals("file")
                ? Content.of(FileNames.path(path.toUri().getPath()))
                : new MemoryContent(location, () -> read(path));
    }

    static byte[] read(org.apache.hadoop.fs.Path path) throws IOException {
        FileSystem files = path.getFileSystem(
                SparkHadoopUtil.get().newConfiguration(SparkEnv.get().conf()));
        long length = files.getFileStatus(path).getLen();
        if (length > Integer.MAX_VALUE - 8) {
            throw new IOException("has " + length + " bytes; what is not on a local file system can have 2 GB at most");
        }
        byte[] bytes = new byte[(int) length];
        try (FSDataInputStream in = files.open(path)) {
            in.readFully(0, bytes);
        }
        return bytes;
    }

    @Override
    public String name() {
        return FileNames.printable(location);
    }

    @Override
    public long size() throws IOException {
        return bytes.read().length;
    }

    @Override
    public SeekableByteChannel open() throws IOException {
        return new SeekableInMemoryByteChannel(bytes.read());
    }

    @Override
    public Path shard() {
        return Path.of("");
    }
}
