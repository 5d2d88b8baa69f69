package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.global.avcodec.AVDISCARD_ALL;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_DATA_DISPLAYMATRIX;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_FLAG_DISCARD;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_side_data_get;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
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
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_VIDEO;
import static org.bytedeco.ffmpeg.global.avutil.AV_NOPTS_VALUE;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_free;
import static org.bytedeco.ffmpeg.global.avutil.av_dict_set;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.ReadFailure;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecParameters;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avcodec.AVPacketSideData;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIndexEntry;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;

/**
 * The packets of a sample's video stream, and its length and rate, which are the stream's own: what the header says of the container or of
 * another stream does not count, and the stream's own header only as far as its frames agree with it. Nothing is decoded. Times are seconds
 * from the stream's start.
 */
final class VideoContainer implements AutoCloseable {
    private static final double DEFAULT_RATE = 25;

    /** Higher rates are rare in videos, but common as wrong header values (1000, 90000). */
    private static final double MAX_RATE = 480;

    /** With this many packets at the end, the last frame is certainly among them. */
    private static final int ENOUGH = 16;

    /** A timestamp after all others, far enough from the limits not to overflow in a demuxer. */
    private static final long LAST = Long.MAX_VALUE / 4;

    private final Content content;
    private ContentInput input;
    private AVFormatContext format;
    private AVStream stream;
    private int index;
    private double tick;
    private long start;
    private double rate;
    private double duration;
    private boolean sampleTable;
    private boolean even;

    VideoContainer(Content content) throws IOException {
        this.content = content;
        try {
            open();
            rate = likelyRate();
            sampleTable = hasSampleTable();
            duration = sampleTable ? stream.duration() * tick : measureDuration();
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

    private static double seconds(AVRational value) {
        return value == null || value.den() == 0 ? 0 : (double) value.num() / value.den();
    }

    /** Frames per second according to the header, if plausible: some headers give the ticks of their clock. */
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

    /** The end of the last packet, found after the last key frame, or else by reading the whole file. */
    private double measureDuration() throws IOException {
        PacketTimes times = new PacketTimes();
        double end = 0;
        if (av_seek_frame(format, index, LAST, AVSEEK_FLAG_BACKWARD) >= 0) {
            times = readTimes();
            end = times.end();
            // Frames are not stored in time order, so the last few packets alone may not include the last frame.
            if (times.count() < ENOUGH && end > 1 && seek(end - 1)) {
                times = readTimes();
                end = Math.max(end, times.end());
            }
        }
        if (!(end > 0) || times.areGuessed()) {
            toStart();
            times = readTimes();
            end = times.end();
        }
        toStart();
        double measured = times.rate();
        even = times.areEven(tick) && Math.abs(measured - rate) < 0.02 * rate;
        if (measured > 0 && (measured > 1.5 * rate || rate > 1.5 * measured)) {
            rate = measured;
        }
        return end > 0 ? end : 1 / rate;
    }

    /** The times of all packets from here to the end. */
    private PacketTimes readTimes() throws IOException {
        PacketTimes times = new PacketTimes();
        AVPacket packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
        try {
            while (read(packet) >= 0) {
                if ((packet.flags() & AV_PKT_FLAG_DISCARD) == 0) {
                    long stamp = packet.pts() != AV_NOPTS_VALUE ? packet.pts() : packet.dts();
                    times.add(time(stamp), packet.duration() * tick, rate);
                }
                if (Thread.currentThread().isInterrupted()) {
                    throw new InterruptedIOException("interrupted while reading");
                }
            }
            return times;
        } finally {
            av_packet_free(packet);
        }
    }

    /** The times at which the stream's frames begin, ascending, from the packets of the whole file; the position is lost. */
    double[] frameTimes() throws IOException {
        toStart();
        return readTimes().sorted();
    }

    /** Reads the stream's next packet into {@code packet}; FFmpeg's error, which is negative, at the end. */
    int read(AVPacket packet) {
        int result;
        do {
            av_packet_unref(packet);
            result = av_read_frame(format, packet);
        } while (result >= 0 && packet.stream_index() != index);
        return result;
    }

    /** Seeks to the last key frame at or before a time; false if the container cannot. */
    boolean seek(double seconds) {
        long stamp = start + Math.round(Math.max(0, seconds) / tick);
        return av_seek_frame(format, index, stamp, AVSEEK_FLAG_BACKWARD) >= 0;
    }

    /** Goes back to the first packet, reopening the file where the container cannot seek. */
    void toStart() throws IOException {
        if (av_seek_frame(format, index, Math.min(start, 0), AVSEEK_FLAG_BACKWARD) < 0
                && av_seek_frame(format, index, start, AVSEEK_FLAG_BACKWARD) < 0) {
            close();
            open();
        }
    }

    /** Time of the last key frame at or before {@code seconds} by the container's index, or NaN if it has none. */
    double keyFrameBefore(double seconds) {
        AVIndexEntry entry = avformat_index_get_entry_from_timestamp(
                stream, start + Math.round(seconds / tick), AVSEEK_FLAG_BACKWARD);
        return entry == null || entry.isNull() ? Double.NaN : time(entry.timestamp());
    }

    /** A time stamp in seconds, NaN for none. */
    double time(long stamp) {
        return stamp == AV_NOPTS_VALUE ? Double.NaN : (stamp - start) * tick;
    }

    /** Seconds of so many ticks. */
    double seconds(long ticks) {
        return ticks * tick;
    }

    /** Approximate frames per second. */
    double rate() {
        return rate;
    }

    /** The length of the stream in seconds: by the list of its frames, or else the end of its last packet. */
    double duration() {
        return duration;
    }

    /**
     * How long a frame is shown at least, in seconds: 0 where only the next frame can tell, since headers give durations that are too long.
     *
     * @param stated by the packet
     */
    double leastLength(double stated) {
        return sampleTable ? stated : even ? Math.min(stated, 1 / rate) : 0;
    }

    AVCodecParameters parameters() {
        return stream.codecpar();
    }

    AVRational timeBase() {
        return stream.time_base();
    }

    /** The display matrix as an EXIF orientation; rotations by other than multiples of 90 degrees are ignored. */
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

    @Override
    public void close() {
        if (format != null) {
            avformat_close_input(format);
            format = null;
        }
        if (input != null) {
            input.close();
            input = null;
        }
    }
}
