package io.github.vicmae.data.image;

import static org.bytedeco.ffmpeg.global.avutil.AV_LOG_QUIET;
import static org.bytedeco.ffmpeg.global.avutil.av_log_set_level;
import static org.bytedeco.ffmpeg.global.avutil.av_strerror;

import io.github.vicmae.device.JavaCppLimits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.bytedeco.javacpp.BytePointer;

/** FFmpeg's libraries: loaded once, with logging off, and their error codes as text. */
public final class Ffmpeg {
    private static final String FAILURE = load();

    private Ffmpeg() {}

    /** @throws IOException if FFmpeg's native libraries could not be loaded, with the reason */
    public static void require() throws IOException {
        if (FAILURE != null) {
            throw new IOException(FAILURE);
        }
    }

    private static String load() {
        JavaCppLimits.lift();
        try {
            av_log_set_level(AV_LOG_QUIET);
            return null;
        } catch (NoClassDefFoundError e) {
            return "FFmpeg is not in this distribution; videos need the full one, or the jars of org.bytedeco:ffmpeg and"
                    + " org.bytedeco:javacpp, with those of this platform, on the class path";
        } catch (LinkageError e) {
            return "FFmpeg's native libraries could not be loaded (" + e.getMessage()
                    + "); videos need the org.bytedeco:ffmpeg jar of this platform on the class path";
        }
    }

    /** The path as a URL that FFmpeg accepts for a local file, whatever characters it has; the caller closes it. */
    public static BytePointer url(Path path) {
        return new BytePointer("file:" + path.toAbsolutePath(), StandardCharsets.UTF_8);
    }

    public static String text(int error) {
        byte[] buffer = new byte[256];
        av_strerror(error, buffer, buffer.length);
        int end = 0;
        while (end < buffer.length && buffer[end] != 0) {
            end++;
        }
        return new String(buffer, 0, end, StandardCharsets.UTF_8);
    }

    /** Returns a non-negative result; throws for a negative one. */
    public static int check(int result, String what) throws IOException {
        if (result < 0) {
            throw new IOException(what + ": " + text(result));
        }
        return result;
    }

    public static <T> T allocated(T pointer, String what) throws IOException {
        if (pointer == null) {
            throw new IOException("there is not enough memory for " + what);
        }
        return pointer;
    }
}
