package io.github.vicmae.io;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Damages a valid file in thousands of ways: a reader either reads the result or refuses it with a message that names the file. */
public final class Mutations {
    private static final int SEEDS = 4000;
    /** Of either kind, or the damage would be too small or too large to tell anything. */
    private static final int AT_LEAST = 100;

    private Mutations() {}

    /** Opens a file of tensors. */
    @FunctionalInterface
    public interface Opener {
        TensorSource open(Path file) throws IOException;
    }

    public static void areReadOrRefused(Path valid, Opener opener) throws IOException {
        byte[] bytes = Files.readAllBytes(valid);
        Path file = valid.resolveSibling("mutated");
        int read = 0;
        int refused = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            Files.write(file, mutate(bytes, new Random(seed)));
            try (TensorSource source = opener.open(file)) {
                for (String name : source.names()) {
                    if (source.info(name).dtype().isFloat()) {
                        source.floats(name);
                    } else {
                        source.longs(name);
                    }
                }
                read++;
            } catch (IOException e) {
                assertTrue(e.getMessage().startsWith(file.toString()), "seed " + seed + ": " + e.getMessage());
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertTrue(read > AT_LEAST && refused > AT_LEAST, "read " + read + ", refused " + refused);
    }

    /** Changes, removes, repeats or inserts a few bytes, or swaps a number in the header. */
    private static byte[] mutate(byte[] valid, Random random) {
        byte[] bytes = valid.clone();
        for (int i = random.nextInt(3); i >= 0 && bytes.length > 0; i--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes = Arrays.copyOf(bytes, at);
                case 3 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(20));
                default -> {
                    for (int k = at; k < bytes.length; k++) {
                        if (bytes[k] >= '0' && bytes[k] <= '9') {
                            bytes[k] = (byte) ('0' + random.nextInt(10));
                            break;
                        }
                    }
                }
            }
        }
        return bytes;
    }
}
