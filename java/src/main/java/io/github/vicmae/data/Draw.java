package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;

/**
 * What random numbers are drawn for: each has a stream of its own for every (seed, epoch, sample), so that a draw never depends on the thread
 * or on what was drawn before. In the purpose of {@link Philox}, the low byte is the view,
 * the next one the kind of draw, and above them stands how often the sample was used before in the same epoch.
 */
enum Draw {
    ORDER(0x10),
    REPLACEMENT(0x11),
    FRAMES(0x12),
    VIEW(0x13),
    NOISE(0x14);

    private final int kind;

    Draw(int kind) {
        this.kind = kind;
    }

    /** Set in {@code repeat} for a sample that stands in for an unreadable one; its place in the epoch fills the other bits. */
    static final int REPLACED = 0x8000;

    /**
     * @param repeat 0 for the first use of the sample in the epoch, counting on for further ones, so that they differ; 16 bits count
     * @param view which of the sample's views, from 0 to 255
     */
    Philox stream(long seed, int epoch, int sample, int repeat, int view) {
        return new Philox(seed, epoch, sample, repeat << 16 | kind << 8 | view);
    }
}
