package io.github.vicmae.data.view;

import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Kind;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How samples become views: how many views a sample has and how many frames each, their size, their normalisation, and what is drawn at
 * random for each of them. One draw is made for a view and carried out on all its frames.
 *
 * <p>The colour operations that need RGB (jitter, grayscale) are left out where there are not three channels; with colours switched off there
 * is no jitter, grayscale, blur, solarization or RandAugment; with the spatial part switched off the crop is the central one and nothing is
 * flipped or erased, and there is no RandAugment either.
 *
 * @param frames frames of a view, T: 1 for pictures and single frames, more for clips
 * @param height rows of a view
 * @param width columns of a view
 * @param channels 1 luma, 2 luma and alpha, 3 RGB, 4 RGBA
 * @param mean subtracted from each channel of values in [0, 1]
 * @param deviation standard deviation by which each channel is then divided
 * @param image the operations of an image's views, one entry for each
 * @param video the operations of a video's views, as many
 * @param colour whether colours change
 * @param spatial whether crops and flips are random
 * @param bicubic bicubic resizing, or else bilinear
 */
public record ViewSettings(
        int frames,
        int height,
        int width,
        int channels,
        float[] mean,
        float[] deviation,
        List<Augmentation> image,
        List<Augmentation> video,
        boolean colour,
        boolean spatial,
        boolean bicubic) {
    /** The number of a view is one byte of its random stream's key. */
    private static final int MAX_VIEWS = 256;

    private static final float[] IMAGENET_MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] IMAGENET_DEVIATION = {0.229f, 0.224f, 0.225f};

    public ViewSettings {
        image = List.copyOf(image);
        video = List.copyOf(video);
        if (image.isEmpty() || image.size() > MAX_VIEWS || image.size() != video.size()) {
            throw new IllegalArgumentException("Images and videos must have the same number of views, 1 to " + MAX_VIEWS
                    + ", not " + image.size() + " and " + video.size() + ".");
        }
        if (frames < 1) {
            throw new IllegalArgumentException("A view must have at least one frame, not " + frames + ".");
        }
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
     * The preset of ViC-MAE's release, two views: images and videos alike get crop (0.08 to 1), flip, jitter and grayscale; the first
     * view is always blurred, the second solarized with probability 0.2.
     */
    public static ViewSettings release(int height, int width, int channels) {
        Augmentation first = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0.2f, 1, 0.1f, 2, 0);
        Augmentation second = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0.2f, 0, 0.1f, 2, 0.2f);
        List<Augmentation> both = List.of(first, second);
        return of(height, width, channels, both, both);
    }

    /**
     * The preset of ViC-MAE's paper, two views: images get crop (0.08 to 1), flip, jitter and, with probability 0.5, blur;
     * frames of videos get crop (0.5 to 1) and flip only. Both views are drawn from the same ranges.
     */
    public static ViewSettings paper(int height, int width, int channels) {
        Augmentation image = new Augmentation(0.08f, 1, 0.5f, 0.8f, ColourJitter.DEFAULT, 0, 0.5f, 0.1f, 2, 0);
        Augmentation video = Augmentation.cropAndFlip(0.5f, 1);
        return of(height, width, channels, List.of(image, image), List.of(video, video));
    }

    /**
     * Views as in masked autoencoders (arXiv 2111.06377): crop (0.2 to 1) and flip, resized bicubically; colours stay as they are.
     *
     * @param views of a sample, all drawn from the same ranges
     */
    public static ViewSettings mae(int height, int width, int channels, int views) {
        Augmentation one = Augmentation.cropAndFlip(0.2f, 1);
        return of(height, width, channels, repeated(one, views), repeated(one, views));
    }

    /** Views as in ST-MAE (arXiv 2205.09113): crop (0.5 to 1) and flip. */
    public static ViewSettings stMae(int height, int width, int channels, int views) {
        Augmentation one = Augmentation.cropAndFlip(0.5f, 1);
        return of(height, width, channels, repeated(one, views), repeated(one, views));
    }

    /** Views as in OmniMAE's published settings (arXiv 2206.08356): crop (0.2 to 1) and flip of images, crop (0.08 to 1) of clips. */
    public static ViewSettings omniMae(int height, int width, int channels, int views) {
        Augmentation image = Augmentation.cropAndFlip(0.2f, 1);
        Augmentation clip = new Augmentation(0.08f, 1, 0, 0, ColourJitter.DEFAULT, 0, 0, 0.1f, 2, 0);
        return of(height, width, channels, repeated(image, views), repeated(clip, views));
    }

    /**
     * Views for fine-tuning a classifier, as MAE's (arXiv 2111.06377) and VideoMAE's (arXiv 2203.12602): crop (0.08 to 1), resized
     * bicubically, flip, RandAugment, normalisation, random erasing. RandAugment and erasing are made on the host alone.
     *
     * @param views of a sample: more than one for repeated augmentation
     * @param randAugment of images and videos alike, {@link RandAugment#NONE} for none
     * @param erasing of images and videos alike, {@link RandomErasing#NONE} for none
     * @param flipVideos whether videos are mirrored as images are; not where directions tell classes apart
     */
    public static ViewSettings fineTuning(
            int height,
            int width,
            int channels,
            int views,
            RandAugment randAugment,
            RandomErasing erasing,
            boolean flipVideos) {
        Augmentation image = Augmentation.fineTuning(0.08f, 0.5f, randAugment, erasing);
        Augmentation video = Augmentation.fineTuning(0.08f, flipVideos ? 0.5f : 0, randAugment, erasing);
        return of(height, width, channels, repeated(image, views), repeated(video, views));
    }

    /** Views for training a linear probe: crop (0.08 to 1), resized bicubically, and flip, of images and videos alike. */
    public static ViewSettings probe(int height, int width, int channels) {
        List<Augmentation> one = List.of(Augmentation.cropAndFlip(0.08f, 1));
        return of(height, width, channels, one, one);
    }

    private static List<Augmentation> repeated(Augmentation one, int views) {
        return Collections.nCopies(views, one);
    }

    /** ImageNet's mean and deviation for RGB, 0.5 and 0.5 for other numbers of channels. */
    private static ViewSettings of(
            int height, int width, int channels, List<Augmentation> image, List<Augmentation> video) {
        float[] mean = IMAGENET_MEAN;
        float[] deviation = IMAGENET_DEVIATION;
        if (channels != 3) {
            mean = new float[Math.max(0, channels)];
            Arrays.fill(mean, 0.5f);
            deviation = mean;
        }
        return new ViewSettings(1, height, width, channels, mean, deviation, image, video, true, true, true);
    }

    /** The same with the ablation's switches set. */
    public ViewSettings with(boolean colourOn, boolean spatialOn) {
        return new ViewSettings(
                frames, height, width, channels, mean, deviation, image, video, colourOn, spatialOn, bicubic);
    }

    /** The same with another mean and deviation. */
    public ViewSettings normalised(float[] newMean, float[] newDeviation) {
        return new ViewSettings(
                frames, height, width, channels, newMean, newDeviation, image, video, colour, spatial, bicubic);
    }

    /** The same with views of another size. */
    public ViewSettings withSize(int newHeight, int newWidth) {
        return new ViewSettings(
                frames, newHeight, newWidth, channels, mean, deviation, image, video, colour, spatial, bicubic);
    }

    /** The same with so many frames a view. */
    public ViewSettings withFrames(int newFrames) {
        return new ViewSettings(
                newFrames, height, width, channels, mean, deviation, image, video, colour, spatial, bicubic);
    }

    /** The same with another number of views: those that there are, again and again. */
    public ViewSettings withViews(int newViews) {
        return new ViewSettings(
                frames,
                height,
                width,
                channels,
                mean,
                deviation,
                IntStream.range(0, newViews)
                        .mapToObj(v -> image.get(v % views()))
                        .toList(),
                IntStream.range(0, newViews)
                        .mapToObj(v -> video.get(v % views()))
                        .toList(),
                colour,
                spatial,
                bicubic);
    }

    /** Views of one sample: 1 for a masked autoencoder, 2 for ViC-MAE. */
    public int views() {
        return image.size();
    }

    /** Values of one frame of a view, C x H x W. */
    public int frameSize() {
        return Math.multiplyExact(channels, Math.multiplyExact(height, width));
    }

    /** Values of one view, C x T x H x W. */
    public int viewSize() {
        return Math.multiplyExact(frames, frameSize());
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

    /** The factor of each channel in the normalisation of values in [0, 1]. */
    float[] scale() {
        float[] scale = new float[channels];
        for (int c = 0; c < channels; c++) {
            scale[c] = 1 / deviation[c];
        }
        return scale;
    }

    /** The offset of each channel in the normalisation. */
    float[] shift() {
        float[] shift = scale();
        for (int c = 0; c < channels; c++) {
            shift[c] *= -mean[c];
        }
        return shift;
    }

    /** Whether any view may have its colours jittered. */
    boolean mayJitter() {
        return channels == 3 && augmentations().anyMatch(a -> a.jitter() > 0);
    }

    /** Whether any view may be blurred. */
    boolean mayBlur() {
        return augmentations().anyMatch(a -> a.blur() > 0);
    }

    /** Whether any view has operations that the host alone can make. */
    boolean needsHost() {
        return augmentations().anyMatch(Augmentation::needsHost);
    }

    /**
     * For what leaves views to a device.
     *
     * @throws IllegalArgumentException if a view may have operations that the host alone can make
     */
    void checkDeviceCanMakeThem() {
        if (needsHost()) {
            throw new IllegalArgumentException("These views have RandAugment or random erasing, which are made on the"
                    + " host alone, but were to be made on a device: leave LoaderSettings.deviceViews off.");
        }
    }

    /** The operations of all views of both kinds. */
    private Stream<Augmentation> augmentations() {
        return Arrays.stream(Kind.values())
                .flatMap(kind -> IntStream.range(0, views()).mapToObj(view -> augmentation(kind, view)));
    }

    Augmentation augmentation(Kind kind, int view) {
        Augmentation chosen = (kind == Kind.VIDEO ? video : image).get(view);
        if (!spatial) {
            chosen = chosen.inPlace();
        }
        return colour ? chosen : chosen.withoutColour();
    }

    Resize.Filter filter() {
        return bicubic ? Resize.Filter.BICUBIC : Resize.Filter.BILINEAR;
    }

    /**
     * The short side to which frames may be shrunk while they are decoded: large enough that even the smallest crop is not enlarged.
     */
    public int shortSide(Kind kind) {
        double scale = IntStream.range(0, views())
                .mapToDouble(view -> augmentation(kind, view).minScale())
                .min()
                .orElseThrow();
        return (int) Math.ceil(Math.max(height, width) / Math.sqrt(scale) * 1.2);
    }
}
