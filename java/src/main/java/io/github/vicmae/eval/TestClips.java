package io.github.vicmae.eval;

/**
 * The views of a video that a classifier of clips is tested on: clips at evenly spaced places, and crops at evenly spaced places along the frames' longer
 * side of each (Feichtenhofer et al. 2022 take 7 x 3 for Kinetics, VideoMAE 5 x 3, and 2 x 3 for Something-Something).
 *
 * @param clips places in time, at least 1
 * @param crops of each clip, at least 1
 * @param frames of a clip
 * @param stride frames of the video from one to the next
 */
public record TestClips(int clips, int crops, int frames, int stride) {
    public TestClips {
        if (clips < 1 || crops < 1 || frames < 1 || stride < 1) {
            throw new IllegalArgumentException("Clips, crops, frames and their stride must be at least 1, not " + clips
                    + ", " + crops + ", " + frames + " and " + stride);
        }
    }

    /**
     * Reads {@code 5x3}: clips and crops.
     *
     * @throws IllegalArgumentException if the text is none of them
     */
    public static TestClips parse(String text, int frames, int stride) {
        if (!text.matches("[1-9][0-9]{0,2}x[1-9][0-9]{0,2}")) {
            throw new IllegalArgumentException(
                    "The views of a test are a number of clips and one of crops, such as 5x3, not '" + text + "'");
        }
        String[] parts = text.split("x");
        return new TestClips(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), frames, stride);
    }

    /** Views of a video. */
    public int views() {
        return Math.multiplyExact(clips, crops);
    }

    /** Frames from the first of a clip to the last, both included. */
    int span() {
        return Math.multiplyExact(frames - 1, stride) + 1;
    }

    /**
     * A frame of a clip.
     *
     * @param clip from 0
     * @param frame of the clip, from 0
     * @param length frames of the video; its last one stands for those that it lacks
     */
    int frame(int clip, int frame, int length) {
        int room = Math.max(0, length - span());
        int first = clips == 1 ? room / 2 : (int) Math.round((double) clip * room / (clips - 1));
        return Math.min(length - 1, first + frame * stride);
    }

    /** Where a crop lies along the longer side, from 0 to 1. */
    double place(int crop) {
        return crops == 1 ? 0.5 : (double) crop / (crops - 1);
    }
}
