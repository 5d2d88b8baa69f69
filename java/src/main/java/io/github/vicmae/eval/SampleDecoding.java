package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** The views of a sample for a stream of features, made one after the other. For one thread. */
final class SampleDecoding implements DecodedViews.Reader {
    private final EvalView view;
    private final int side;
    private final int viewSize;
    private final int clip;
    private final int parts;
    private final double every;

    /**
     * @param settings of the views; their frames do not count
     * @param clip frames of a video's view
     * @param parts views of a video, evenly spaced
     * @param every seconds between the views of a video; 0 for the parts
     */
    SampleDecoding(ViewSettings settings, int clip, int parts, double every) {
        view = new EvalView(settings);
        side = Math.max(settings.height(), settings.width());
        viewSize = settings.withFrames(1).viewSize();
        this.clip = clip;
        this.parts = parts;
        this.every = every;
    }

    @Override
    public void read(Sample sample, DecodedViews.Room room) throws IOException, InterruptedException {
        if (!sample.isVideo()) {
            Image image =
                    Frames.spaced(sample.content(), sample.kind(), 1, side).get(0);
            put(image, Double.NaN, room);
            return;
        }
        try (Video video = Video.open(sample.content())) {
            double length = video.durationSeconds();
            if (every > 0) {
                put(video.frameAt(0, side), 0, room);
                for (long i = 1; i * every < length; i++) {
                    put(video.frameAt(i * every, side), i * every, room);
                }
                return;
            }
            int frames = parts * clip;
            for (int part = 0; part < parts; part++) {
                List<Image> shown = new ArrayList<>();
                for (int t = 0; t < clip; t++) {
                    shown.add(video.frameAt((part * clip + t + 0.5) / frames * length, side));
                }
                if (clip == 1) {
                    put(shown.get(0), Double.NaN, room);
                } else {
                    FloatBuffer values = room.take(Math.multiplyExact(viewSize, clip));
                    view.write(shown, values, 0);
                    room.put(values, Double.NaN, true);
                }
            }
        }
    }

    private void put(Image image, double seconds, DecodedViews.Room room) throws InterruptedException {
        FloatBuffer values = room.take(viewSize);
        view.write(image, values, 0);
        room.put(values, seconds, false);
    }
}
