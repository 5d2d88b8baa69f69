package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * The view for evaluation: the short side is resized, the middle cropped, the values normalised. Nothing is random. Not thread-safe.
 */
public final class EvalView {
    private final ViewWriter writer;
    private final double share;

    /** The largest central crop. */
    public EvalView(ViewSettings settings) {
        this(settings, 1);
    }

    /**
     * @param share sides of the crop as a share of the largest one, in (0, 1]; 0.875 is the usual 224 of 256
     */
    public EvalView(ViewSettings settings, double share) {
        if (!(share > 0 && share <= 1)) {
            throw new IllegalArgumentException("The crop's share must be in (0, 1], not " + share + ".");
        }
        writer = new ViewWriter(settings);
        this.share = share;
    }

    /**
     * Writes one picture as floats [C, H, W].
     *
     * @param offset where in {@code out} the first value goes
     */
    public void write(Image image, FloatBuffer out, int offset) {
        writer.writeCentre(image, share, out, offset);
    }

    /**
     * Writes the frames of a clip as floats [C, T, H, W].
     *
     * @param frames T pictures
     * @param offset where in {@code out} the first value goes
     */
    public void write(List<Image> frames, FloatBuffer out, int offset) {
        write(frames, 0.5, out, offset);
    }

    /**
     * The same with the crop moved along the frames' longer side.
     *
     * @param place from 0 to 1; 0.5 is the centre
     */
    public void write(List<Image> frames, double place, FloatBuffer out, int offset) {
        writer.writeCrop(frames, share, place, out, offset);
    }
}
