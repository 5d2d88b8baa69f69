package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.ImageReader;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.params.provider.MethodSource;

/** Of every format that is read. */
class ImageFuzz {
    /** One pixel, losslessly, and one with loss. */
    private static final List<String> WEBP = List.of(
            "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==",
            "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA");

    /** The header alone may ask for this many pixels, each of them with two copies of its colours. */
    private static final long DECODED_BYTES = ImageReader.MAX_PIXELS * 8;

    static List<byte[]> seeds() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        BufferedImage picture = Pictures.buffered(Pictures.gradient(9, 5));
        for (String format : List.of("jpeg", "png", "gif", "bmp", "tiff")) {
            seeds.add(Pictures.encode(picture, format));
        }
        for (String webp : WEBP) {
            seeds.add(Base64.getDecoder().decode(webp));
        }
        return seeds;
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.picture", DECODED_BYTES, file -> ImageReader.read(file, 3));
    }
}
