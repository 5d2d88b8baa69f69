package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.avutil.AVFrame.AV_FRAME_FLAG_CORRUPT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_ALL;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_DEFAULT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_NONREF;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_DATA_DISPLAYMATRIX;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_FLAG_KEY;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_side_data_get;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_decoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_flush_buffers;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_to_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_frame;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_packet;
import static org.bytedeco.ffmpeg.global.avformat.AVFMT_DURATION_FROM_BITRATE;
import static org.bytedeco.ffmpeg.global.avformat.AVSEEK_FLAG_BACKWARD;
import static org.bytedeco.ffmpeg.global.avformat.av_find_best_stream;
import static org.bytedeco.ffmpeg.global.avformat.av_guess_frame_rate;
import static org.bytedeco.ffmpeg.global.avformat.av_read_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_seek_frame;
import static org.bytedeco.ffmpeg.global.avformat.avformat_close_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_find_stream_info;
import static org.bytedeco.ffmpeg.global.avformat.avformat_index_get_entry_from_timestamp;
import static org.bytedeco.ffmpeg.global.avformat.avformat_open_input;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EAGAIN;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_VIDEO;
import static org.bytedeco.ffmpeg.global.avutil.AV_NOPTS_VALUE;
import static org.bytedeco.ffmpeg.global.avutil.AV_TIME_BASE;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.ImageReader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVCodecParameters;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avcodec.AVPacketSideData;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIndexEntry;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;

/**
 * The video stream of one file, demuxed and decoded frame by frame on the calling thread. Times are seconds from the stream's start.
 *
 * <p>Packets that do not decode and frames that the decoder itself calls damaged are passed over.
 */
final class VideoStream implements AutoCloseable {
    private static final double DEFAULT_RATE = 25;

    private final BytePointer url;
    private AVFormatContext format;
    private AVCodecContext codec;
    private AVPacket packet;
    private AVStream stream;
    private int index;
    private double tick;
    private long start;
    private double rate;
    private double skipBefore = Double.NEGATIVE_INFINITY;
    private boolean waitForKey;
    private boolean draining;
    private double lastTime;
    private double lastDuration;
    private int lastError;
    private boolean damaged;

    VideoStream(Path path) throws IOException {
        Ffmpeg.require();
        url = Ffmpeg.url(path);
        try {
            open();
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void open() throws IOException {
        format = openInput();
        Ffmpeg.check(avformat_find_stream_info(format, (AVDictionary) null), "its streams cannot be read");
        index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, (AVCodec) null, 0);
        Ffmpeg.check(index, "it has no video stream");
        stream = format.streams(index);
        for (int i = 0; i < format.nb_streams(); i++) {
            if (i != index) {
                format.streams(i).discard(AVDISCARD_ALL);
            }
        }
        tick = seconds(stream.time_base());
        start = stream.start_time() == AV_NOPTS_VALUE ? 0 : stream.start_time();
        double guessed = seconds(av_guess_frame_rate(format, stream, null));
        rate = guessed > 0 && guessed <= 1000 ? guessed : DEFAULT_RATE;
        openDecoder(stream.codecpar());
        packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
        restart();
    }

    private AVFormatContext openInput() throws IOException {
        AVFormatContext context = new AVFormatContext(null);
        AVDictionary options = new AVDictionary(null);
        try {
            // A play list inside the file must not make it read other files or the network.
            av_dict_set(options, "protocol_whitelist", "file", 0);
            Ffmpeg.check(avformat_open_input(context, url, null, options), "it cannot be opened as a video");
            return context;
        } finally {
            av_dict_free(options);
        }
    }

    private void openDecoder(AVCodecParameters parameters) throws IOException {
        AVCodec decoder = avcodec_find_decoder(parameters.codec_id());
        if (decoder == null) {
            throw new IOException("this FFmpeg has no decoder for its codec (number " + parameters.codec_id() + ")");
        }
        codec = Ffmpeg.allocated(avcodec_alloc_context3(decoder), "a decoder");
        Ffmpeg.check(avcodec_parameters_to_context(codec, parameters), "its decoder cannot be set up");
        codec.pkt_timebase(stream.time_base());
        codec.thread_count(1);
        codec.max_pixels(ImageReader.MAX_PIXELS);
        Ffmpeg.check(avcodec_open2(codec, decoder, (AVDictionary) null), "its decoder cannot be opened");
        if (codec.width() <= 0 || codec.height() <= 0) {
            throw new IOException("its header gives the size " + codec.width() + " x " + codec.height());
        }
    }

    private static double seconds(AVRational value) {
        return value == null || value.den() == 0 ? 0 : (double) value.num() / value.den();
    }

    int width() {
        return codec.width();
    }

    int height() {
        return codec.height();
    }

    /** Frames a second as the container says or FFmpeg guesses; 25 if neither does. */
    double rate() {
        return rate;
    }

    /** The length that the container or its time stamps give, in seconds; 0 if FFmpeg could only guess it from the file's size. */
    double statedDuration() {
        if (format.duration_estimation_method() == AVFMT_DURATION_FROM_BITRATE) {
            return 0;
        }
        if (stream.duration() != AV_NOPTS_VALUE && stream.duration() > 0) {
            return stream.duration() * tick;
        }
        long length = format.duration();
        return length == AV_NOPTS_VALUE || length <= 0 ? 0 : (double) length / AV_TIME_BASE;
    }

    /** The number of frames that the container gives, 0 if it gives none. */
    long statedFrames() {
        return Math.max(0, stream.nb_frames());
    }

    /** The display matrix as an EXIF orientation; turns that are no multiple of 90 degrees are left out. */
    int orientation() {
        AVCodecParameters parameters = stream.codecpar();
        AVPacketSideData data = parameters.coded_side_data();
        if (data == null || data.isNull() || parameters.nb_coded_side_data() == 0) {
            return 1;
        }
        AVPacketSideData found =
                av_packet_side_data_get(data, parameters.nb_coded_side_data(), AV_PKT_DATA_DISPLAYMATRIX);
        if (found == null || found.size() < 36) {
            return 1;
        }
        IntPointer matrix = new IntPointer(found.data());
        return orientation(matrix.get(0), matrix.get(1), matrix.get(3), matrix.get(4));
    }

    /** A point (p, q) of the coded picture is shown at (a p + c q, b p + d q). */
    static int orientation(int a, int b, int c, int d) {
        if (b == 0 && c == 0) {
            return a >= 0 ? (d >= 0 ? 1 : 4) : (d >= 0 ? 2 : 3);
        }
        if (a == 0 && d == 0) {
            return b > 0 ? (c > 0 ? 5 : 6) : (c > 0 ? 8 : 7);
        }
        return 1;
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

    /** From now on, frames that start before this time are left undecoded where no other frame is built on them. */
    void skipBefore(double seconds) {
        skipBefore = seconds;
    }

    private void feed() throws InterruptedIOException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted while decoding");
        }
        int result;
        do {
            av_packet_unref(packet);
            result = av_read_frame(format, packet);
        } while (result >= 0 && packet.stream_index() != index);
        if (result < 0) {
            if (result != AVERROR_EOF()) {
                lastError = result;
            }
            draining = true;
            avcodec_send_packet(codec, null);
            return;
        }
        // Some containers seek to any packet; what depends on frames before it would decode to rubbish.
        if (waitForKey && (packet.flags() & AV_PKT_FLAG_KEY) == 0) {
            return;
        }
        waitForKey = false;
        boolean skip = packet.pts() != AV_NOPTS_VALUE && (packet.pts() - start) * tick < skipBefore;
        codec.skip_frame(skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT);
        int sent = avcodec_send_packet(codec, packet);
        if (sent < 0 && sent != AVERROR_EAGAIN()) {
            lastError = sent;
        }
        av_packet_unref(packet);
    }

    private double time(AVFrame frame) {
        long stamp = frame.best_effort_timestamp();
        double time = stamp == AV_NOPTS_VALUE ? lastTime + lastDuration : (stamp - start) * tick;
        lastTime = time;
        lastDuration = frame.duration() > 0 ? frame.duration() * tick : 1 / rate;
        return time;
    }

    /** How long the frame that {@link #next} gave last is shown, in seconds. */
    double lastDuration() {
        return lastDuration;
    }

    /** Whether anything so far did not decode. */
    boolean sawDamage() {
        return damaged || lastError != 0;
    }

    /** FFmpeg's text for the last thing that went wrong, or null. */
    String lastError() {
        return lastError == 0 ? null : Ffmpeg.text(lastError);
    }

    /** Goes to the last key frame at or before a time; false if the container cannot. */
    boolean seek(double seconds) {
        long stamp = start + Math.round(Math.max(0, seconds) / tick);
        if (av_seek_frame(format, index, stamp, AVSEEK_FLAG_BACKWARD) < 0) {
            return false;
        }
        restart();
        waitForKey = true;
        return true;
    }

    /** Goes to the first frame, opening the file again where the container cannot seek. */
    void rewind() throws IOException {
        if (av_seek_frame(format, index, Math.min(start, 0), AVSEEK_FLAG_BACKWARD) < 0
                && av_seek_frame(format, index, start, AVSEEK_FLAG_BACKWARD) < 0) {
            closeContexts();
            open();
        }
        restart();
    }

    private void restart() {
        avcodec_flush_buffers(codec);
        draining = false;
        waitForKey = false;
        lastDuration = 1 / rate;
        lastTime = -lastDuration;
    }

    /** Time of the last key frame at or before {@code seconds} by the container's index, or NaN if it has none. */
    double keyFrameBefore(double seconds) {
        AVIndexEntry entry = avformat_index_get_entry_from_timestamp(
                stream, start + Math.round(seconds / tick), AVSEEK_FLAG_BACKWARD);
        return entry == null || entry.isNull() ? Double.NaN : (entry.timestamp() - start) * tick;
    }

    /** Reads every packet from here to the end, without decoding: the end of the last one in seconds and their number. */
    double[] probe() throws InterruptedIOException {
        double end = 0;
        long count = 0;
        while (av_read_frame(format, packet) >= 0) {
            if (packet.stream_index() == index) {
                count++;
                long stamp = packet.pts() != AV_NOPTS_VALUE ? packet.pts() : packet.dts();
                double time = stamp == AV_NOPTS_VALUE ? (count - 1) / rate : (stamp - start) * tick;
                end = Math.max(end, time + (packet.duration() > 0 ? packet.duration() * tick : 1 / rate));
            }
            av_packet_unref(packet);
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedIOException("interrupted while reading");
            }
        }
        return new double[] {end, count};
    }

    static AVFrame newFrame() throws IOException {
        return Ffmpeg.allocated(av_frame_alloc(), "a frame");
    }

    static void free(AVFrame frame) {
        if (frame != null) {
            av_frame_free(frame);
        }
    }

    private void closeContexts() {
        if (packet != null) {
            av_packet_free(packet);
            packet = null;
        }
        if (codec != null) {
            avcodec_free_context(codec);
            codec = null;
        }
        if (format != null) {
            avformat_close_input(format);
            format = null;
        }
    }

    @Override
    public void close() {
        closeContexts();
        url.close();
    }
}
