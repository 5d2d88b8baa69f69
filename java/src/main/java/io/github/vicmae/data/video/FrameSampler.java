package io.github.vicmae.data.video;

import io.github.vicmae.kernel.Philox;

/**
 * Which frames of a clip are taken.
 *
 * <p>Distant sampling (the default): a window of {@code windowSeconds} at a random place in the clip is cut into {@code frames} equal segments,
 * and one frame is drawn uniformly from each. With two frames, their mean distance is half the window: 2.12 s give the paper's 1.06 s.
 * A clip shorter than the window is used whole. Fixed distance (the ablation of arXiv 2303.12001): frames {@code distance} frames apart, from
 * a random first one; 0 takes the same frame again and again.
 *
 * @param frames frames a clip, at least 1
 * @param windowSeconds length of the window; not used with a fixed distance
 * @param distance frames from one to the next, or {@link #DISTANT}
 */
public record FrameSampler(int frames, double windowSeconds, int distance) {
    /** Stands for distant sampling in place of a fixed distance. */
    public static final int DISTANT = -1;

    /** The window that gives the paper's mean distance of 1.06 s. */
    public static final double DEFAULT_WINDOW = 2.12;

    public FrameSampler {
        if (frames < 1) {
            throw new IllegalArgumentException("At least one frame must be drawn from a clip, not " + frames + ".");
        }
        if (!(windowSeconds > 0) || Double.isInfinite(windowSeconds)) {
            throw new IllegalArgumentException(
                    "The window must have a positive length in seconds, not " + windowSeconds + ".");
        }
        if (distance < DISTANT) {
            throw new IllegalArgumentException(
                    "The distance must be 0 or more frames, or -1 for distant sampling, not " + distance + ".");
        }
    }

    /** Distant sampling of {@code frames} frames in the default window. */
    public static FrameSampler distant(int frames) {
        return new FrameSampler(frames, DEFAULT_WINDOW, DISTANT);
    }

    /** Frames that lie a fixed number of frames apart. */
    public static FrameSampler fixed(int frames, int distance) {
        return new FrameSampler(frames, DEFAULT_WINDOW, distance);
    }

    /**
     * Draws the times of the frames, in ascending order, each in the middle of a frame's interval where the distance is fixed.
     *
     * @param duration the clip's length in seconds
     * @param frameRate its frames a second
     * @return {@code frames} times in [0, duration]
     */
    public double[] times(Philox random, double duration, double frameRate) {
        double length = Math.max(0, duration);
        return distance == DISTANT ? distantTimes(random, length) : fixedTimes(random, length, frameRate);
    }

    private double[] distantTimes(Philox random, double duration) {
        double window = Math.min(windowSeconds, duration);
        double start = random.nextFloat() * (duration - window);
        double segment = window / frames;
        double[] times = new double[frames];
        for (int i = 0; i < frames; i++) {
            times[i] = Math.min(duration, start + (i + random.nextFloat()) * segment);
        }
        return times;
    }

    private double[] fixedTimes(Philox random, double duration, double frameRate) {
        long count = Math.max(1, Math.round(duration * frameRate));
        long span = (long) distance * (frames - 1);
        // In a clip that is too short the last frames are the same one.
        int choices = (int) Math.min(Integer.MAX_VALUE, Math.max(1, count - span));
        int first = random.nextInt(choices);
        double[] times = new double[frames];
        for (int i = 0; i < frames; i++) {
            long frame = Math.min(count - 1, first + (long) i * distance);
            times[i] = Math.min(duration, (frame + 0.5) / frameRate);
        }
        return times;
    }
}
