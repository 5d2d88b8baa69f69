package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Frames that are entries of a tar file. */
final class FrameEntries implements FrameList {
    private final Path file;
    private final String name;
    private final long[] offsets;
    private final long[] sizes;
    private final double rate;

    /**
     * @param name of the video, in messages
     * @param offsets of the pictures' first bytes, in their order
     * @param sizes in bytes
     */
    FrameEntries(Path file, String name, long[] offsets, long[] sizes, double rate) {
        this.file = file;
        this.name = name;
        this.offsets = offsets.clone();
        this.sizes = sizes.clone();
        this.rate = rate;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String location() {
        return FilePart.location(file, name);
    }

    @Override
    public long size() {
        return Arrays.stream(sizes).sum();
    }

    @Override
    public Path shard() {
        return file;
    }

    @Override
    public List<Content> frames() throws IOException {
        ReadFailure.requireFile(file);
        List<Content> frames = new ArrayList<>();
        for (int i = 0; i < offsets.length; i++) {
            frames.add(new FilePart(file, name + ", frame " + i, offsets[i], sizes[i]));
        }
        return frames;
    }

    @Override
    public double rate() {
        return rate;
    }
}
