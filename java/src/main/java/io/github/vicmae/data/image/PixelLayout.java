package io.github.vicmae.data.image;

import java.nio.ByteBuffer;

/**
 * How pictures of 8 bits a channel lie in memory: [count, height, width, channels], each row's pixels one after the other, rows and pictures at any distance.
 *
 * @param count pictures, 0 or more
 * @param height rows of a picture
 * @param width columns
 * @param channels 1 luma, 2 luma and alpha, 3 RGB, 4 RGBA
 * @param rowStride bytes from the start of one row to that of the next, at least width times channels
 * @param imageStride bytes from the start of one picture to that of the next, at least what a picture takes
 */
public record PixelLayout(int count, int height, int width, int channels, long rowStride, long imageStride) {
    /** @throws IllegalArgumentException if the sizes are none of pictures, or rows or pictures would overlap */
    public PixelLayout {
        if (count < 0 || height < 1 || width < 1 || channels < 1 || channels > 4) {
            throw new IllegalArgumentException("Pictures [" + count + ", " + height + ", " + width + ", " + channels
                    + "] were asked for; there must be 0 or more, of a positive size and 1 to 4 channels");
        }
        if ((long) height * width > ImageReader.MAX_PIXELS) {
            throw new IllegalArgumentException(
                    "A picture may have " + ImageReader.MAX_PIXELS + " pixels, not " + height + " x " + width);
        }
        if (rowStride < (long) width * channels) {
            throw new IllegalArgumentException(
                    "Rows of " + width + " x " + channels + " bytes cannot be " + rowStride + " bytes apart");
        }
        if (imageStride < Math.addExact(Math.multiplyExact(height - 1, rowStride), (long) width * channels)) {
            throw new IllegalArgumentException("Pictures of " + height + " rows that are " + rowStride
                    + " bytes apart cannot be " + imageStride + " bytes apart");
        }
    }

    /** Pictures without gaps. */
    public static PixelLayout dense(int count, int height, int width, int channels) {
        long row = (long) width * channels;
        return new PixelLayout(count, height, width, channels, row, row * height);
    }

    /** One of these pictures alone. */
    public PixelLayout single() {
        return new PixelLayout(1, height, width, channels, rowStride, imageStride);
    }

    /** Bytes from the first picture's first to its last. */
    public long pictureBytes() {
        return (height - 1) * rowStride + (long) width * channels;
    }

    /** Bytes from the first picture's first to the last picture's last. */
    public long bytes() {
        return count == 0 ? 0 : Math.addExact(Math.multiplyExact(count - 1, imageStride), pictureBytes());
    }

    /**
     * Copies a picture.
     *
     * @param memory its bytes from index 0 on, whatever the position
     * @param index of the picture
     * @throws IllegalArgumentException if the buffer ends before the picture does
     */
    public Image image(ByteBuffer memory, int index) {
        long start = index * imageStride;
        if (index < 0 || index >= count || start + pictureBytes() > memory.limit()) {
            throw new IllegalArgumentException("Picture " + index + " of " + this + " ends at byte "
                    + (start + pictureBytes()) + ", and the buffer's limit is " + memory.limit());
        }
        byte[] pixels = new byte[height * width * channels];
        int row = width * channels;
        for (int y = 0; y < height; y++) {
            memory.get((int) (start + y * rowStride), pixels, y * row, row);
        }
        return new Image(width, height, channels, pixels);
    }

    @Override
    public String toString() {
        return "[" + count + ", " + height + ", " + width + ", " + channels + "]";
    }
}
