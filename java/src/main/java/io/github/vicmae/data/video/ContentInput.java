package io.github.vicmae.data.video;

import static org.bytedeco.ffmpeg.global.avformat.AVSEEK_FORCE;
import static org.bytedeco.ffmpeg.global.avformat.AVSEEK_SIZE;
import static org.bytedeco.ffmpeg.global.avformat.avio_alloc_context;
import static org.bytedeco.ffmpeg.global.avformat.avio_context_free;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EIO;
import static org.bytedeco.ffmpeg.global.avutil.AVERROR_EOF;
import static org.bytedeco.ffmpeg.global.avutil.av_free;
import static org.bytedeco.ffmpeg.global.avutil.av_malloc;

import io.github.vicmae.data.image.Ffmpeg;
import io.github.vicmae.data.source.Content;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.Read_packet_Pointer_BytePointer_int;
import org.bytedeco.ffmpeg.avformat.Seek_Pointer_long_int;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Lets FFmpeg read the bytes of a sample through callbacks, wherever they are stored. All inputs share one pair of callbacks, since JavaCPP
 * offers only a few; the opaque pointer that FFmpeg passes back is the number of the input.
 */
final class ContentInput implements AutoCloseable {
    private static final int BUFFER = 1 << 16;

    private static final int SEEK_SET = 0;
    private static final int SEEK_CUR = 1;
    private static final int SEEK_END = 2;

    private static final Map<Long, ContentInput> OPEN = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final Reader READER = new Reader();
    private static final Seeker SEEKER = new Seeker();

    private final long number = NUMBERS.incrementAndGet();
    private final SeekableByteChannel channel;
    private AVIOContext context;
    private IOException failure;

    /** @throws IOException if the content cannot be opened */
    ContentInput(Content content) throws IOException {
        channel = content.open();
        try {
            BytePointer buffer = new BytePointer(Ffmpeg.allocated(av_malloc(BUFFER), "a buffer"));
            OPEN.put(number, this);
            context = avio_alloc_context(buffer, BUFFER, 0, new Number(number), READER, null, SEEKER);
            if (context == null) {
                av_free(buffer);
            }
            Ffmpeg.allocated(context, "an input");
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** What FFmpeg reads from; valid until this is closed. */
    AVIOContext context() {
        return context;
    }

    /** The last error of the content's channel, or null. */
    IOException failure() {
        return failure;
    }

    /** A number used as an address. */
    private static final class Number extends Pointer {
        Number(long number) {
            address = number;
        }
    }

    private int read(BytePointer to, int length) throws IOException {
        int count = channel.read(to.capacity(length).asByteBuffer());
        return count <= 0 ? AVERROR_EOF() : count;
    }

    private long seek(long offset, int whence) throws IOException {
        switch (whence & ~AVSEEK_FORCE) {
            case AVSEEK_SIZE:
                return channel.size();
            case SEEK_SET:
                break;
            case SEEK_CUR:
                offset += channel.position();
                break;
            case SEEK_END:
                offset += channel.size();
                break;
            default:
                return AVERROR_EIO();
        }
        if (offset < 0) {
            return AVERROR_EIO();
        }
        channel.position(offset);
        return offset;
    }

    // Exceptions must not propagate through FFmpeg's native stack frames.
    private int failed(Throwable e) {
        failure = e instanceof IOException io ? io : new IOException(e);
        return AVERROR_EIO();
    }

    private static final class Reader extends Read_packet_Pointer_BytePointer_int {
        @Override
        public int call(Pointer opaque, BytePointer to, int length) {
            ContentInput input = OPEN.get(opaque.address());
            try {
                return input.read(to, length);
            } catch (IOException | RuntimeException | Error e) {
                return input == null ? AVERROR_EIO() : input.failed(e);
            }
        }
    }

    private static final class Seeker extends Seek_Pointer_long_int {
        @Override
        public long call(Pointer opaque, long offset, int whence) {
            ContentInput input = OPEN.get(opaque.address());
            try {
                return input.seek(offset, whence);
            } catch (IOException | RuntimeException | Error e) {
                return input == null ? AVERROR_EIO() : input.failed(e);
            }
        }
    }

    /** Closes the channel and frees the context; the format context that uses it must be closed first. */
    @Override
    public void close() {
        OPEN.remove(number);
        if (context != null) {
            av_free(context.buffer()); // FFmpeg may have replaced it
            avio_context_free(context);
            context = null;
        }
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing was written, so nothing is lost.
        }
    }
}
