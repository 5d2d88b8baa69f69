package io.github.vicmae.data.video;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FrameList;
import java.io.IOException;

/**
 * Frames by time, of a video file ({@link VideoReader}) or of a picture for each frame ({@link FrameSequence}).
 *
 * <p>The frame at a time is the one that is shown then: the last frame that starts at or before it, the first frame for earlier times, the last
 * one for later times. Frames asked for in ascending order are read in one pass. For one thread.
 */
public interface Video extends AutoCloseable {
    /**
     * Opens what a sample holds.
     *
     * @throws IOException if it cannot be read; the message has its name and the reason
     */
    static Video open(Content content) throws IOException {
        return content instanceof FrameList frames ? new FrameSequence(frames) : VideoReader.open(content);
    }

    /** Columns of the frames, as they are seen. */
    int width();

    /** Rows of the frames, as they are seen. */
    int height();

    /** Length in seconds, from the start of the first frame to the end of the last. */
    double durationSeconds();

    /**
     * The times at which the frames begin, in seconds from the start, ascending, at least one.
     *
     * @return the video's own array, for reading only
     * @throws IOException if it cannot be read; the message has its name and the reason
     */
    double[] frameTimes() throws IOException;

    /**
     * The frame that is shown {@code seconds} after the start, as RGB.
     *
     * @param shortSide the frame is shrunk so that its short side has this many pixels; 0, or more than it has, leaves it as it is
     * @throws IOException if it cannot be decoded; the message has its name and the reason
     */
    Image frameAt(double seconds, int shortSide) throws IOException;

    /** When the frame that {@link #frameAt} gave last begins, in seconds; NaN before the first. It tells frames apart. */
    double shownSeconds();

    /** Forgets the position, so that later frames do not depend on earlier reads, even in a damaged stream. */
    void reset();

    /** Whether any decoding has failed so far. */
    boolean sawDamage();

    /**
     * Frames a second on average: their number over the length; 0 if the length is not known.
     *
     * @throws IOException if it cannot be read; the message has its name and the reason
     */
    default double frameRate() throws IOException {
        return durationSeconds() > 0 ? frameTimes().length / durationSeconds() : 0;
    }

    @Override
    void close();
}
