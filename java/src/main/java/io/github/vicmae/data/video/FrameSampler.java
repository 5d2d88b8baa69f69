package io.github.vicmae.data.video;

import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.util.Arrays;

/**
 * Which frames of a video are taken: a place for each view, and from there on the view's frames.
 *
 * <p>Distant sampling (the default): a window of {@code windowSeconds} at a random place in the video is cut into {@code views} equal segments,
 * and one place is drawn uniformly from each. With two views, their mean distance is half the window: 2.12 s give the paper's 1.06 s.
 * A video shorter than the window is used whole. Fixed distance (the ablation of arXiv 2303.12001): views that begin {@code distance} frames
 * apart, from a random first one; 0 takes the same frame again and again.
 *
 * <p>Anywhere: a place for each view, drawn from the whole video without regard to the others.
 *
 * <p>Distances and strides count frames as they are stored, whatever time lies between them. Where a video has too few, its last frame stands
 * for those that it lacks.
 *
 * @param views views of a video, at least 1
 * @param windowSeconds length of the window; not used with a fixed distance
 * @param distance frames from the beginning of one view to that of the next, {@link #DISTANT} or {@link #ANYWHERE}
 * @param frames frames of a view, at least 1
 * @param stride frames from one frame of a view to the next, at least 1; not used with {@code clipSeconds}
 * @param clipSeconds seconds over which the frames of a view are spread evenly, from the first frame to the last; NaN for a stride
 * @param far further views, each drawn from what lies at least {@code farSeconds} before the first of the others or after the last; where the
 *     video has nothing so far away, its end that is farther away stands for it
 * @param farSeconds see there
 */
public record FrameSampler(
        int views,
        double windowSeconds,
        int distance,
        int frames,
        int stride,
        double clipSeconds,
        int far,
        double farSeconds) {
    /** Stands for distant sampling in place of a fixed distance. */
    public static final int DISTANT = -1;

    /** Stands for places that do not depend on each other. */
    public static final int ANYWHERE = Integer.MIN_VALUE;

    /** The window that gives the paper's mean distance of 1.06 s. */
    public static final double DEFAULT_WINDOW = 2.12;

    public FrameSampler {
        if (views < 1 || frames < 1 || stride < 1) {
            throw new IllegalArgumentException("Views, frames a view and their stride must be at least 1, not " + views
                    + ", " + frames + " and " + stride + ".");
        }
        if (!(windowSeconds > 0) || Double.isInfinite(windowSeconds)) {
            throw new IllegalArgumentException(
                    "The window must have a positive length in seconds, not " + windowSeconds + ".");
        }
        if (far < 0 || !(farSeconds >= 0)) {
            throw new IllegalArgumentException(
                    "There must be 0 or more far views, at 0 seconds or more, not " + far + " at " + farSeconds + ".");
        }
        if (far > 0 && (frames > 1 || distance == ANYWHERE)) {
            throw new IllegalArgumentException("Far views go with single frames at a distance from each other.");
        }
        if (distance < DISTANT && distance != ANYWHERE) {
            throw new IllegalArgumentException(
                    "The distance must be 0 or more frames, or -1 for distant sampling, not " + distance + ".");
        }
        if (clipSeconds <= 0 || Double.isInfinite(clipSeconds)) {
            throw new IllegalArgumentException(
                    "A clip must have a positive length in seconds, not " + clipSeconds + ".");
        }
        if (clipSeconds > 0 && distance >= 0) {
            throw new IllegalArgumentException(
                    "Clips of a length in seconds are drawn anywhere or in a window, not at a distance in frames.");
        }
    }

    /** Views of one frame. */
    public FrameSampler(int views, double windowSeconds, int distance) {
        this(views, windowSeconds, distance, 1, 1, Double.NaN, 0, 0);
    }

    /** Distant sampling of {@code views} frames in the default window. */
    public static FrameSampler distant(int views) {
        return new FrameSampler(views, DEFAULT_WINDOW, DISTANT);
    }

    /** Frames that lie a fixed number of frames apart. */
    public static FrameSampler fixed(int views, int distance) {
        return new FrameSampler(views, DEFAULT_WINDOW, distance);
    }

    /** Views whose places do not depend on each other. */
    public static FrameSampler anywhere(int views) {
        return new FrameSampler(views, DEFAULT_WINDOW, ANYWHERE);
    }

    /** The same sampling, but each view takes {@code newFrames} frames, {@code newStride} apart, from its place on. */
    public FrameSampler withClips(int newFrames, int newStride) {
        return new FrameSampler(views, windowSeconds, distance, newFrames, newStride, Double.NaN, far, farSeconds);
    }

    /** The same places with so many frames spread evenly over a length of time. */
    public FrameSampler withClips(int newFrames, double seconds) {
        return new FrameSampler(views, windowSeconds, distance, newFrames, 1, seconds, far, farSeconds);
    }

    /** The same and so many views that are at least so many seconds away from these. */
    public FrameSampler withFar(int count, double seconds) {
        return new FrameSampler(views, windowSeconds, distance, frames, stride, clipSeconds, count, seconds);
    }

    /** Views of a video, the far ones included. */
    public int allViews() {
        return views + far;
    }

    /**
     * Draws the times of the frames of a video, view after view.
     *
     * @return views x frames times in seconds from the video's start, each while the frame that is meant is shown
     * @throws IOException if the video's frames must be known one by one, and it cannot be read
     */
    public double[] times(Philox random, Video video) throws IOException {
        double duration = Math.max(0, video.durationSeconds());
        double[] near =
                isByTime() ? places(random, duration) : times(random, video.durationSeconds(), video.frameTimes());
        return far == 0 ? near : withFar(random, duration, near);
    }

    /** Appends the far views' times. */
    double[] withFar(Philox random, double duration, double[] near) {
        double before = Math.max(0, Arrays.stream(near).min().orElse(0) - farSeconds);
        double after = Math.min(duration, Arrays.stream(near).max().orElse(0) + farSeconds);
        double[] times = Arrays.copyOf(near, near.length + far);
        for (int i = near.length; i < times.length; i++) {
            double place = random.nextFloat() * (before + duration - after);
            boolean none = before + duration - after <= 0;
            double farther = near[0] > duration - near[near.length - 1] ? 0 : duration;
            times[i] = none ? farther : place < before ? place : after + (place - before);
        }
        return times;
    }

    /** Whether times are drawn without regard to where frames begin. */
    private boolean isByTime() {
        return distance < 0 && frames == 1;
    }

    /**
     * The same from a table of the frames.
     *
     * @param duration the video's length in seconds
     * @param starts the times at which its frames begin, ascending, at least one
     */
    double[] times(Philox random, double duration, double[] starts) {
        if (isByTime()) {
            return places(random, Math.max(0, duration));
        }
        if (clipSeconds > 0) {
            return spread(random, duration, starts);
        }
        int clip = Math.multiplyExact(frames - 1, stride);
        int[] first =
                distance < 0 ? distantFrames(random, duration, starts, clip) : fixedFrames(random, starts.length, clip);
        double[] times = new double[views * frames];
        for (int v = 0; v < views; v++) {
            for (int t = 0; t < frames; t++) {
                long frame = Math.min(starts.length - 1L, first[v] + (long) t * stride);
                times[v * frames + t] = middle(starts, (int) frame, duration);
            }
        }
        return times;
    }

    /** Clips of {@code clipSeconds}: as many frames as are wanted of those that it has, evenly, the first and the last among them. */
    private double[] spread(Philox random, double duration, double[] starts) {
        double length = Math.min(clipSeconds, Math.max(0, duration));
        double[] places = places(random, Math.max(0, duration - length));
        double[] times = new double[views * frames];
        for (int v = 0; v < views; v++) {
            int first = frameFrom(starts, places[v]);
            int last = Math.max(first, frameBefore(starts, places[v] + length));
            for (int t = 0; t < frames; t++) {
                int frame = first + (int) ((long) (last - first) * t / Math.max(1, frames - 1));
                times[v * frames + t] = middle(starts, frame, duration);
            }
        }
        return times;
    }

    /** The frame that is shown at a time. */
    private static int frameAt(double[] starts, double time) {
        int at = Arrays.binarySearch(starts, time);
        return Math.max(0, Math.min(starts.length - 1, at >= 0 ? at : -at - 2));
    }

    /** The first frame that begins at a time or later. */
    private static int frameFrom(double[] starts, double time) {
        int at = Arrays.binarySearch(starts, time);
        return Math.min(starts.length - 1, at >= 0 ? at : -at - 1);
    }

    /** The last frame that begins before a time. */
    private static int frameBefore(double[] starts, double time) {
        int at = Arrays.binarySearch(starts, time);
        return Math.max(0, Math.min(starts.length - 1, (at >= 0 ? at : -at - 1) - 1));
    }

    private double[] places(Philox random, double duration) {
        if (distance == ANYWHERE) {
            double[] times = new double[views];
            for (int i = 0; i < views; i++) {
                times[i] = random.nextFloat() * duration;
            }
            return times;
        }
        double window = Math.min(windowSeconds, duration);
        double start = random.nextFloat() * (duration - window);
        double segment = window / views;
        double[] times = new double[views];
        for (int i = 0; i < views; i++) {
            times[i] = Math.min(duration, start + (i + random.nextFloat()) * segment);
        }
        return times;
    }

    /** First frames of the views, such that there are {@code clip} frames after each if the video has so many. */
    private int[] distantFrames(Philox random, double duration, double[] starts, int clip) {
        int last = Math.max(0, starts.length - 1 - clip);
        double end = last + 1 < starts.length ? starts[last + 1] : Math.max(starts[last], duration);
        return Arrays.stream(places(random, Math.max(0, end)))
                .mapToInt(time -> Math.min(last, frameAt(starts, time)))
                .toArray();
    }

    private int[] fixedFrames(Philox random, int count, int clip) {
        long span = (long) distance * (views - 1) + clip;
        int choices = (int) Math.max(1, count - span);
        int first = random.nextInt(choices);
        int[] frame = new int[views];
        for (int i = 0; i < views; i++) {
            frame[i] = (int) Math.min(count - 1, first + (long) i * distance);
        }
        return frame;
    }

    /** The middle of a frame's time. */
    private static double middle(double[] starts, int frame, double duration) {
        double end = frame + 1 < starts.length ? starts[frame + 1] : Math.max(starts[frame], duration);
        return Math.max(0, (starts[frame] + end) / 2);
    }

    /**
     * Whether a frame should be another one than that before it.
     *
     * @param index of a frame among all of a video's times
     */
    public boolean isAnotherFrame(int index) {
        return index % frames > 0 || frames == 1 && index > 0 && index < views && distance != 0 && distance != ANYWHERE;
    }
}
