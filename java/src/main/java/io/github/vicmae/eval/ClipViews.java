package io.github.vicmae.eval;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** {@link TestClips} of videos: clip after clip, and of each clip crop after crop. For one thread. */
final class ClipViews extends SampleViews {
    private final TestClips clips;
    private final AtomicInteger shorter;

    /**
     * @param shorter counts the videos that are shorter than a clip
     */
    ClipViews(ViewSettings settings, TestClips clips, double share, AtomicInteger shorter) {
        super(settings, clips.views(), clips.frames(), share);
        this.clips = clips;
        this.shorter = shorter;
    }

    /** The frames of all clips, one clip after the other; a frame that several have is decoded once. */
    @Override
    List<Image> read(Sample sample) throws IOException {
        try (Video video = Video.open(sample.content())) {
            double[] starts = video.frameTimes();
            SortedMap<Integer, Image> decoded = new TreeMap<>();
            for (int clip = 0; clip < clips.clips(); clip++) {
                for (int t = 0; t < clips.frames(); t++) {
                    decoded.put(clips.frame(clip, t, starts.length), null);
                }
            }
            for (var frame : decoded.entrySet()) { // in the order of time
                frame.setValue(video.frameAt(middle(starts, frame.getKey(), video.durationSeconds()), side));
            }
            if (starts.length < clips.span()) {
                shorter.incrementAndGet();
            }
            List<Image> frames = new ArrayList<>();
            for (int clip = 0; clip < clips.clips(); clip++) {
                for (int t = 0; t < clips.frames(); t++) {
                    frames.add(decoded.get(clips.frame(clip, t, starts.length)));
                }
            }
            return frames;
        }
    }

    private static double middle(double[] starts, int frame, double duration) {
        double end = frame + 1 < starts.length ? starts[frame + 1] : Math.max(starts[frame], duration);
        return Math.max(0, (starts[frame] + end) / 2);
    }

    @Override
    void write(Sample sample, List<Image> frames, int index, FloatBuffer out, int offset) {
        int first = index / clips.crops() * clips.frames();
        view.write(frames.subList(first, first + clips.frames()), clips.place(index % clips.crops()), out, offset);
    }
}
