package io.github.vicmae.data.video;

import java.util.Arrays;

/** The times of packets, in seconds from their stream's start, and the rate and end that follow from them. */
final class PacketTimes {
    /** Fewer packets do not show whether a rate is constant. */
    private static final int FEW = 4;

    /** Largest rounding difference between two frame intervals, in ticks. */
    private static final double ROUNDING = 2.5;

    private double[] values = new double[256];
    private int count;
    private boolean guessed;
    private double last = Double.NEGATIVE_INFINITY;
    private double lastLength;

    /**
     * Adds a packet.
     *
     * @param time NaN if it has no time stamp; then it is taken as the next one at {@code rate}
     * @param length how long its frame is shown by the header, 0 if that does not say
     * @param rate frames a second, roughly
     */
    void add(double time, double length, double rate) {
        guessed |= Double.isNaN(time);
        double at = Double.isNaN(time) ? count / rate : time;
        if (count == values.length) {
            values = Arrays.copyOf(values, 2 * count);
        }
        values[count++] = at;
        if (at > last) {
            last = at;
            lastLength = length > 0 ? length : 1 / rate;
        }
    }

    int count() {
        return count;
    }

    /** Whether a packet had no time stamp. */
    boolean areGuessed() {
        return guessed;
    }

    double[] sorted() {
        double[] sorted = Arrays.copyOf(values, count);
        Arrays.sort(sorted);
        return sorted;
    }

    /** Frames a second from the first to the last one, 0 if there are too few. */
    double rate() {
        double[] sorted = sorted();
        double length = count < 2 ? 0 : sorted[count - 1] - sorted[0];
        return length > 0 ? (count - 1) / length : 0;
    }

    /**
     * The end of the last frame, 0 if there is none. The header's value for its length is ignored if no earlier frame was shown for that
     * long.
     */
    double end() {
        if (count == 0) {
            return 0;
        }
        double measured = rate();
        return last + (measured > 0 && lastLength > 1.5 * longest() ? 1 / measured : lastLength);
    }

    /** The longest time from one frame to the next. */
    private double longest() {
        double[] sorted = sorted();
        double longest = 0;
        for (int i = 1; i < count; i++) {
            longest = Math.max(longest, sorted[i] - sorted[i - 1]);
        }
        return longest;
    }

    /**
     * Whether the frames are the same time apart, as nearly as the container's ticks allow.
     *
     * @param tick of the container, in seconds
     */
    boolean areEven(double tick) {
        double[] sorted = sorted();
        double shortest = Double.POSITIVE_INFINITY;
        for (int i = 1; i < count; i++) {
            shortest = Math.min(shortest, sorted[i] - sorted[i - 1]);
        }
        return !guessed && count >= FEW && longest() - shortest < ROUNDING * tick;
    }
}
