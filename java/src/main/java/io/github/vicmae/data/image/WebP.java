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

import io.github.vicmae.data.image.RiffChunks.Chunk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;

/**
 * WebP pictures, lossy and lossless, through FFmpeg's decoder; of an animation the first frame, on its canvas. They are turned as their EXIF
 * block says.
 */
final class WebP {
    /** Bytes of a frame's chunk in front of the picture's own: place, size, duration and flags. */
    private static final int FRAME_HEADER = 16;

    private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final int HAS_ALPHA = 0x10;

    private WebP() {}

    static boolean isWebP(byte[] file) {
        return file.length > RiffChunks.HEADER
                && new String(file, 0, 4, StandardCharsets.ISO_8859_1).equals("RIFF")
                && new String(file, 8, 4, StandardCharsets.ISO_8859_1).equals("WEBP");
    }

    /** @throws IOException if the picture cannot be decoded whole, or FFmpeg's libraries are missing */
    static Image decode(byte[] file) throws IOException {
        Ffmpeg.require();
        List<Chunk> chunks = RiffChunks.of(file, RiffChunks.HEADER, file.length);
        Chunk frame = first(chunks, "ANMF");
        Image picture = frame == null ? Decoder.decode(file) : firstFrame(file, chunks, frame);
        Chunk exif = first(chunks, "EXIF");
        return exif == null ? picture : picture.oriented(orientation(file, exif));
    }

    private static Chunk first(List<Chunk> chunks, String name) {
        return chunks.stream().filter(c -> c.name().equals(name)).findFirst().orElse(null);
    }

    /** Some writers put JPEG's header in front of the block. */
    private static int orientation(byte[] file, Chunk exif) {
        boolean prefixed = exif.length() > EXIF.length
                && Arrays.equals(file, exif.start(), exif.start() + EXIF.length, EXIF, 0, EXIF.length);
        return new TiffDirectory(file, exif.start() + (prefixed ? EXIF.length : 0), exif.end()).orientation();
    }

    private static Image firstFrame(byte[] file, List<Chunk> chunks, Chunk frame) throws IOException {
        Chunk canvas = first(chunks, "VP8X");
        if (canvas == null || canvas.length() < 10 || frame.length() < FRAME_HEADER) {
            throw new IOException("its animation is damaged");
        }
        int width = 1 + (int) RiffChunks.littleEndian(file, canvas.start() + 4, 3);
        int height = 1 + (int) RiffChunks.littleEndian(file, canvas.start() + 7, 3);
        ImageReader.checkSize(width, height);
        int x = 2 * (int) RiffChunks.littleEndian(file, frame.start(), 3);
        int y = 2 * (int) RiffChunks.littleEndian(file, frame.start() + 3, 3);
        List<Chunk> own = RiffChunks.of(file, frame.start() + FRAME_HEADER, frame.end());
        byte[] extended = null;
        if (first(own, "ALPH") != null) { // transparency needs the header of an extended file
            ByteArrayOutputStream header = new ByteArrayOutputStream();
            header.writeBytes("VP8X".getBytes(StandardCharsets.ISO_8859_1));
            header.writeBytes(RiffChunks.int32(10));
            header.writeBytes(RiffChunks.int32(HAS_ALPHA));
            header.write(file, frame.start() + 6, 6);
            extended = header.toByteArray();
        }
        return Decoder.decode(RiffChunks.file(extended, file, own)).placed(x, y, width, height);
    }

    /** The part that uses FFmpeg's classes, so that they are loaded only after {@link Ffmpeg#require()}. */
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
