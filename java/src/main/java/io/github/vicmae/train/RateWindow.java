package io.github.vicmae.train;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The time of a step by those of the last minute, from which the remaining time is foretold. The first step, which compiles kernels and opens files,
 * counts only as long as there is no other.
 */
final class RateWindow {
    private static final double SECONDS = 60;
    /** Where a step takes long, these many count however old they are. */
    private static final int FEWEST = 5;

    private record Step(double seconds, double waiting) {}

    private final Deque<Step> steps = new ArrayDeque<>();
    private boolean isFirst = true;
    private double seconds;
    private double waiting;

    /**
     * Adds a step.
     *
     * @param seconds that it took
     * @param waiting seconds of them spent waiting for data
     */
    void add(double seconds, double waiting) {
        if (isFirst && !steps.isEmpty()) {
            isFirst = false;
            removeOldest();
        }
        steps.addLast(new Step(seconds, waiting));
        this.seconds += seconds;
        this.waiting += waiting;
        while (steps.size() > FEWEST && this.seconds - steps.getFirst().seconds >= SECONDS) {
            removeOldest();
        }
    }

    private void removeOldest() {
        Step oldest = steps.removeFirst();
        seconds -= oldest.seconds;
        waiting -= oldest.waiting;
    }

    /** Returns the mean seconds of a step, NaN before the first. */
    double secondsPerStep() {
        return seconds / steps.size();
    }

    /** Returns the share of the time spent waiting for data, 0 to 1. */
    double waitingShare() {
        return seconds > 0 ? Math.min(1, Math.max(0, waiting / seconds)) : 0;
    }
}
