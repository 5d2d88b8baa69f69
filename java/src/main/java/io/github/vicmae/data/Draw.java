package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;

/**
 * The uses of random numbers: each has its own stream for every (seed, epoch, sample), so that a draw never depends on the thread or on
 * earlier draws. In the purpose of {@link Philox}, the low byte is the view, the next byte the kind of draw, and the upper 16 bits count
 * earlier uses of the sample in the same epoch.
 */
enum Draw {
    ORDER(0x10),
    REPLACEMENT(0x11),
    FRAMES(0x12),
    VIEW(0x13),
    NOISE(0x14),
    MIXING(0x15),
    HELD_BACK(0x16);

    private final int kind;

    Draw(int kind) {
        this.kind = kind;
    }

    /** Set in {@code repeat} for a replacement of an unreadable sample; the other bits are its position in the epoch. */
    static final int REPLACED = 0x8000;

    /**
     * @param repeat 0 for the first use of the sample in the epoch, higher for further uses, so that they differ; only 16 bits count
     * @param view which of the sample's views, from 0 to 255
     */
    Philox stream(long seed, int epoch, int sample, int repeat, int view) {
        return new Philox(seed, epoch, sample, repeat << 16 | kind << 8 | view);
    }
}
