package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.avformat.AVFormatContext.AVFMT_FLAG_BITEXACT;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_FLAG_BITEXACT;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_FLAG_GLOBAL_HEADER;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_FLAG_QSCALE;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_MPEG4;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_rescale_ts;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_encoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_from_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_packet;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_frame;
import static org.bytedeco.ffmpeg.global.avformat.AVFMT_GLOBALHEADER;
import static org.bytedeco.ffmpeg.global.avformat.AVIO_FLAG_WRITE;
import static org.bytedeco.ffmpeg.global.avformat.av_interleaved_write_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_write_trailer;
import static org.bytedeco.ffmpeg.global.avformat.avformat_alloc_output_context2;
import static org.bytedeco.ffmpeg.global.avformat.avformat_free_context;
import static org.bytedeco.ffmpeg.global.avformat.avformat_new_stream;
import static org.bytedeco.ffmpeg.global.avformat.avformat_write_header;
import static org.bytedeco.ffmpeg.global.avformat.avio_close_dyn_buf;
import static org.bytedeco.ffmpeg.global.avformat.avio_closep;
import static org.bytedeco.ffmpeg.global.avformat.avio_open;
import static org.bytedeco.ffmpeg.global.avformat.avio_open_dyn_buf;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EAGAIN;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_RGB24;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_YUV420P;
import static org.bytedeco.ffmpeg.global.avutil.FF_QP2LAMBDA;
import static org.bytedeco.ffmpeg.global.avutil.av_d2q;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_get_buffer;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_make_writable;
import static org.bytedeco.ffmpeg.global.avutil.av_free;
import static org.bytedeco.ffmpeg.global.swscale.SWS_ACCURATE_RND;
import static org.bytedeco.ffmpeg.global.swscale.SWS_BICUBIC;
import static org.bytedeco.ffmpeg.global.swscale.sws_freeContext;
import static org.bytedeco.ffmpeg.global.swscale.sws_getContext;
import static org.bytedeco.ffmpeg.global.swscale.sws_scale;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.ReadFailure;
import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.AVOutputFormat;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.ffmpeg.swscale.SwsContext;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Writes RGB images as a video file, MPEG-4 part 2 in the container that the file's extension names (.mp4, .mkv, .avi, .mov), or as such a file in
 * memory. The same images give the same bytes. Not thread-safe.
 */
public final class VideoWriter implements AutoCloseable {
    /** MPEG-4 stores the ticks of a second in 16 bits. */
    private static final int MOST_TICKS = 65535;

    /**
     * What is written.
     *
     * @param width columns, even
     * @param height rows, even
     * @param framesPerSecond 1 to 1000, stored as a fraction: 29.97003 becomes 30000/1001
     * @param quantiser MPEG-4's quantiser, 1 (best) to 31
     * @param keyFrameInterval frames from one key frame to the next
     */
    public record Settings(int width, int height, double framesPerSecond, int quantiser, int keyFrameInterval) {
        public Settings {
            if (width <= 0 || height <= 0 || width % 2 != 0 || height % 2 != 0) {
                throw new IllegalArgumentException(
                        "A video needs a positive, even width and height, not " + width + " x " + height + ".");
            }
            if (!(framesPerSecond >= 1) || framesPerSecond > 1000) {
                throw new IllegalArgumentException("The frame rate must be 1 to 1000, not " + framesPerSecond + ".");
            }
            if (quantiser < 1 || quantiser > 31) {
                throw new IllegalArgumentException("The quantiser must be 1 to 31, not " + quantiser + ".");
            }
            if (keyFrameInterval < 1) {
                throw new IllegalArgumentException(
                        "The key frame interval must be positive, not " + keyFrameInterval + ".");
            }
        }

        /** Good quality with a key frame every 12 frames. */
        public static Settings of(int width, int height, double framesPerSecond) {
            return new Settings(width, height, framesPerSecond, 3, 12);
        }
    }

    private final Path path;
    private final boolean inMemory;
    private final Settings settings;
    private AVFormatContext format;
    private AVCodecContext codec;
    private AVStream stream;
    private AVFrame frame;
    private AVPacket packet;
    private SwsContext converter;
    private BytePointer rgb;
    private final PointerPointer<Pointer> planes = new PointerPointer<>(4);
    private final IntPointer strides = new IntPointer(4);
    private final AVRational rate;
    private final AVRational tick;
    private boolean started;
    private long frames;

    /** @throws IOException if the file cannot be written or its extension names no container */
    public VideoWriter(Path path, Settings settings) throws IOException {
        this(path, settings, false);
    }

    private VideoWriter(Path path, Settings settings, boolean inMemory) throws IOException {
        this.path = path;
        this.settings = settings;
        this.inMemory = inMemory;
        Ffmpeg.require();
        rate = av_d2q(settings.framesPerSecond, MOST_TICKS);
        tick = new AVRational().num(rate.den()).den(rate.num());
        try {
            openEncoder();
            openFile();
            openConverter();
        } catch (IOException e) {
            free();
            throw unwritable(e);
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
    }

    /**
     * Writes an MP4 file that stays in memory, until {@link #finish} gives its bytes.
     *
     * @throws IOException if there is no encoder
     */
    public static VideoWriter inMemory(Settings settings) throws IOException {
        return new VideoWriter(Path.of("clip.mp4"), settings, true);
    }

    private IOException unwritable(Throwable e) {
        return new IOException("Cannot write the video " + path + ": " + ReadFailure.reason(e) + ".", e);
    }

    private void openEncoder() throws IOException {
        AVCodec encoder = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
        if (encoder == null) {
            throw new IOException("this FFmpeg has no MPEG-4 encoder");
        }
        codec = Ffmpeg.allocated(avcodec_alloc_context3(encoder), "an encoder");
        codec.width(settings.width);
        codec.height(settings.height);
        codec.pix_fmt(AV_PIX_FMT_YUV420P);
        codec.time_base(tick);
        codec.framerate(rate);
        codec.gop_size(settings.keyFrameInterval);
        codec.max_b_frames(0);
        codec.thread_count(1);
        codec.global_quality(FF_QP2LAMBDA * settings.quantiser);
        codec.flags(codec.flags() | AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT);
        format = new AVFormatContext(null);
        try (BytePointer url = Ffmpeg.url(path)) {
            Ffmpeg.check(
                    avformat_alloc_output_context2(format, (AVOutputFormat) null, (BytePointer) null, url),
                    "its extension names no video container");
        }
        if ((format.oformat().flags() & AVFMT_GLOBALHEADER) != 0) {
            codec.flags(codec.flags() | AV_CODEC_FLAG_GLOBAL_HEADER);
        }
        Ffmpeg.check(avcodec_open2(codec, encoder, (AVDictionary) null), "the encoder cannot be opened");
    }

    private void openFile() throws IOException {
        stream = Ffmpeg.allocated(avformat_new_stream(format, null), "a stream");
        stream.time_base(tick);
        stream.avg_frame_rate(codec.framerate());
        Ffmpeg.check(
                avcodec_parameters_from_context(stream.codecpar(), codec), "the encoder's settings cannot be stored");
        format.flags(format.flags() | AVFMT_FLAG_BITEXACT);
        AVIOContext io = new AVIOContext(null);
        if (inMemory) {
            Ffmpeg.check(avio_open_dyn_buf(io), "there is not enough memory");
        } else {
            try (BytePointer url = Ffmpeg.url(path)) {
                Ffmpeg.check(avio_open(io, url, AVIO_FLAG_WRITE), "the file cannot be opened");
            }
        }
        format.pb(io);
        Ffmpeg.check(avformat_write_header(format, (AVDictionary) null), "the header cannot be written");
        started = true;
    }

    private void openConverter() throws IOException {
        frame = Ffmpeg.allocated(av_frame_alloc(), "a frame");
        frame.format(AV_PIX_FMT_YUV420P);
        frame.width(settings.width);
        frame.height(settings.height);
        Ffmpeg.check(av_frame_get_buffer(frame, 0), "a frame cannot be allocated");
        packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
        converter = Ffmpeg.allocated(
                sws_getContext(
                        settings.width,
                        settings.height,
                        AV_PIX_FMT_RGB24,
                        settings.width,
                        settings.height,
                        AV_PIX_FMT_YUV420P,
                        SWS_BICUBIC | SWS_ACCURATE_RND,
                        null,
                        null,
                        (DoublePointer) null),
                "a converter");
        rgb = new BytePointer(settings.width * settings.height * 3L + 64);
        planes.put(0, rgb);
        strides.put(0, settings.width * 3);
    }

    /**
     * Appends one frame.
     *
     * @throws IllegalArgumentException if the image has another size than the video
     * @throws IOException if it cannot be written
     */
    public void write(Image image) throws IOException {
        if (image.width() != settings.width || image.height() != settings.height) {
            throw new IllegalArgumentException("The video has frames of " + settings.width + " x " + settings.height
                    + ", not " + image.width() + " x " + image.height() + ".");
        }
        try {
            byte[] pixels = image.withChannels(3).pixels();
            rgb.put(pixels, 0, pixels.length);
            Ffmpeg.check(av_frame_make_writable(frame), "a frame cannot be allocated");
            Ffmpeg.check(
                    sws_scale(converter, planes, strides, 0, settings.height, frame.data(), frame.linesize()),
                    "a frame cannot be converted");
            frame.pts(frames++);
            encode(frame);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private void encode(AVFrame next) throws IOException {
        Ffmpeg.check(avcodec_send_frame(codec, next), "a frame cannot be encoded");
        while (true) {
            int result = avcodec_receive_packet(codec, packet);
            if (result == AVERROR_EAGAIN() || result == AVERROR_EOF()) {
                return;
            }
            Ffmpeg.check(result, "a frame cannot be encoded");
            av_packet_rescale_ts(packet, tick, stream.time_base());
            packet.stream_index(stream.index());
            packet.duration(0);
            Ffmpeg.check(av_interleaved_write_frame(format, packet), "a frame cannot be written");
        }
    }

    /** Ends the file. @throws IOException if its last part cannot be written */
    @Override
    public void close() throws IOException {
        if (format == null) {
            return;
        }
        try {
            end();
        } finally {
            free();
        }
    }

    /**
     * Ends a file in memory and closes the writer.
     *
     * @return its bytes
     * @throws IllegalStateException if the file is not in memory, or the writer is closed
     * @throws IOException if its last part cannot be written
     */
    public byte[] finish() throws IOException {
        if (!inMemory || format == null) {
            throw new IllegalStateException("Only an open video in memory has bytes to give.");
        }
        try {
            end();
            return takeBytes();
        } finally {
            free();
        }
    }

    private void end() throws IOException {
        try {
            if (started) {
                encode(null);
                Ffmpeg.check(av_write_trailer(format), "its index cannot be written");
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private byte[] takeBytes() {
        BytePointer buffer = new BytePointer((Pointer) null);
        byte[] bytes = new byte[avio_close_dyn_buf(format.pb(), buffer)];
        format.pb(null);
        buffer.get(bytes);
        av_free(buffer);
        return bytes;
    }

    private void free() {
        if (frame != null) {
            av_frame_free(frame);
        }
        if (packet != null) {
            av_packet_free(packet);
        }
        if (converter != null) {
            sws_freeContext(converter);
        }
        if (rgb != null) {
            rgb.close();
        }
        if (codec != null) {
            avcodec_free_context(codec);
        }
        if (format != null && !format.isNull()) {
            if (format.pb() != null && inMemory) {
                takeBytes();
            } else if (format.pb() != null) {
                avio_closep(format.pb());
            }
            avformat_free_context(format);
        }
        format = null;
        planes.close();
        strides.close();
        rate.close();
        tick.close();
    }
}
