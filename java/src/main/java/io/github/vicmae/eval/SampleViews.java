package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * The views of a sample for evaluation: an image is one view. A video is cut into equal parts, and the frame in the middle of each is a view; for
 * an encoder of clips, each T of these frames in a row are a view, T being a clip's length. For one thread.
 */
class SampleViews {
    final EvalView view;
    private final int ofVideo;
    private final int clip;
    final int side;

    /**
     * @param settings of the views; their frames do not count
     * @param ofVideo views of a video
     * @param clip frames of a video's view
     * @param share sides of the crop as a share of the largest one, see {@link EvalView}
     */
    SampleViews(ViewSettings settings, int ofVideo, int clip, double share) {
        view = new EvalView(settings, share);
        this.ofVideo = ofVideo;
        this.clip = clip;
        side = (int) Math.ceil(Math.max(settings.height(), settings.width()) / share);
    }

    /** How many there are. */
    int count(Sample sample) {
        return sample.isVideo() ? ofVideo : 1;
    }

    /**
     * The sample's frames.
     *
     * @throws IOException if it cannot be read; the message has its name and the reason
     */
    List<Image> read(Sample sample) throws IOException {
        int frames = sample.isVideo() ? Math.multiplyExact(ofVideo, clip) : 1;
        return Frames.spaced(sample.content(), sample.kind(), frames, side);
    }

    /**
     * Writes one view.
     *
     * @param frames what {@link #read} gave
     * @param index which view, from 0
     * @param offset where in {@code out} the first value goes
     */
    void write(Sample sample, List<Image> frames, int index, FloatBuffer out, int offset) {
        if (sample.isVideo() && clip > 1) {
            view.write(frames.subList(index * clip, (index + 1) * clip), out, offset);
        } else {
            view.write(frames.get(index), out, offset);
        }
    }
}
