package io.github.vicmae.data.image;

/**
 * A picture that may be decoded at a fraction of its size: one pixel stands for the square of {@code reduction} x {@code reduction} pixels from
 * {@code (x * reduction, y * reduction)} on; at the right and at the bottom a square may reach beyond the picture.
 *
 * @param image the pixels at hand
 * @param width columns of the whole picture
 * @param height rows of the whole picture
 * @param reduction 1 where the pixels at hand are the picture's own
 */
public record ReducedImage(Image image, int width, int height, int reduction) {
    /** @throws IllegalArgumentException if the image has not as many pixels as the reduction leaves */
    public ReducedImage {
        if (reduction < 1
                || image.width() != reduced(width, reduction)
                || image.height() != reduced(height, reduction)) {
            throw new IllegalArgumentException("A picture of " + width + " x " + height + " pixels at 1/" + reduction
                    + " of its size is not " + image + ".");
        }
    }

    /** A picture at its own size. */
    public static ReducedImage of(Image image) {
        return new ReducedImage(image, image.width(), image.height(), 1);
    }

    /** The same with another number of channels; see {@link Image#withChannels}. */
    public ReducedImage withChannels(int channels) {
        return new ReducedImage(image.withChannels(channels), width, height, reduction);
    }

    private static int reduced(int size, int reduction) {
        return (int) (((long) size + reduction - 1) / reduction);
    }
}
