package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.avutil.AVFrame.AV_FRAME_FLAG_CORRUPT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_DEFAULT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_NONREF;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_FLAG_KEY;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_decoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_flush_buffers;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_to_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_frame;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_packet;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EAGAIN;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import java.io.IOException;
import java.io.InterruptedIOException;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVCodecParameters;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;

/**
 * The video stream of one sample, decoded frame by frame on the calling thread. Times are seconds from the stream's start.
 *
 * <p>Packets that cannot be decoded and frames that the decoder marks as damaged are skipped.
 */
final class VideoStream implements AutoCloseable {
    private final VideoContainer container;
    private AVCodecContext codec;
    private AVPacket packet;
    private double skipBefore = Double.NEGATIVE_INFINITY;
    private boolean waitForKey;
    private boolean draining;
    private double lastTime;
    private double lastLength;
    private int lastError;
    private boolean damaged;

    VideoStream(Content content) throws IOException {
        Ffmpeg.require();
        container = new VideoContainer(content);
        try {
            openDecoder(container.parameters());
            packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
            restart();
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void openDecoder(AVCodecParameters parameters) throws IOException {
        AVCodec decoder = avcodec_find_decoder(parameters.codec_id());
        if (decoder == null) {
            throw new IOException("this FFmpeg has no decoder for its codec (number " + parameters.codec_id() + ")");
        }
        codec = Ffmpeg.allocated(avcodec_alloc_context3(decoder), "a decoder");
        Ffmpeg.check(avcodec_parameters_to_context(codec, parameters), "its decoder cannot be set up");
        codec.pkt_timebase(container.timeBase());
        codec.thread_count(1);
        codec.max_pixels(ImageReader.MAX_PIXELS);
        Ffmpeg.check(avcodec_open2(codec, decoder, (AVDictionary) null), "its decoder cannot be opened");
        if (codec.width() <= 0 || codec.height() <= 0) {
            throw new IOException("its header gives the size " + codec.width() + " x " + codec.height());
        }
    }

    int width() {
        return codec.width();
    }

    int height() {
        return codec.height();
    }

    /** Approximate frames per second. */
    double rate() {
        return container.rate();
    }

    /** The length of this stream in seconds, see {@link VideoContainer#duration()}. */
    double duration() {
        return container.duration();
    }

    /** The display matrix as an EXIF orientation. */
    int orientation() {
        return container.orientation();
    }

    /** The times at which the frames begin, ascending; the position is lost. */
    double[] frameTimes() throws IOException {
        return container.frameTimes();
    }

    /**
     * Decodes the next undamaged frame into {@code frame}.
     *
     * @return its time in seconds, or NaN at the stream's end
     * @throws InterruptedIOException if the calling thread was interrupted
     */
    double next(AVFrame frame) throws InterruptedIOException {
        while (true) {
            int result = avcodec_receive_frame(codec, frame);
            if (result >= 0) {
                if ((frame.flags() & AV_FRAME_FLAG_CORRUPT) == 0 && frame.decode_error_flags() == 0) {
                    return time(frame);
                }
                time(frame);
                damaged = true;
                av_frame_unref(frame);
            } else if (result == AVERROR_EAGAIN()) {
                feed();
            } else if (result == AVERROR_EOF() || draining) {
                return Double.NaN;
            } else {
                lastError = result;
                feed();
            }
        }
    }

    /** From now on, frames that start before this time are not decoded unless other frames depend on them. */
    void skipBefore(double seconds) {
        skipBefore = seconds;
    }

    private void feed() throws InterruptedIOException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted while decoding");
        }
        int result = container.read(packet);
        if (result < 0) {
            if (result != AVERROR_EOF()) {
                lastError = result;
            }
            draining = true;
            avcodec_send_packet(codec, null);
            return;
        }
        // Some containers seek to any packet; without the frames before it, it would not decode correctly.
        if (waitForKey && (packet.flags() & AV_PKT_FLAG_KEY) == 0) {
            return;
        }
        waitForKey = false;
        boolean skip = container.time(packet.pts()) < skipBefore; // without a time stamp it is NaN
        codec.skip_frame(skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT);
        int sent = avcodec_send_packet(codec, packet);
        if (sent < 0 && sent != AVERROR_EAGAIN()) {
            lastError = sent;
        }
        av_packet_unref(packet);
    }

    private double time(AVFrame frame) {
        double stamp = container.time(frame.best_effort_timestamp());
        lastTime = Double.isNaN(stamp) ? lastTime + lastLength : stamp;
        lastLength = frame.duration() > 0 ? container.seconds(frame.duration()) : 1 / rate();
        return lastTime;
    }

    /** How long the frame that {@link #next} gave last is shown at least, in seconds: 0 where only the next frame can tell. */
    double leastLength() {
        return container.leastLength(lastLength);
    }

    /** Whether any decoding has failed so far. */
    boolean sawDamage() {
        return damaged || lastError != 0;
    }

    /** FFmpeg's text for the last error, or null. */
    String lastError() {
        return lastError == 0 ? null : Ffmpeg.text(lastError);
    }

    /** Seeks to the last key frame at or before a time; false if the container cannot. */
    boolean seek(double seconds) {
        if (!container.seek(seconds)) {
            return false;
        }
        restart();
        waitForKey = true;
        return true;
    }

    /** Goes to the first frame. */
    void rewind() throws IOException {
        container.toStart();
        restart();
    }

    private void restart() {
        avcodec_flush_buffers(codec);
        draining = false;
        waitForKey = false;
        lastLength = 1 / rate();
        lastTime = -lastLength;
    }

    /** Time of the last key frame at or before {@code seconds} by the container's index, or NaN if it has none. */
    double keyFrameBefore(double seconds) {
        return container.keyFrameBefore(seconds);
    }

    static AVFrame newFrame() throws IOException {
        return Ffmpeg.allocated(av_frame_alloc(), "a frame");
    }

    static void free(AVFrame frame) {
        if (frame != null) {
            av_frame_free(frame);
        }
    }

    @Override
    public void close() {
        if (packet != null) {
            av_packet_free(packet);
            packet = null;
        }
        if (codec != null) {
            avcodec_free_context(codec);
            codec = null;
        }
        container.close();
    }
}
