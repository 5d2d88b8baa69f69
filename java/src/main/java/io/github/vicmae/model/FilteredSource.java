package io.github.vicmae.model;

import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Another file's tensors, seen through what a subclass changes. Closing it closes the file. */
abstract class FilteredSource implements TensorSource {
    private final TensorSource source;

    FilteredSource(TensorSource source) {
        this.source = source;
    }

    /** The file's tensors as they are there. */
    final TensorSource inner() {
        return source;
    }

    @Override
    public Path path() {
        return source.path();
    }

    @Override
    public List<String> names() {
        return source.names();
    }

    @Override
    public boolean contains(String name) {
        return source.contains(name);
    }

    @Override
    public Map<String, String> passedOver() {
        return source.passedOver();
    }

    @Override
    public Map<String, String> metadata() {
        return source.metadata();
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        return source.info(name);
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        source.read(name, offset, into);
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
