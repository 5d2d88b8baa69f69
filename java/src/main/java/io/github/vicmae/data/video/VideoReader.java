package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.global.avutil.av_frame_move_ref;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.FrameConverter;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.ReadFailure;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avutil.AVFrame;

/**
 * Frames of a video by time, through FFmpeg: it seeks to the key frame before the wanted time and decodes on from there.
 *
 * <p>The frame at a time is the one that is shown then: the last frame that starts at or before it, the first frame for earlier times, the
 * last readable one for later times. Frames that cannot be decoded are skipped. Rotation metadata is applied; pixels are taken as square.
 * Frames asked for in ascending order are decoded in one pass. Not thread-safe; decodes on the calling thread.
 */
public final class VideoReader implements Video {
    /** Timestamps are rounded to the container's ticks, so a frame that starts up to this much later counts as started. */
    private static final double EPSILON = 1e-4;

    private final Content content;
    private final VideoStream stream;
    private final FrameConverter converter = new FrameConverter();
    private final int orientation;
    private final double duration;
    private AVFrame shown;
    private AVFrame ahead;
    /** Times of the current and the next frame, NaN for none. */
    private double shownTime = Double.NaN;

    private double aheadTime = Double.NaN;
    private double shownEnd;
    private boolean ended;
    private long decoded;
    private double[] frameTimes;

    private VideoReader(Content content) throws IOException {
        this.content = content;
        stream = new VideoStream(content);
        try {
            shown = VideoStream.newFrame();
            ahead = VideoStream.newFrame();
            orientation = stream.orientation();
            duration = stream.duration();
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * Opens a video file. Where the container does not list its frames, what is behind the last key frame is read, without decoding.
     *
     * @throws IOException if the file cannot be read or has no video that this FFmpeg decodes; the message names path and reason
     */
    public static VideoReader open(Path path) throws IOException {
        return open(Content.of(path));
    }

    /** The same for a video stored anywhere. */
    public static VideoReader open(Content content) throws IOException {
        try {
            Ffmpeg.require(); // before classes that use FFmpeg's are loaded
            return new VideoReader(content);
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(content, ReadFailure.reason(content, e), e);
        }
    }

    private static IOException unreadable(Content content, String reason, Throwable cause) {
        return new IOException("Cannot read the video " + content.name() + ": " + reason + ".", cause);
    }

    /** Columns of the frames, after rotation. */
    @Override
    public int width() {
        return orientation >= 5 ? stream.height() : stream.width();
    }

    /** Rows of the frames, after rotation. */
    @Override
    public int height() {
        return orientation >= 5 ? stream.width() : stream.height();
    }

    /** Length of the video stream in seconds, from its own start to the end of its last frame; other streams do not count. */
    @Override
    public double durationSeconds() {
        return duration;
    }

    /**
     * Number of frames, at least 1.
     *
     * @throws IOException if the file cannot be read; the message names path and reason
     */
    public long frameCount() throws IOException {
        return frameTimes().length;
    }

    /**
     * The times at which the frames begin, in seconds from the start, ascending, at least one. The whole file is read for it, without decoding,
     * when it is first asked for.
     *
     * @return the reader's own array, for reading only
     * @throws IOException if the file cannot be read; the message names path and reason
     */
    @Override
    public double[] frameTimes() throws IOException {
        if (frameTimes == null) {
            try {
                double[] found = stream.frameTimes();
                frameTimes = found.length > 0 ? found : new double[1];
                forget();
                stream.rewind();
            } catch (InterruptedIOException e) {
                throw e;
            } catch (IOException | RuntimeException e) {
                throw unreadable(content, ReadFailure.reason(content, e), e);
            }
        }
        return frameTimes;
    }

    /** When the frame that {@link #frameAt} gave last begins, in seconds; NaN before the first. It tells frames apart. */
    @Override
    public double shownSeconds() {
        return shownTime;
    }

    /** Number of frames decoded so far, including those on the way to a requested one. */
    public long decodedFrames() {
        return decoded;
    }

    /** Whether any decoding has failed so far. */
    @Override
    public boolean sawDamage() {
        return stream.sawDamage();
    }

    /** The frame at a time in its full size; see {@link #frameAt(double, int)}. */
    public Image frameAt(double seconds) throws IOException {
        return frameAt(seconds, 0);
    }

    /**
     * The frame that is shown {@code seconds} after the start, as RGB.
     *
     * @param shortSide the frame is shrunk so that its short side has this many pixels; 0, or more than it has, leaves it as it is
     * @throws IOException if no frame of the file decodes; the message has FFmpeg's reason
     */
    @Override
    public Image frameAt(double seconds, int shortSide) throws IOException {
        if (!(seconds >= 0)) {
            seconds = 0;
        }
        try {
            double near = seconds - 2.5 / stream.rate();
            goTo(seconds, near);
            // Where frames are far apart, the wanted one may be among those skipped on the way.
            if (shownTime < near && shownEnd <= seconds + EPSILON) {
                forget();
                goTo(seconds, Double.NEGATIVE_INFINITY);
            }
            if (Double.isNaN(shownTime)) {
                String error = stream.lastError();
                throw new IOException(
                        "none of its frames could be decoded" + (error == null ? "" : " (" + error + ")"));
            }
            return convert(shortSide);
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(content, ReadFailure.reason(content, e), e);
        }
    }

    private void goTo(double seconds, double skipBefore) throws IOException {
        stream.skipBefore(skipBefore);
        if (!isAhead(seconds)) {
            seekTo(seconds);
        }
        decodeTo(seconds);
    }

    /** Resets the position, so that later frames do not depend on earlier reads, even in a damaged stream. */
    @Override
    public void reset() {
        forget();
    }

    /** Whether decoding forward from here is the shortest way to a time. */
    private boolean isAhead(double seconds) {
        if (Double.isNaN(shownTime) || seconds + EPSILON < shownTime) {
            return false;
        }
        double reached = Double.isNaN(aheadTime) ? shownTime : aheadTime;
        double key = stream.keyFrameBefore(seconds);
        return ended || seconds <= reached + 2 / stream.rate() || !(key > reached + 2 / stream.rate());
    }

    /** Seeks so that the first decoded frame is not after the requested time; goes further back where a wrong index leads beyond it. */
    private void seekTo(double seconds) throws IOException {
        double target = Math.min(seconds, duration);
        for (double back = 0; target - back > 0; back = Math.max(1, back * 4)) {
            if (!stream.seek(target - back)) {
                break;
            }
            forget();
            advance();
            if (!Double.isNaN(shownTime) && shownTime <= seconds + EPSILON) {
                return;
            }
        }
        forget();
        stream.rewind();
        advance();
    }

    private void decodeTo(double seconds) throws IOException {
        while (!ended && seconds + EPSILON >= shownEnd) {
            if (Double.isNaN(aheadTime)) {
                aheadTime = decode(ahead);
                if (ended) {
                    return;
                }
            }
            if (aheadTime > seconds + EPSILON) {
                return;
            }
            step();
        }
    }

    /** The first frame after a seek. */
    private void advance() throws IOException {
        aheadTime = decode(ahead);
        if (!ended) {
            step();
        }
    }

    private void step() {
        av_frame_unref(shown);
        av_frame_move_ref(shown, ahead);
        shownTime = aheadTime;
        shownEnd = shownTime + stream.leastLength();
        aheadTime = Double.NaN;
    }

    private double decode(AVFrame frame) throws IOException {
        double time = stream.next(frame);
        if (Double.isNaN(time)) {
            ended = true;
        } else {
            decoded++;
        }
        return time;
    }

    private void forget() {
        av_frame_unref(shown);
        av_frame_unref(ahead);
        shownTime = Double.NaN;
        aheadTime = Double.NaN;
        shownEnd = Double.NEGATIVE_INFINITY;
        ended = false;
    }

    private Image convert(int shortSide) throws IOException {
        int width = shown.width();
        int height = shown.height();
        int side = Math.min(width, height);
        if (shortSide > 0 && shortSide < side) {
            width = Math.max(1, Math.round((float) width * shortSide / side));
            height = Math.max(1, Math.round((float) height * shortSide / side));
        }
        return converter.toRgb(shown, width, height).oriented(orientation);
    }

    @Override
    public void close() {
        VideoStream.free(shown);
        VideoStream.free(ahead);
        shown = null;
        ahead = null;
        converter.close();
        stream.close();
    }
}
