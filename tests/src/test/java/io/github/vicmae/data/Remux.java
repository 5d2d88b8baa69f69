package io.github.vicmae.data;

import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_PCM_S16LE;
import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_PNG;
import static org.bytedeco.ffmpeg.global.avcodec.AV_PKT_FLAG_KEY;
import static org.bytedeco.ffmpeg.global.avcodec.av_new_packet;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_unref;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_parameters_copy;
import static org.bytedeco.ffmpeg.global.avformat.AVIO_FLAG_WRITE;
import static org.bytedeco.ffmpeg.global.avformat.AV_DISPOSITION_ATTACHED_PIC;
import static org.bytedeco.ffmpeg.global.avformat.av_interleaved_write_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_read_frame;
import static org.bytedeco.ffmpeg.global.avformat.av_write_trailer;
import static org.bytedeco.ffmpeg.global.avformat.avformat_alloc_output_context2;
import static org.bytedeco.ffmpeg.global.avformat.avformat_close_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_find_stream_info;
import static org.bytedeco.ffmpeg.global.avformat.avformat_free_context;
import static org.bytedeco.ffmpeg.global.avformat.avformat_new_stream;
import static org.bytedeco.ffmpeg.global.avformat.avformat_open_input;
import static org.bytedeco.ffmpeg.global.avformat.avformat_write_header;
import static org.bytedeco.ffmpeg.global.avformat.avio_closep;
import static org.bytedeco.ffmpeg.global.avformat.avio_open;
import static org.bytedeco.ffmpeg.global.avutil.AVMEDIA_TYPE_AUDIO;
import static org.bytedeco.ffmpeg.global.avutil.AV_SAMPLE_FMT_S16;
import static org.bytedeco.ffmpeg.global.avutil.av_channel_layout_default;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.IntToDoubleFunction;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.AVInputFormat;
import org.bytedeco.ffmpeg.avformat.AVOutputFormat;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVRational;

/**
 * Puts the frames of a video into another container, at other times and beside a sound, as files from the world have them.
 *
 * @param times when each frame begins, in seconds
 * @param rate frames a second that the header is told, 0 for none
 * @param soundStart when a silent sound begins, in seconds
 * @param soundSeconds its length, 0 for none
 * @param cover whether a picture that covers the sound takes the place of the video
 */
public record Remux(IntToDoubleFunction times, int rate, double soundStart, double soundSeconds, boolean cover) {
    private static final int SOUND_RATE = 8000;
    private static final int MILLIS = 1000;

    /** Frames at the times given, without sound, and nothing in the header. */
    public static Remux at(IntToDoubleFunction times) {
        return new Remux(times, 0, 0, 0, false);
    }

    public Remux withRate(int newRate) {
        return new Remux(times, newRate, soundStart, soundSeconds, cover);
    }

    public Remux withSound(double start, double seconds) {
        return new Remux(times, rate, start, seconds, cover);
    }

    public Remux asCover() {
        return new Remux(times, rate, soundStart, soundSeconds, true);
    }

    /** Writes the video {@code in} to {@code out}, whose extension names the container. */
    public Path write(Path in, Path out) throws IOException {
        byte[] picture = Pictures.encode(Pictures.buffered(Pictures.random(32, 24, 3, 1)), "png");
        AVFormatContext from = new AVFormatContext(null);
        check(avformat_open_input(from, in.toString(), (AVInputFormat) null, (AVDictionary) null));
        check(avformat_find_stream_info(from, (AVDictionary) null));
        AVFormatContext to = new AVFormatContext(null);
        check(avformat_alloc_output_context2(to, (AVOutputFormat) null, (String) null, out.toString()));
        AVStream video = avformat_new_stream(to, null);
        check(avcodec_parameters_copy(video.codecpar(), from.streams(0).codecpar()));
        video.codecpar().codec_tag(0);
        // AVI counts in frames, others in milliseconds.
        video.time_base(new AVRational().num(1).den(rate > 0 && out.toString().endsWith(".avi") ? rate : MILLIS));
        if (rate > 0) {
            video.avg_frame_rate(new AVRational().num(rate).den(1));
        }
        if (cover) {
            video.codecpar().codec_id(AV_CODEC_ID_PNG);
            video.disposition(AV_DISPOSITION_ATTACHED_PIC);
        }
        AVStream sound = soundSeconds > 0 ? sound(to) : null;
        AVIOContext io = new AVIOContext(null);
        check(avio_open(io, out.toString(), AVIO_FLAG_WRITE));
        to.pb(io);
        check(avformat_write_header(to, (AVDictionary) null));
        AVPacket packet = av_packet_alloc();
        double tick = (double) video.time_base().num() / video.time_base().den();
        for (int i = 0; av_read_frame(from, packet) >= 0; i++) {
            if (cover) {
                av_packet_unref(packet);
                check(av_new_packet(packet, picture.length));
                packet.data().put(picture);
                packet.flags(AV_PKT_FLAG_KEY);
            }
            if (!cover || i == 0) {
                long stamp = Math.round(times.applyAsDouble(i) / tick);
                packet.pts(stamp);
                packet.dts(stamp);
                // QuickTime shows a last frame only if it has a duration.
                packet.duration(rate > 0 ? 0 : Math.round(0.1 / tick));
                packet.stream_index(0);
                check(av_interleaved_write_frame(to, packet));
            }
            av_packet_unref(packet);
        }
        if (sound != null) {
            silence(to, sound, packet);
        }
        check(av_write_trailer(to));
        av_packet_free(packet);
        avio_closep(to.pb());
        avformat_free_context(to);
        avformat_close_input(from);
        return out;
    }

    private static AVStream sound(AVFormatContext to) {
        AVStream sound = avformat_new_stream(to, null);
        sound.codecpar().codec_type(AVMEDIA_TYPE_AUDIO);
        sound.codecpar().codec_id(AV_CODEC_ID_PCM_S16LE);
        sound.codecpar().format(AV_SAMPLE_FMT_S16);
        sound.codecpar().sample_rate(SOUND_RATE);
        sound.codecpar().bits_per_coded_sample(16);
        sound.codecpar().block_align(2);
        sound.codecpar().bit_rate(16 * SOUND_RATE);
        av_channel_layout_default(sound.codecpar().ch_layout(), 1);
        sound.time_base(new AVRational().num(1).den(SOUND_RATE));
        return sound;
    }

    private void silence(AVFormatContext to, AVStream sound, AVPacket packet) {
        double tick = (double) sound.time_base().num() / sound.time_base().den();
        int samples = SOUND_RATE / 2;
        for (int i = 0; i < 2 * soundSeconds; i++) {
            check(av_new_packet(packet, 2 * samples));
            packet.data().put(new byte[2 * samples]);
            packet.pts(Math.round((soundStart + 0.5 * i) / tick));
            packet.dts(packet.pts());
            packet.duration(Math.round(0.5 / tick));
            packet.stream_index(1);
            packet.flags(AV_PKT_FLAG_KEY);
            check(av_interleaved_write_frame(to, packet));
        }
    }

    private static void check(int result) {
        assertTrue(result >= 0, () -> "FFmpeg's error " + result);
    }
}
