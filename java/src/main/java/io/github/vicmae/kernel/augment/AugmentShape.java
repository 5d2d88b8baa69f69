package io.github.vicmae.kernel.augment;

/**
 * The sizes of what {@link AugmentKernels} makes and of what it is made from.
 *
 * @param channels of crops and views: 1 luma, 2 luma and alpha, 3 RGB, 4 RGBA
 * @param height rows of a view
 * @param width columns of a view
 * @param maxCropHeight most rows of a crop
 * @param maxCropWidth most columns of a crop
 * @param bicubic bicubic resizing (a = -0.5), or else bilinear
 * @param frames frames of a view, which share memory as [channels, frames, height, width]; every frame has a draw
 */
public record AugmentShape(
        int channels, int height, int width, int maxCropHeight, int maxCropWidth, boolean bicubic, int frames) {
    // kRows and kTile of cuda/augment.cuh.
    private static final int BAND = 4;
    private static final int TILE = 128;

    public AugmentShape {
        if (channels < 1
                || channels > 4
                || height < 1
                || width < 1
                || maxCropHeight < 1
                || maxCropWidth < 1
                || frames < 1) {
            throw new IllegalArgumentException("Views need 1 to 4 channels and positive sizes, not " + channels
                    + " channels, " + height + " x " + width + " from crops of up to " + maxCropHeight + " x "
                    + maxCropWidth + ", and " + frames + " frames.");
        }
        long pixels = (long) channels * frames * height * width;
        long taps = (long) height * stride(maxCropHeight, height, bicubic)
                + (long) width * stride(maxCropWidth, width, bicubic);
        if (pixels > Integer.MAX_VALUE || taps > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "Views of " + channels + " x " + height + " x " + width + " from crops of up to " + maxCropHeight
                            + " x " + maxCropWidth + " are too large for the kernels.");
        }
    }

    /** Views of one frame. */
    public AugmentShape(int channels, int height, int width, int maxCropHeight, int maxCropWidth, boolean bicubic) {
        this(channels, height, width, maxCropHeight, maxCropWidth, bicubic, 1);
    }

    /** Most places of the source that one place of a view is made from. */
    private static int stride(int in, int out, boolean bicubic) {
        double support = (bicubic ? 2 : 1) * Math.max(1, (double) in / out);
        return 2 * (int) Math.ceil(support) + 1;
    }

    /** Most rows of a crop that a row of a view is made from. */
    int strideY() {
        return stride(maxCropHeight, height, bicubic);
    }

    /** Most columns of a crop that a column of a view is made from. */
    int strideX() {
        return stride(maxCropWidth, width, bicubic);
    }

    /** Values of one frame. */
    int frameSize() {
        return channels * height * width;
    }

    /** Parts of a frame that are resized by themselves. */
    int parts() {
        return ((height + BAND - 1) / BAND) * ((width + TILE - 1) / TILE);
    }
}
