package io.github.vicmae.data.view;

import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;

/**
 * Random erasing (Zhong et al., AAAI 2020) as timm makes it: with a probability, a box of 0.02 to 1/3 of the view's area and of an aspect
 * from 0.3 to 1 / 0.3 is overwritten after the normalisation. All frames of a clip lose the same box.
 *
 * @param probability that a view loses a box
 * @param fill what the box gets
 */
public record RandomErasing(float probability, Fill fill) {
    /** What an erased box is overwritten with. */
    public enum Fill {
        /** A standard normal number for each value, other ones in each frame; timm's {@code pixel}. */
        PIXEL,
        /** Zero, the mean colour; timm's {@code const}. */
        CONST
    }

    /** Nothing is erased. */
    public static final RandomErasing NONE = new RandomErasing(0, Fill.PIXEL);

    private static final float MIN_AREA = 0.02f;
    private static final float MAX_AREA = 1 / 3f;
    private static final double MIN_LOG_ASPECT = Math.log(0.3);
    private static final double MAX_LOG_ASPECT = -MIN_LOG_ASPECT;
    private static final int ATTEMPTS = 10;

    public RandomErasing {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException(
                    "The probability of random erasing must be 0 to 1, not " + probability + ".");
        }
        if (fill == null) {
            throw new IllegalArgumentException("Random erasing needs to know what to fill the box with.");
        }
    }

    /**
     * The box of one view, in pixels of the view.
     *
     * @param seed of the noise that fills it
     */
    record Box(int left, int top, int width, int height, Fill fill, long seed) {
        /**
         * Overwrites the box in one frame of a view.
         *
         * @param frame number of the frame in its view
         * @param out values [C, H, W] from {@code offset} on, with {@code channelStride} values from a channel to the next
         * @param viewWidth columns of the view
         */
        void erase(FloatBuffer out, int offset, int channels, int channelStride, int viewWidth, int frame) {
            for (int c = 0; c < channels; c++) {
                Philox noise = new Philox(seed, frame, c, 0);
                for (int y = top; y < top + height; y++) {
                    int from = offset + c * channelStride + y * viewWidth + left;
                    for (int i = from; i < from + width; i++) {
                        out.put(i, fill == Fill.PIXEL ? (float) noise.nextGaussian() : 0);
                    }
                }
            }
        }
    }

    /**
     * Draws the box of a view of {@code height} x {@code width} pixels.
     *
     * @return null for none: because of the probability, or because none of ten boxes is smaller than the view on both sides
     */
    Box draw(Philox random, int height, int width) {
        if (probability == 0 || random.nextFloat() >= probability) {
            return null;
        }
        for (int i = 0; i < ATTEMPTS; i++) {
            double area = random.nextFloat(MIN_AREA, MAX_AREA) * (double) height * width;
            double aspect = Math.exp(MIN_LOG_ASPECT + (MAX_LOG_ASPECT - MIN_LOG_ASPECT) * random.nextFloat());
            int h = (int) Math.rint(Math.sqrt(area * aspect));
            int w = (int) Math.rint(Math.sqrt(area / aspect));
            if (h < height && w < width && h > 0 && w > 0) {
                int top = random.nextInt(height - h + 1);
                int left = random.nextInt(width - w + 1);
                long seed = (long) random.nextInt() << 32 | random.nextInt() & 0xFFFFFFFFL;
                return new Box(left, top, w, h, fill, seed);
            }
        }
        return null;
    }
}
