package io.github.vicmae.data.view;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.kernel.Philox;
import java.util.List;

/**
 * The random decisions about one view, drawn before any pixel is touched, so that the same draw can be carried out on the host
 * ({@link ViewWriter}) or on a device ({@link DeviceViews}).
 *
 * @param box what is cropped, in pixels of the picture
 * @param flip whether the view is mirrored left to right
 * @param jitter the colour jitter's draw, null for none
 * @param gray whether the view is converted to grayscale
 * @param sigma deviation of the Gaussian blur in pixels of the view, 0 for none
 * @param solarize whether values from 128 on are inverted
 * @param steps the operations of RandAugment
 * @param erased the box that is erased, null for none
 */
record ViewDraw(
        CropBox box,
        boolean flip,
        ColourJitter.Factors jitter,
        boolean gray,
        float sigma,
        boolean solarize,
        List<RandAugment.Step> steps,
        RandomErasing.Box erased) {
    /** A draw that a device can carry out: without RandAugment and random erasing. */
    ViewDraw(CropBox box, boolean flip, ColourJitter.Factors jitter, boolean gray, float sigma, boolean solarize) {
        this(box, flip, jitter, gray, sigma, solarize, List.of(), null);
    }

    /**
     * Draws a view.
     *
     * @param kind of the sample: it selects the operations
     * @param view which of the sample's views, from 0
     * @param width columns of the picture
     * @param height rows of the picture
     */
    static ViewDraw random(ViewSettings settings, Kind kind, int view, int width, int height, Philox random) {
        Augmentation augmentation = settings.augmentation(kind, view);
        CropBox box;
        boolean flip = false;
        if (settings.spatial()) {
            box = CropBox.random(
                    random, width, height, augmentation.minScale(), augmentation.maxScale(), settings.aspect());
            flip = random.nextFloat() < augmentation.flip();
        } else {
            box = CropBox.centre(width, height, settings.aspect(), 1);
        }
        boolean rgb = settings.channels() == 3;
        boolean jittered = random.nextFloat() < augmentation.jitter() && rgb;
        ColourJitter.Factors jitter = jittered ? augmentation.strength().draw(random) : null;
        boolean gray = random.nextFloat() < augmentation.gray() && rgb;
        boolean blurred = random.nextFloat() < augmentation.blur();
        float sigma = blurred ? random.nextFloat(augmentation.minSigma(), augmentation.maxSigma()) : 0;
        boolean solarize = random.nextFloat() < augmentation.solarize();
        // These come last, so that views without them are the same as ever.
        List<RandAugment.Step> steps = augmentation.randAugment().draw(random);
        RandomErasing.Box erased = augmentation.erasing().draw(random, settings.height(), settings.width());
        return new ViewDraw(box, flip, jitter, gray, sigma, solarize, steps, erased);
    }

    /** The same draw for a picture of another size: the crop keeps its relative place. */
    ViewDraw scaled(int width, int height, int newWidth, int newHeight) {
        return width == newWidth && height == newHeight
                ? this
                : new ViewDraw(
                        box.scaled(width, height, newWidth, newHeight),
                        flip,
                        jitter,
                        gray,
                        sigma,
                        solarize,
                        steps,
                        erased);
    }

    /**
     * The view for evaluation: nothing is random.
     *
     * @param share the sides of the central crop as a share of the largest one that fits
     */
    static ViewDraw centre(ViewSettings settings, double share, int width, int height) {
        return at(settings, share, 0.5, width, height);
    }

    /** The same with the crop moved along the picture's longer side, from 0 to 1. */
    static ViewDraw at(ViewSettings settings, double share, double place, int width, int height) {
        CropBox box = CropBox.centre(width, height, settings.aspect(), share).along(width, height, place);
        return new ViewDraw(box, false, null, false, 0, false);
    }
}
