package io.github.vicmae.data.video;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.FrameList;
import io.github.vicmae.data.source.ReadFailure;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** A video that is stored as a picture for each frame. */
final class FrameSequence implements Video {
    private final double rate;
    private final List<Content> frames;
    private final double[] times;
    private final Image first;
    private double shown = Double.NaN;

    FrameSequence(FrameList list) throws IOException {
        rate = list.rate();
        try {
            frames = list.frames();
        } catch (IOException e) {
            throw new IOException("Cannot read the video " + list.name() + ": " + ReadFailure.reason(e) + ".", e);
        }
        first = ImageReader.read(frames.get(0), 3);
        times = new double[frames.size()];
        Arrays.setAll(times, i -> i / rate);
    }

    @Override
    public int width() {
        return first.width();
    }

    @Override
    public int height() {
        return first.height();
    }

    @Override
    public double durationSeconds() {
        return times.length / rate;
    }

    @Override
    public double[] frameTimes() {
        return times;
    }

    @Override
    public Image frameAt(double seconds, int shortSide) throws IOException {
        int at = Arrays.binarySearch(times, seconds);
        int frame = Math.max(0, Math.min(times.length - 1, at >= 0 ? at : -at - 2));
        IOException failure = null;
        // A picture that cannot be read is replaced by the nearest one that can: no draw decides whether a video is
        // read.
        for (int distance = 0; distance < times.length; distance++) {
            for (int other : distance == 0 ? new int[] {frame} : new int[] {frame - distance, frame + distance}) {
                if (other >= 0 && other < times.length) {
                    try {
                        Image image = other == 0 ? first : ImageReader.read(frames.get(other), 3);
                        shown = times[other];
                        return image;
                    } catch (IOException e) {
                        failure = failure == null ? e : failure;
                    }
                }
            }
        }
        throw failure;
    }

    @Override
    public double shownSeconds() {
        return shown;
    }

    @Override
    public void reset() {
        shown = Double.NaN;
    }

    @Override
    public boolean sawDamage() {
        return false;
    }

    @Override
    public void close() {
        // Each picture was closed when it was read.
    }
}
