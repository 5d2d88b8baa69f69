package io.github.vicmae.search;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.eval.ViewFeatures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;

/** The features of queries. For one thread. */
public final class QueryFeatures {
    /** Frames of a video, whose mean is asked for. */
    public static final int FRAMES = 8;

    private final ViewSettings settings;
    private final ViewFeatures features;

    /**
     * @param settings how pictures become views
     * @param features of a view, as the index has them
     */
    public QueryFeatures(ViewSettings settings, ViewFeatures features) {
        this.settings = settings.withFrames(1);
        this.features = features;
    }

    /**
     * The features of a query.
     *
     * @return [D]
     * @throws IOException if its file cannot be read; the message has its name and the reason
     */
    public float[] of(Query query) throws IOException {
        List<Image> frames = frames(query, Math.max(settings.height(), settings.width()));
        FloatBuffer views = floats(frames.size() * settings.viewSize());
        EvalView view = new EvalView(settings);
        for (int i = 0; i < frames.size(); i++) {
            view.write(frames.get(i), views, i * settings.viewSize());
        }
        FloatBuffer rows = floats(frames.size() * features.width());
        features.compute(views, false, rows, frames.size());
        float[] mean = new float[features.width()];
        for (int i = 0; i < rows.capacity(); i++) {
            mean[i % mean.length] += rows.get(i) / frames.size();
        }
        return mean;
    }

    private static FloatBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    private static List<Image> frames(Query query, int side) throws IOException {
        Content content = Content.of(query.file());
        if (Double.isNaN(query.seconds())) {
            return Frames.spaced(content, query.kind(), query.kind() == Kind.IMAGE ? 1 : FRAMES, side);
        }
        try (Video video = Video.open(content)) {
            if (query.seconds() > video.durationSeconds()) {
                throw new IOException(query.text() + " lies behind the video's end, which is at "
                        + Query.moment(video.durationSeconds()));
            }
            return List.of(video.frameAt(query.seconds(), side));
        }
    }
}
