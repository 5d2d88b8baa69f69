package io.github.vicmae.data.view;

import io.github.vicmae.kernel.Philox;

/** A rectangle of a picture, in whole pixels. */
record CropBox(int x, int y, int width, int height) {
    private static final double MIN_RATIO = 3.0 / 4;
    private static final double MAX_RATIO = 4.0 / 3;
    private static final int TRIES = 10;

    /**
     * Draws a box as torchvision's RandomResizedCrop does: its share of the area uniform in the scale's range, the logarithm of its aspect
     * uniform between 3/4 and 4/3; after ten attempts that do not fit, the largest central box of a permitted aspect ratio.
     *
     * @param aspect width over height of the view: the aspects are relative to it, so that square views are as in torchvision
     */
    static CropBox random(Philox random, int width, int height, float minScale, float maxScale, double aspect) {
        double area = (double) width * height;
        double low = Math.log(MIN_RATIO * aspect);
        double high = Math.log(MAX_RATIO * aspect);
        for (int i = 0; i < TRIES; i++) {
            double target = area * random.nextFloat(minScale, maxScale);
            double ratio = Math.exp(low + (high - low) * random.nextFloat());
            int w = (int) Math.rint(Math.sqrt(target * ratio));
            int h = (int) Math.rint(Math.sqrt(target / ratio));
            if (w > 0 && w <= width && h > 0 && h <= height) {
                return new CropBox(random.nextInt(width - w + 1), random.nextInt(height - h + 1), w, h);
            }
        }
        double ratio = Math.max(MIN_RATIO * aspect, Math.min(MAX_RATIO * aspect, (double) width / height));
        return centre(width, height, ratio, 1);
    }

    /** The largest box in the middle with the given aspect (width over height), its sides then multiplied by {@code share}. */
    static CropBox centre(int width, int height, double aspect, double share) {
        int w = clamp(Math.min(width, height * aspect) * share, width);
        int h = clamp(Math.min(height, width / aspect) * share, height);
        return new CropBox((width - w) / 2, (height - h) / 2, w, h);
    }

    /**
     * The same box moved along the picture's longer side.
     *
     * @param place from 0, the left or upper end, to 1; 0.5 is the middle
     */
    CropBox along(int pictureWidth, int pictureHeight, double place) {
        return new CropBox(
                (int) ((pictureWidth - width) * (pictureWidth > pictureHeight ? place : 0.5)),
                (int) ((pictureHeight - height) * (pictureWidth > pictureHeight ? 0.5 : place)),
                width,
                height);
    }

    /** The box at the same relative place of a picture of another size. */
    CropBox scaled(int oldWidth, int oldHeight, int newWidth, int newHeight) {
        int w = clamp((double) width * newWidth / oldWidth, newWidth);
        int h = clamp((double) height * newHeight / oldHeight, newHeight);
        int left = (int) Math.rint((double) x * newWidth / oldWidth);
        int top = (int) Math.rint((double) y * newHeight / oldHeight);
        return new CropBox(Math.min(left, newWidth - w), Math.min(top, newHeight - h), w, h);
    }

    private static int clamp(double value, int size) {
        return Math.max(1, Math.min(size, (int) Math.rint(value)));
    }
}
