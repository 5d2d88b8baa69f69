package io.github.vicmae.data.view;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.view.Resize.Filter;

/** Shrinks whole pictures, with a filter that is widened to avoid aliasing. Not thread-safe, since it keeps work buffers. */
public final class Shrink {
    private final Resize resize = new Resize();
    private float[] planes = new float[0];

    /**
     * The picture with a short side of so many pixels, in its proportions; the picture itself if it has no more.
     *
     * @param shortSide at least 1
     */
    public Image toShortSide(Image image, int shortSide) {
        int side = Math.min(image.width(), image.height());
        if (side <= shortSide) {
            return image;
        }
        int width = Math.max(1, Math.round((float) image.width() * shortSide / side));
        int height = Math.max(1, Math.round((float) image.height() * shortSide / side));
        int size = Math.multiplyExact(width, height);
        int channels = image.channels();
        if (planes.length < channels * size) {
            planes = new float[channels * size];
        }
        CropBox whole = new CropBox(0, 0, image.width(), image.height());
        resize.apply(image, whole, false, Filter.BICUBIC, planes, height, width);
        byte[] pixels = new byte[channels * size];
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < size; i++) {
                pixels[i * channels + c] = (byte) Math.max(0, Math.min(255, Math.round(255 * planes[c * size + i])));
            }
        }
        return new Image(width, height, channels, pixels);
    }
}
