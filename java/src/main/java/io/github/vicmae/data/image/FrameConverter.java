package io.github.vicmae.data.image;

import static org.bytedeco.ffmpeg.global.avutil.AVCOL_RANGE_JPEG;
import static org.bytedeco.ffmpeg.global.avutil.AVCOL_SPC_UNSPECIFIED;
import static org.bytedeco.ffmpeg.global.avutil.AV_PIX_FMT_RGB24;
import static org.bytedeco.ffmpeg.global.swscale.SWS_ACCURATE_RND;
import static org.bytedeco.ffmpeg.global.swscale.SWS_BICUBIC;
import static org.bytedeco.ffmpeg.global.swscale.SWS_CS_DEFAULT;
import static org.bytedeco.ffmpeg.global.swscale.SWS_FULL_CHR_H_INT;
import static org.bytedeco.ffmpeg.global.swscale.sws_freeContext;
import static org.bytedeco.ffmpeg.global.swscale.sws_getCachedContext;
import static org.bytedeco.ffmpeg.global.swscale.sws_getCoefficients;
import static org.bytedeco.ffmpeg.global.swscale.sws_scale;
import static org.bytedeco.ffmpeg.global.swscale.sws_setColorspaceDetails;

import java.io.IOException;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.swscale.SwsContext;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** Converts decoded frames of any pixel format to RGB images, optionally shrinking them. Not thread-safe. */
public final class FrameConverter implements AutoCloseable {
    private static final int FLAGS = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
    private static final int ONE = 1 << 16;

    private SwsContext context;
    private BytePointer rgb;
    private long capacity;
    private final PointerPointer<Pointer> planes = new PointerPointer<>(4);
    private final IntPointer strides = new IntPointer(4);

    /** @throws IOException if the frame's pixel format cannot be converted */
    public Image toRgb(AVFrame frame, int width, int height) throws IOException {
        SwsContext found = sws_getCachedContext(
                context,
                frame.width(),
                frame.height(),
                frame.format(),
                width,
                height,
                AV_PIX_FMT_RGB24,
                FLAGS,
                null,
                null,
                (DoublePointer) null);
        context = found;
        if (found == null) {
            throw new IOException("frames of pixel format " + frame.format() + " cannot be converted to RGB");
        }
        setColours(frame);
        int stride = (width * 3 + 63) / 64 * 64;
        reserve((long) stride * height + 64);
        planes.put(0, rgb);
        strides.put(0, stride);
        Ffmpeg.check(
                sws_scale(context, frame.data(), frame.linesize(), 0, frame.height(), planes, strides),
                "a frame could not be converted to RGB");
        byte[] pixels = new byte[width * height * 3];
        for (int y = 0; y < height; y++) {
            rgb.position((long) y * stride).get(pixels, y * width * 3, width * 3);
        }
        rgb.position(0);
        return new Image(width, height, 3, pixels);
    }

    /** Files that do not name their matrix get ITU-R 601, as in most players and in FFmpeg itself. */
    private void setColours(AVFrame frame) {
        int space = frame.colorspace();
        IntPointer matrix = sws_getCoefficients(space == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : space);
        IntPointer output = sws_getCoefficients(SWS_CS_DEFAULT);
        int full = frame.color_range() == AVCOL_RANGE_JPEG ? 1 : 0;
        sws_setColorspaceDetails(context, matrix, full, output, 1, 0, ONE, ONE);
    }

    private void reserve(long bytes) {
        if (bytes > capacity) {
            if (rgb != null) {
                rgb.close();
            }
            rgb = new BytePointer(bytes);
            capacity = bytes;
        }
    }

    @Override
    public void close() {
        if (context != null) {
            sws_freeContext(context);
            context = null;
        }
        if (rgb != null) {
            rgb.close();
            rgb = null;
            capacity = 0;
        }
        planes.close();
        strides.close();
    }
}
