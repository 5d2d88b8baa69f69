package io.github.vicmae.kernel;

import java.nio.IntBuffer;

/**
 * Counter-based random numbers: Philox-4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 *
 * <p>A stream is a pure function of its coordinates, so a draw does not depend on which thread makes it or what was drawn before: the key is
 * the run's 64-bit seed, the counter is (index of the block of four, purpose, sample, epoch).
 *
 * <p>Not thread-safe; make one for each use, it is three words and a block of four.
 */
public final class Philox {
    private static final int M0 = 0xD2511F53;
    private static final int M1 = 0xCD9E8D57;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    private final long seed;
    private final int purpose;
    private final int sample;
    private final int epoch;
    private int index;
    private int used = 4;
    private final int[] block = new int[4];

    /**
     * @param seed the run's seed
     * @param epoch the pass over the data
     * @param sample the sample's position in the data set
     * @param purpose what is drawn: by convention the view in the low byte, the kind of draw above it
     */
    public Philox(long seed, int epoch, int sample, int purpose) {
        this.seed = seed;
        this.epoch = epoch;
        this.sample = sample;
        this.purpose = purpose;
    }

    /** Integers of a key. */
    public static final int KEY_WORDS = 5;

    /** Writes the stream's coordinates, as kernels that draw from it take them: seed (low word first), sample, epoch, purpose. */
    public void key(IntBuffer out, int offset) {
        out.put(offset, (int) seed);
        out.put(offset + 1, (int) (seed >>> 32));
        out.put(offset + 2, sample);
        out.put(offset + 3, epoch);
        out.put(offset + 4, purpose);
    }

    /** Next 32 uniform bits. */
    public int nextInt() {
        if (used == 4) {
            block(seed, index++, purpose, sample, epoch, block);
            used = 0;
        }
        return block[used++];
    }

    /** Uniform in [0, bound). */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("bound must be positive, not " + bound);
        }
        return (int) (((nextInt() & 0xFFFFFFFFL) * bound) >>> 32);
    }

    /** Uniform in [0, 1), 24 bits. */
    public float nextFloat() {
        return (nextInt() >>> 8) * 0x1p-24f;
    }

    /** Uniform in [low, high). */
    public float nextFloat(float low, float high) {
        return low + (high - low) * nextFloat();
    }

    /** Standard normal, by Box and Muller's transform; two uniforms a call. */
    public double nextGaussian() {
        double u = ((nextInt() & 0xFFFFFFFFL) + 1.0) * 0x1p-32;
        double v = (nextInt() & 0xFFFFFFFFL) * 0x1p-32;
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }

    /** One Philox-4x32-10 block: four words for the counter (c0, c1, c2, c3) under the key {@code seed}. */
    public static void block(long seed, int c0, int c1, int c2, int c3, int[] out) {
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        for (int round = 0; round < 10; round++) {
            long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
            long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += W0;
            k1 += W1;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
    }
}
