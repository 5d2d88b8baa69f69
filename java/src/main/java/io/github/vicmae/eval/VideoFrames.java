package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.video.Video;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The features of frames of a video by their times. */
final class VideoFrames {
    private static final double NANOS = 1e-9;

    private VideoFrames() {}

    private static double seconds(Duration duration) {
        return duration.getSeconds() + duration.getNano() * NANOS;
    }

    /** The side that frames are shrunk to while they are decoded. */
    private static int side(Encoder encoder) {
        return Math.max(encoder.views().height(), encoder.views().width());
    }

    static float[] at(Encoder encoder, Path file, Duration at) throws IOException {
        if (at.isNegative()) {
            throw new IllegalArgumentException("A frame's time is 0 or more, not " + at);
        }
        try (Video video = Video.open(Content.of(file))) {
            return encoder.embed(video.frameAt(seconds(at), side(encoder)));
        }
    }

    static void every(Encoder encoder, Path file, Duration step, Consumer<Encoder.Moment> to) throws IOException {
        double every = seconds(step);
        if (!(every > 0)) {
            throw new IllegalArgumentException("The time between two frames must be more than 0, not " + step);
        }
        List<Image> frames = new ArrayList<>();
        List<Double> times = new ArrayList<>();
        try (Video video = Video.open(Content.of(file))) {
            double length = video.durationSeconds();
            for (long i = 0; i == 0 || i * every < length; i++) {
                frames.add(video.frameAt(i * every, side(encoder)));
                times.add(i * every);
                if (frames.size() == encoder.batch()) {
                    handOn(encoder, frames, times, to);
                }
            }
        }
        handOn(encoder, frames, times, to);
    }

    private static void handOn(Encoder encoder, List<Image> frames, List<Double> times, Consumer<Encoder.Moment> to) {
        float[][] features = encoder.embed(frames);
        for (int i = 0; i < features.length; i++) {
            to.accept(new Encoder.Moment(times.get(i), features[i]));
        }
        frames.clear();
        times.clear();
    }
}
