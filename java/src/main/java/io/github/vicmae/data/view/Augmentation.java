package io.github.vicmae.data.view;

/**
 * How one view is made from a picture: the range and the probability of every operation, applied in the order of the components.
 *
 * @param minScale smallest share of the picture's area that is cropped
 * @param maxScale largest share
 * @param flip probability of a horizontal flip
 * @param jitter probability of the colour jitter
 * @param strength strengths of the colour jitter
 * @param gray probability of conversion to grayscale
 * @param blur probability of a Gaussian blur
 * @param minSigma smallest standard deviation of the blur in pixels of the view
 * @param maxSigma largest standard deviation
 * @param solarize probability that values from 128 on are inverted
 * @param randAugment operations drawn at random, on the picture rounded to levels 0 to 255
 * @param erasing of a box, after the normalisation
 */
public record Augmentation(
        float minScale,
        float maxScale,
        float flip,
        float jitter,
        ColourJitter strength,
        float gray,
        float blur,
        float minSigma,
        float maxSigma,
        float solarize,
        RandAugment randAugment,
        RandomErasing erasing) {
    /** Without RandAugment and random erasing. */
    public Augmentation(
            float minScale,
            float maxScale,
            float flip,
            float jitter,
            ColourJitter strength,
            float gray,
            float blur,
            float minSigma,
            float maxSigma,
            float solarize) {
        this(
                minScale,
                maxScale,
                flip,
                jitter,
                strength,
                gray,
                blur,
                minSigma,
                maxSigma,
                solarize,
                RandAugment.NONE,
                RandomErasing.NONE);
    }

    public Augmentation {
        if (!(minScale > 0 && minScale <= maxScale && maxScale <= 1)) {
            throw new IllegalArgumentException(
                    "The crop's scale must be a range within (0, 1], not " + minScale + " to " + maxScale + ".");
        }
        probability("flip", flip);
        probability("colour jitter", jitter);
        probability("grayscale", gray);
        probability("blur", blur);
        probability("solarize", solarize);
        if (!(minSigma > 0 && minSigma <= maxSigma && maxSigma <= 100)) {
            throw new IllegalArgumentException(
                    "The blur's sigma must be a range within (0, 100], not " + minSigma + " to " + maxSigma + ".");
        }
    }

    private static void probability(String name, float value) {
        if (!(value >= 0 && value <= 1)) {
            throw new IllegalArgumentException("The probability of " + name + " must be 0 to 1, not " + value + ".");
        }
    }

    /** Crop and flip alone. */
    public static Augmentation cropAndFlip(float minScale, float maxScale) {
        return new Augmentation(minScale, maxScale, 0.5f, 0, ColourJitter.DEFAULT, 0, 0, 0.1f, 2, 0);
    }

    /** Crop, flip, RandAugment and random erasing, as classifiers are fine-tuned. */
    static Augmentation fineTuning(float minScale, float flip, RandAugment randAugment, RandomErasing erasing) {
        return new Augmentation(minScale, 1, flip, 0, ColourJitter.DEFAULT, 0, 0, 0.1f, 2, 0, randAugment, erasing);
    }

    Augmentation withoutColour() {
        return new Augmentation(
                minScale, maxScale, flip, 0, strength, 0, 0, minSigma, maxSigma, 0, RandAugment.NONE, erasing);
    }

    /** Without what would move or hide a part of the picture after the crop. */
    Augmentation inPlace() {
        return needsHost()
                ? new Augmentation(minScale, maxScale, flip, jitter, strength, gray, blur, minSigma, maxSigma, solarize)
                : this;
    }

    /** Whether the host alone can make these views. */
    boolean needsHost() {
        return randAugment.operations() > 0 || erasing.probability() > 0;
    }
}
