package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.avutil.AVFrame.AV_FRAME_FLAG_CORRUPT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_ALL;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_DEFAULT;
import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_NONREF;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_DATA_DISPLAYMATRIX;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_FLAG_DISCARD;
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
import static org.bytedeco.ffmpeg.global.avformat.AVSEEK_FLAG_BACKWARD;
import static org.bytedeco.ffmpeg.global.avformat.AV_DISPOSITION_ATTACHED_PIC;
import static org.bytedeco.ffmpeg.global.avformat.av_find_best_stream;
import static org.bytedeco.ffmpeg.global.avformat.av_guess_frame_rate;
import static org.bytedeco.ffmpeg.global.avformat.av_read_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_seek_frame;
import static org.bytedeco.ffmpeg.global.avformat.avformat_alloc_context;
import static org.bytedeco.ffmpeg.global.avformat.avformat_close_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_find_stream_info;
import static org.bytedeco.ffmpeg.global.avformat.avformat_index_get_entries_count;
import static org.bytedeco.ffmpeg.global.avformat.avformat_index_get_entry;
import static org.bytedeco.ffmpeg.global.avformat.avformat_index_get_entry_from_timestamp;
import static org.bytedeco.ffmpeg.global.avformat.avformat_open_input;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EAGAIN;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_VIDEO;
import static org.bytedeco.ffmpeg.global.avutil.AV_NOPTS_VALUE;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_unref;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.ReadFailure;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
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
 * The video stream of one sample, demuxed and decoded frame by frame on the calling thread. Times are seconds from the stream's start.
 *
 * <p>Packets that do not decode and frames that the decoder itself calls damaged are passed over.
 */
final class VideoStream implements AutoCloseable {
    private static final double DEFAULT_RATE = 25;

    /** Videos with more frames a second are rare; headers that give 1000 or 90000 are not. */
    private static final double MAX_RATE = 480;

    /** Packets at the end that surely hold the last frame. */
    private static final int ENOUGH = 16;

    /** A time stamp behind every other one, far enough from the limits not to overflow in a demuxer. */
    private static final long LAST = Long.MAX_VALUE / 4;

    private final Content content;
    private ContentInput input;
    private AVFormatContext format;
    private AVCodecContext codec;
    private AVPacket packet;
    private AVStream stream;
    private int index;
    private double tick;
    private long start;
    private double rate;
    private double duration;
    /** Whether the container gives every frame's duration; if not, whether they are all the same as far as is known. */
    private boolean sampleTable;

    private boolean evenFrames;
    private double skipBefore = Double.NEGATIVE_INFINITY;
    private boolean waitForKey;
    private boolean draining;
    private double lastTime;
    private double lastDuration;
    private int lastError;
    private boolean damaged;

    VideoStream(Content content) throws IOException {
        Ffmpeg.require();
        this.content = content;
        try {
            open();
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void open() throws IOException {
        input = new ContentInput(content);
        format = openFormat();
        check(avformat_find_stream_info(format, (AVDictionary) null), "its streams cannot be read");
        index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, (AVCodec) null, 0);
        check(index, "it has no video stream");
        stream = format.streams(index);
        if ((stream.disposition() & AV_DISPOSITION_ATTACHED_PIC) != 0) {
            throw new IOException("it has a cover picture, but no video");
        }
        for (int i = 0; i < format.nb_streams(); i++) {
            if (i != index) {
                format.streams(i).discard(AVDISCARD_ALL);
            }
        }
        tick = seconds(stream.time_base());
        start = stream.start_time() == AV_NOPTS_VALUE ? 0 : stream.start_time();
        rate = likelyRate();
        openDecoder(stream.codecpar());
        packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
        if (duration == 0) {
            duration = 1 / rate; // measuring may open the file again, and come here
            sampleTable = hasSampleTable();
            duration = sampleTable ? stream.duration() * tick : measureDuration();
        }
        restart();
    }

    /** Frames a second by the header, where it is in reason: some give the ticks of their clock. */
    private double likelyRate() {
        double guessed = seconds(av_guess_frame_rate(format, stream, null));
        double average = seconds(stream.avg_frame_rate());
        if (guessed > 0 && guessed <= MAX_RATE) {
            return guessed;
        }
        return average > 0 && average <= MAX_RATE ? average : DEFAULT_RATE;
    }

    /**
     * Whether the container lists every frame with its time, as MP4 and QuickTime do, and the file is long enough to hold them. In other
     * containers a header's length is often another stream's.
     */
    private boolean hasSampleTable() throws IOException {
        if (!format.iformat().name().getString().contains("mp4")
                || stream.nb_frames() <= 0
                || stream.duration() == AV_NOPTS_VALUE
                || stream.duration() <= 0) {
            return false;
        }
        AVIndexEntry last = avformat_index_get_entry(stream, avformat_index_get_entries_count(stream) - 1);
        return last != null && !last.isNull() && last.pos() + last.size() <= content.size();
    }

    /** The end of the last packet: behind the last key frame, or in the whole file where that does not tell. */
    private double measureDuration() throws IOException {
        Times times = new Times();
        double end = 0;
        if (av_seek_frame(format, index, LAST, AVSEEK_FLAG_BACKWARD) >= 0) {
            end = readTimes(times);
            // Frames are not stored in the order of their times: a few alone may lack the last one.
            if (times.count < ENOUGH && end > 1 && seek(end - 1)) {
                times = new Times();
                end = Math.max(end, readTimes(times));
            }
        }
        if (!(end > 0) || times.guessed) {
            toStart();
            times = new Times();
            end = readTimes(times);
        }
        toStart();
        double measured = times.rate();
        evenFrames = !times.guessed && times.areEven(tick) && Math.abs(measured - rate) < 0.02 * rate;
        if (measured > 0 && (measured > 1.5 * rate || rate > 1.5 * measured)) {
            rate = measured;
        }
        return end > 0 ? end : 1 / rate;
    }

    private AVFormatContext openFormat() throws IOException {
        AVFormatContext context = Ffmpeg.allocated(avformat_alloc_context(), "a container");
        context.pb(input.context());
        AVDictionary options = new AVDictionary(null);
        try (BytePointer name = new BytePointer(content.name(), StandardCharsets.UTF_8)) {
            // A play list inside the file must not make it read other files or the network: no protocol has this name.
            av_dict_set(options, "protocol_whitelist", "none", 0);
            // The context is freed where this fails.
            check(avformat_open_input(context, name, null, options), "it cannot be opened as a video");
            return context;
        } finally {
            av_dict_free(options);
        }
    }

    /** As {@link Ffmpeg#check}, with the reason of the content's channel where that is what failed. */
    private void check(int result, String what) throws IOException {
        if (result < 0 && Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted while reading");
        }
        if (result < 0 && input.failure() != null) {
            throw new IOException(what + ": " + ReadFailure.reason(input.failure()), input.failure());
        }
        Ffmpeg.check(result, what);
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

    /** Frames a second, roughly. */
    double rate() {
        return rate;
    }

    /** The length of this stream in seconds: by the list of its frames, or else the end of its last packet. */
    double duration() {
        return duration;
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

    /**
     * How long the frame that {@link #next} gave last is shown at least, in seconds: 0 where only the next frame can tell, since headers give
     * durations that are too long.
     */
    double lastDuration() {
        return sampleTable ? lastDuration : evenFrames ? Math.min(lastDuration, 1 / rate) : 0;
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

    /** Goes to the first frame. */
    void rewind() throws IOException {
        toStart();
        restart();
    }

    /** Has the first packet read next, opening the file again where the container cannot seek. */
    private void toStart() throws IOException {
        if (av_seek_frame(format, index, Math.min(start, 0), AVSEEK_FLAG_BACKWARD) < 0
                && av_seek_frame(format, index, start, AVSEEK_FLAG_BACKWARD) < 0) {
            closeContexts();
            open();
        }
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

    /** The times at which the stream's frames begin, ascending, from the packets of the whole file; the position is lost. */
    double[] frameTimes() throws IOException {
        toStart();
        Times times = new Times();
        readTimes(times);
        return times.sorted();
    }

    /** Times of packets, as many as there are. */
    private static final class Times {
        private double[] values = new double[256];
        private int count;
        /** Whether a packet had no time stamp. */
        private boolean guessed;

        /** Frames a second from the first to the last one, 0 if there are too few. */
        double rate() {
            double[] sorted = sorted();
            double length = count < 2 ? 0 : sorted[count - 1] - sorted[0];
            return length > 0 ? (count - 1) / length : 0;
        }

        /** The longest time from one frame to the next. */
        double longest() {
            double[] sorted = sorted();
            double longest = 0;
            for (int i = 1; i < count; i++) {
                longest = Math.max(longest, sorted[i] - sorted[i - 1]);
            }
            return longest;
        }

        /** Whether the frames are the same time apart, as nearly as the container's ticks allow. */
        boolean areEven(double tick) {
            double[] sorted = sorted();
            double shortest = Double.POSITIVE_INFINITY;
            for (int i = 1; i < count; i++) {
                shortest = Math.min(shortest, sorted[i] - sorted[i - 1]);
            }
            return count >= 4 && longest() - shortest < 2.5 * Math.max(tick, 1e-6);
        }

        void add(double time) {
            if (count == values.length) {
                values = Arrays.copyOf(values, 2 * count);
            }
            values[count++] = time;
        }

        double[] sorted() {
            double[] sorted = Arrays.copyOf(values, count);
            Arrays.sort(sorted);
            return sorted;
        }
    }

    /** Reads every packet from here to the end, without decoding; returns the end of the last one in seconds, 0 if there is none. */
    private double readTimes(Times times) throws InterruptedIOException {
        double last = Double.NEGATIVE_INFINITY;
        double lastLength = 0;
        while (av_read_frame(format, packet) >= 0) {
            if (packet.stream_index() == index && (packet.flags() & AV_PKT_FLAG_DISCARD) == 0) {
                long stamp = packet.pts() != AV_NOPTS_VALUE ? packet.pts() : packet.dts();
                times.guessed |= stamp == AV_NOPTS_VALUE;
                double time = stamp == AV_NOPTS_VALUE ? times.count / rate : (stamp - start) * tick;
                times.add(time);
                if (time > last) {
                    last = time;
                    lastLength = packet.duration() > 0 ? packet.duration() * tick : 1 / rate;
                }
            }
            av_packet_unref(packet);
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedIOException("interrupted while reading");
            }
        }
        if (times.count == 0) {
            return 0;
        }
        double measured = times.rate();
        // What a header says of the last frame is not believed if no frame before it was shown for so long.
        return last + (measured > 0 && lastLength > 1.5 * times.longest() ? 1 / measured : lastLength);
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
        if (input != null) {
            input.close();
            input = null;
        }
    }

    @Override
    public void close() {
        closeContexts();
    }
}
