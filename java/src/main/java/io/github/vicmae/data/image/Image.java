package io.github.vicmae.data.image;

import java.awt.image.BufferedImage;
import java.util.Arrays;

/**
 * A picture of 8 bits a channel, rows from the top, channels interleaved: the byte at {@code (y * width + x) * channels + c}.
 *
 * <p>One channel is luma, two are luma and alpha, three are RGB, four are RGBA. An image is not changed once it is made, so it may be read
 * from several threads.
 */
public final class Image {
    private final int width;
    private final int height;
    private final int channels;
    private final byte[] pixels;

    /**
     * @param pixels the bytes, kept and not copied: the caller must not write to them afterwards
     * @throws IllegalArgumentException if the sizes are not positive, the channels not 1 to 4, or the array's length is not their product
     */
    public Image(int width, int height, int channels, byte[] pixels) {
        if (width <= 0 || height <= 0 || channels < 1 || channels > 4) {
            throw new IllegalArgumentException("An image must have a positive size and 1 to 4 channels, not " + width
                    + " x " + height + " with " + channels + " channels.");
        }
        if ((long) width * height * channels != pixels.length) {
            throw new IllegalArgumentException("An image of " + width + " x " + height + " with " + channels
                    + " channels needs " + (long) width * height * channels + " bytes, not " + pixels.length + ".");
        }
        this.width = width;
        this.height = height;
        this.channels = channels;
        this.pixels = pixels;
    }

    /** A picture of any type as RGB, its transparency dropped. */
    public static Image of(BufferedImage picture) {
        int width = picture.getWidth();
        int height = picture.getHeight();
        int[] rgb = picture.getRGB(0, 0, width, height, null, 0, width);
        byte[] pixels = new byte[Math.multiplyExact(3, rgb.length)];
        for (int i = 0; i < rgb.length; i++) {
            pixels[3 * i] = (byte) (rgb[i] >> 16);
            pixels[3 * i + 1] = (byte) (rgb[i] >> 8);
            pixels[3 * i + 2] = (byte) rgb[i];
        }
        return new Image(width, height, 3, pixels);
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    public int channels() {
        return channels;
    }

    /** The bytes themselves, for reading only. */
    public byte[] pixels() {
        return pixels;
    }

    /** The value of one channel at column {@code x} and row {@code y}, 0 to 255. */
    public int get(int x, int y, int channel) {
        return pixels[(y * width + x) * channels + channel] & 0xFF;
    }

    /**
     * The same picture with another number of channels: colour becomes luma by ITU-R 601 (weights 0.299, 0.587, 0.114), luma is repeated
     * over the colours, alpha is dropped without compositing, and a missing alpha is opaque.
     */
    public Image withChannels(int wanted) {
        if (wanted == channels) {
            return this;
        }
        int count = width * height;
        byte[] out = new byte[Math.multiplyExact(count, wanted)];
        boolean colour = channels >= 3;
        boolean alpha = channels % 2 == 0;
        for (int i = 0, s = 0, d = 0; i < count; i++, s += channels, d += wanted) {
            if (wanted >= 3) {
                out[d] = pixels[s];
                out[d + 1] = pixels[colour ? s + 1 : s];
                out[d + 2] = pixels[colour ? s + 2 : s];
            } else {
                out[d] = colour ? luma(pixels[s] & 0xFF, pixels[s + 1] & 0xFF, pixels[s + 2] & 0xFF) : pixels[s];
            }
            if (wanted % 2 == 0) {
                out[d + wanted - 1] = alpha ? pixels[s + channels - 1] : (byte) 0xFF;
            }
        }
        return new Image(width, height, wanted, out);
    }

    private static byte luma(int red, int green, int blue) {
        return (byte) ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
    }

    /**
     * The picture placed on a canvas of zeros (black, transparent), cut off at the canvas's edges.
     *
     * @param x column of its left edge, not negative
     * @param y row of its upper edge, not negative
     */
    Image placed(int x, int y, int newWidth, int newHeight) {
        if (x == 0 && y == 0 && newWidth == width && newHeight == height) {
            return this;
        }
        byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(newWidth, newHeight), channels)];
        int columns = Math.min(width, newWidth - x);
        for (int row = 0; row < Math.min(height, newHeight - y) && columns > 0; row++) {
            System.arraycopy(
                    pixels, row * width * channels, out, ((y + row) * newWidth + x) * channels, columns * channels);
        }
        return new Image(newWidth, newHeight, channels, out);
    }

    /**
     * The picture as it is meant to be seen.
     *
     * @param orientation EXIF's tag 0x0112: 1 upright, 2 mirrored, 3 turned by 180 degrees, 4 upside down, 5 transposed, 6 to be turned
     *     clockwise by 90 degrees, 7 transposed over the other diagonal, 8 to be turned counter-clockwise; other values mean upright
     */
    public Image oriented(int orientation) {
        if (orientation < 2 || orientation > 8) {
            return this;
        }
        boolean swapped = orientation >= 5;
        int outWidth = swapped ? height : width;
        int outHeight = swapped ? width : height;
        // Whether the source column (row) runs backwards as the output is scanned.
        boolean backwardX = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean backwardY = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        byte[] out = new byte[pixels.length];
        int d = 0;
        for (int y = 0; y < outHeight; y++) {
            for (int x = 0; x < outWidth; x++) {
                int sx = swapped ? y : x;
                int sy = swapped ? x : y;
                int s = ((backwardY ? height - 1 - sy : sy) * width + (backwardX ? width - 1 - sx : sx)) * channels;
                for (int c = 0; c < channels; c++) {
                    out[d++] = pixels[s + c];
                }
            }
        }
        return new Image(outWidth, outHeight, channels, out);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Image image
                && width == image.width
                && height == image.height
                && channels == image.channels
                && Arrays.equals(pixels, image.pixels);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * width + height) + Arrays.hashCode(pixels);
    }

    @Override
    public String toString() {
        return "Image[" + width + " x " + height + ", " + channels + " channels]";
    }
}
