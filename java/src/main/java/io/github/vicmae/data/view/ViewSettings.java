package io.github.vicmae.data.view;

import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Kind;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * How pictures become views: their size, their normalisation, and what is drawn at random for the two views of an image or a video.
 *
 * <p>The colour operations that need RGB (jitter, grayscale) are left out where there are not three channels; with colours switched off there
 * is no jitter, grayscale, blur or solarization; with the spatial part switched off the crop is the central one and nothing is flipped.
 *
 * @param height rows of a view
 * @param width columns of a view
 * @param channels 1 luma, 2 luma and alpha, 3 RGB, 4 RGBA
 * @param mean taken from each channel of values in [0, 1]
 * @param deviation divides each channel then
 * @param image the operations of an image's two views
 * @param video the operations of a video's two views
 * @param colour whether colours change
 * @param spatial whether crops and flips are random
 * @param bicubic bicubic resizing, or else bilinear
 */
public record ViewSettings(
        int height,
        int width,
        int channels,
        float[] mean,
        float[] deviation,
        Pair image,
        Pair video,
        boolean colour,
        boolean spatial,
        boolean bicubic) {
    /** What happens to the first and to the second view. */
    public record Pair(Augmentation first, Augmentation second) {
        Augmentation get(int view) {
            return view == 0 ? first : second;
        }
    }

    private static final float[] IMAGENET_MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] IMAGENET_DEVIATION = {0.229f, 0.224f, 0.225f};

    public ViewSettings {
        if (height < 1 || width < 1 || (long) height * width > ImageReader.MAX_PIXELS) {
            throw new IllegalArgumentException("A view must have a positive size, not " + height + " x " + width + ".");
        }
        if (channels < 1 || channels > 4) {
            throw new IllegalArgumentException("A view must have 1 to 4 channels, not " + channels + ".");
        }
        if (mean.length != channels || deviation.length != channels) {
            throw new IllegalArgumentException("The mean and the deviation need one value for each of the " + channels
                    + " channels, not " + mean.length + " and " + deviation.length + ".");
        }
        mean = mean.clone();
        deviation = deviation.clone();
        for (int c = 0; c < channels; c++) {
            if (!(deviation[c] > 0) || !Float.isFinite(mean[c]) || !Float.isFinite(deviation[c])) {
                throw new IllegalArgumentException("Every mean must be finite and every deviation positive, not "
                        + Arrays.toString(mean) + " and " + Arrays.toString(deviation) + ".");
            }
        }
    }

    /**
     * The release's preset: images and videos alike get crop (0.08 to 1), flip, jitter and grayscale; the first view is always blurred, the
     * second solarized with probability 0.2.
     */
    public static ViewSettings release(int height, int width, int channels) {
        Augmentation first = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0.2f, 1, 0.1f, 2, 0);
        Augmentation second = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0.2f, 0, 0.1f, 2, 0.2f);
        Pair both = new Pair(first, second);
        return of(height, width, channels, both, both);
    }

    /**
     * The paper's preset: images get crop (0.08 to 1), flip, jitter and, with probability 0.5, blur; frames of videos get crop (0.5 to 1) and
     * flip only. Both views are drawn from the same ranges.
     */
    public static ViewSettings paper(int height, int width, int channels) {
        Augmentation image = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0, 0.5f, 0.1f, 2, 0);
        Augmentation video = Augmentation.cropAndFlip(0.5f, 1);
        return of(height, width, channels, new Pair(image, image), new Pair(video, video));
    }

    /** ImageNet's mean and deviation for RGB, 0.5 and 0.5 for other numbers of channels. */
    private static ViewSettings of(int height, int width, int channels, Pair image, Pair video) {
        float[] mean = IMAGENET_MEAN;
        float[] deviation = IMAGENET_DEVIATION;
        if (channels != 3) {
            mean = new float[Math.max(0, channels)];
            Arrays.fill(mean, 0.5f);
            deviation = mean;
        }
        return new ViewSettings(height, width, channels, mean, deviation, image, video, true, true, true);
    }

    /** The same with the ablation's switches set. */
    public ViewSettings with(boolean colourOn, boolean spatialOn) {
        return new ViewSettings(height, width, channels, mean, deviation, image, video, colourOn, spatialOn, bicubic);
    }

    /** The same with another mean and deviation. */
    public ViewSettings normalised(float[] newMean, float[] newDeviation) {
        return new ViewSettings(height, width, channels, newMean, newDeviation, image, video, colour, spatial, bicubic);
    }

    /** Values of one view. */
    public int viewSize() {
        return Math.multiplyExact(channels, height * width);
    }

    @Override
    public float[] mean() {
        return mean.clone();
    }

    @Override
    public float[] deviation() {
        return deviation.clone();
    }

    /** Width over height. */
    double aspect() {
        return (double) width / height;
    }

    /** What each channel of values in [0, 1] is multiplied by when it is normalised. */
    float[] scale() {
        float[] scale = new float[channels];
        for (int c = 0; c < channels; c++) {
            scale[c] = 1 / deviation[c];
        }
        return scale;
    }

    /** What is added to each channel then. */
    float[] shift() {
        float[] shift = scale();
        for (int c = 0; c < channels; c++) {
            shift[c] *= -mean[c];
        }
        return shift;
    }

    /** Whether any view may have its colours jittered. */
    boolean mayJitter() {
        return channels == 3 && views().anyMatch(a -> a.jitter() > 0);
    }

    /** Whether any view may be blurred. */
    boolean mayBlur() {
        return views().anyMatch(a -> a.blur() > 0);
    }

    /** What happens to the two views of both kinds. */
    private Stream<Augmentation> views() {
        return Arrays.stream(Kind.values()).flatMap(kind -> Stream.of(augmentation(kind, 0), augmentation(kind, 1)));
    }

    Augmentation augmentation(Kind kind, int view) {
        Augmentation chosen = (kind == Kind.VIDEO ? video : image).get(view);
        return colour ? chosen : chosen.withoutColour();
    }

    Resize.Filter filter() {
        return bicubic ? Resize.Filter.BICUBIC : Resize.Filter.BILINEAR;
    }

    /**
     * The short side to which frames may be shrunk while they are decoded: so large that even the smallest crop is still not enlarged.
     */
    public int shortSide(Kind kind) {
        float scale =
                Math.min(augmentation(kind, 0).minScale(), augmentation(kind, 1).minScale());
        return (int) Math.ceil(Math.max(height, width) / Math.sqrt(scale) * 1.2);
    }
}
