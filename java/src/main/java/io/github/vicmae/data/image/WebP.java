package io.github.vicmae.data.image;

import static org.bytedeco.ffmpeg.global.avcodec.AV_CODEC_ID_WEBP;
import static org.bytedeco.ffmpeg.global.avcodec.av_new_packet;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_alloc;
import static org.bytedeco.ffmpeg.global.avcodec.av_packet_free;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_alloc_context3;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_find_decoder;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_free_context;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_open2;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_receive_frame;
import static org.bytedeco.ffmpeg.global.avcodec.avcodec_send_packet;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_alloc;
import static org.bytedeco.ffmpeg.global.avutil.av_frame_free;

import java.io.IOException;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;

/** WebP pictures, lossy and lossless, through FFmpeg's decoder. */
final class WebP {
    private WebP() {}

    /** @throws IOException if the picture cannot be decoded whole, or FFmpeg's libraries are missing */
    static Image decode(byte[] file) throws IOException {
        Ffmpeg.require();
        return Decoder.decode(file);
    }

    /** What is made of FFmpeg's classes, apart so that they are loaded after {@link Ffmpeg#require()}. */
    private static final class Decoder {
        static Image decode(byte[] file) throws IOException {
            AVCodec decoder = Ffmpeg.allocated(avcodec_find_decoder(AV_CODEC_ID_WEBP), "a WebP decoder");
            AVCodecContext codec = null;
            AVPacket packet = null;
            AVFrame frame = null;
            try (FrameConverter converter = new FrameConverter()) {
                codec = Ffmpeg.allocated(avcodec_alloc_context3(decoder), "a WebP decoder");
                packet = Ffmpeg.allocated(av_packet_alloc(), "a packet");
                frame = Ffmpeg.allocated(av_frame_alloc(), "a frame");
                codec.thread_count(1);
                codec.max_pixels(ImageReader.MAX_PIXELS);
                Ffmpeg.check(avcodec_open2(codec, decoder, (AVDictionary) null), "its decoder cannot be opened");
                Ffmpeg.check(av_new_packet(packet, file.length), "there is not enough memory for a packet");
                packet.data().put(file, 0, file.length);
                Ffmpeg.check(avcodec_send_packet(codec, packet), "it cannot be decoded as WebP");
                Ffmpeg.check(avcodec_receive_frame(codec, frame), "it cannot be decoded as WebP");
                return converter.toRgb(frame, frame.width(), frame.height());
            } finally {
                if (frame != null) {
                    av_frame_free(frame);
                }
                if (packet != null) {
                    av_packet_free(packet);
                }
                if (codec != null) {
                    avcodec_free_context(codec);
                }
            }
        }
    }
}
