package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.io.TensorSource;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeaturesCommandTest extends CommandFixture {
    private static final int D = 32;

    @TempDir
    static Path dir;

    private static Path encoder;
    private static Path picture;

    @BeforeAll
    static void anEncoderAndAPicture() throws IOException {
        encoder = Checkpoints.write(dir.resolve("encoder.safetensors"), Checkpoints.small(), 3);
        picture = TestData.pictures(dir.resolve("pictures"), 1, 32).resolve("disc/000.png");
    }

    private int features(Path of, String... more) {
        String[] args = {"features", encoder.toString(), of.toString(), "--device", "cpu"};
        String[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return execute(all);
    }

    /** The values behind the header of a NumPy file, which must name the shape. */
    private static float[] npy(Path file, String shape) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertArrayEquals(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}, Arrays.copyOf(bytes, 8));
        int start = 10 + buffer.getShort(8);
        assertEquals(0, start % 64);
        String header = new String(bytes, 10, start - 10, StandardCharsets.US_ASCII);
        assertTrue(header.startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }"), header);
        assertTrue(header.endsWith("\n"));
        float[] values = new float[(bytes.length - start) / Float.BYTES];
        buffer.position(start)
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);
        return values;
    }

    @Test
    void theMapsMeanIsThePooledFeature() throws IOException {
        Path out = dir.resolve("own");
        assertEquals(0, features(picture, "--out", out.toString()), err.toString());
        float[] map = npy(out.resolve("000.npy"), "32, 4, 4");
        try (Device device = Device.open("cpu");
                Encoder whole = Encoder.load(encoder, device)) {
            float[] pooled = whole.embed(picture);
            for (int d = 0; d < D; d++) {
                double sum = 0;
                for (int i = 0; i < 16; i++) {
                    sum += map[d * 16 + i];
                }
                assertEquals(pooled[d], sum / 16, 1e-5, "dimension " + d);
            }
        }
    }

    @Test
    void anyImageSizeAndBothFormats() throws IOException {
        BufferedImage wide = new BufferedImage(61, 26, BufferedImage.TYPE_INT_RGB);
        Path file = dir.resolve("wide.png");
        ImageIO.write(wide, "png", file.toFile());
        Path out = dir.resolve("wide");
        assertEquals(0, features(file, "--out", out.toString()), err.toString());
        float[] map = npy(out.resolve("wide.npy"), "32, 3, 8");
        assertEquals(0, features(file, "--out", out.toString(), "--format", "pth"), err.toString());
        try (TensorSource source = TensorSource.open(out.resolve("wide.pth"))) {
            assertArrayEquals(new long[] {1, D, 3, 8}, source.info("last_feat").shape());
            assertArrayEquals(map, source.floats("last_feat"));
        }
        assertEquals(0, features(file, "--out", out.toString(), "--image", "16x48"), err.toString());
        npy(out.resolve("wide.npy"), "32, 2, 6");
        assertEquals(2, features(file, "--out", out.toString(), "--image", "20"), err.toString());
        assertTrue(err.toString().contains("multiples of 8"), err.toString());
    }
}
