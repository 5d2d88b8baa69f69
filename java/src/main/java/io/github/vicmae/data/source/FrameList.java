package io.github.vicmae.data.source;

import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.util.List;

/** A video that is stored as a picture for each frame. */
public interface FrameList extends Content {
    /**
     * The pictures in their order, at least one.
     *
     * @throws IOException if they cannot be listed, or there is none
     */
    List<Content> frames() throws IOException;

    /** Frames a second. */
    double rate();

    /** Refused: it has no bytes of its own. */
    @Override
    default SeekableByteChannel open() throws IOException {
        throw new IOException("it is stored as a picture for each frame");
    }
}
