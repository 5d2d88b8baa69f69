package io.github.vicmae.data;

import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;

/**
 * Mixup (arXiv 1710.09412), CutMix (arXiv 1905.04899) and label smoothing, as timm makes them for whole batches: one share for a batch, and
 * sample i is mixed with sample B - 1 - i; the one in the middle of an odd batch stays itself. What is drawn is a pure function of the seed
 * and the update's number.
 */
public final class Mixing {
    private final MixingSettings settings;
    private final int classes;
    private final long seed;

    /**
     * What is mixed in one batch. CutMix replaces the rows {@code top} to {@code bottom} and the columns {@code left} to {@code right}, the ends
     * excluded; for mixup all four are 0.
     *
     * @param share of a sample that stays; 1 where nothing is mixed
     */
    public record Mix(double share, boolean cut, int top, int bottom, int left, int right) {
        /** Nothing is mixed. */
        public static final Mix NONE = new Mix(1, false, 0, 0, 0, 0);
    }

    /** @param classes K, of the targets */
    public Mixing(MixingSettings settings, int classes, long seed) {
        if (classes < 1) {
            throw new IllegalArgumentException("Targets need one class at least, not " + classes + ".");
        }
        this.settings = settings;
        this.classes = classes;
        this.seed = seed;
    }

    /**
     * Draws what is mixed.
     *
     * @param update number of the batch in the run, from 0
     * @param height rows of a view
     * @param width columns of a view
     */
    public Mix draw(int update, int height, int width) {
        if (!settings.mixes()) {
            return Mix.NONE;
        }
        Philox random = Draw.MIXING.stream(seed, 0, update, 0, 0);
        boolean both = settings.mixup() > 0 && settings.cutmix() > 0;
        boolean mixed = random.nextFloat() < settings.mixProbability();
        boolean cut = random.nextFloat() < settings.switchProbability();
        if (!mixed) {
            return Mix.NONE;
        }
        cut = both ? cut : settings.cutmix() > 0;
        double parameter = cut ? settings.cutmix() : settings.mixup();
        double share = BetaDistribution.draw(random, parameter, parameter);
        return cut ? box(share, height, width, random) : new Mix(share, false, 0, 0, 0, 0);
    }

    /** A box of 1 - share of the area around a random centre; what lies outside of the view is cut off, and the share is what remains. */
    private static Mix box(double share, int height, int width, Philox random) {
        double side = Math.sqrt(1 - share);
        int h = (int) (height * side);
        int w = (int) (width * side);
        int y = random.nextInt(height);
        int x = random.nextInt(width);
        int top = Math.max(0, y - h / 2);
        int bottom = Math.min(height, y + h / 2);
        int left = Math.max(0, x - w / 2);
        int right = Math.min(width, x + w / 2);
        double area = (double) (bottom - top) * (right - left);
        return new Mix(1 - area / ((double) height * width), true, top, bottom, left, right);
    }

    /**
     * Mixes a batch in place.
     *
     * @param views [B, C, T, H, W] from the first value on
     * @param batch B
     * @param planes C x T, of H x W values each
     * @param height H
     * @param width W
     * @throws IllegalArgumentException if the buffer is too short
     */
    public static void apply(Mix mix, FloatBuffer views, int batch, int planes, int height, int width) {
        int size = Math.multiplyExact(planes, Math.multiplyExact(height, width));
        if (Math.multiplyExact(batch, size) > views.limit()) {
            throw new IllegalArgumentException("A batch of " + batch + " views of " + size
                    + " values was to be mixed, but" + " the buffer holds " + views.limit() + ".");
        }
        if (mix.share() == 1) {
            return;
        }
        // Whole planes are contiguous; of a box each row is.
        int rows = mix.cut() ? planes * (mix.bottom() - mix.top()) : planes * height;
        int columns = mix.cut() ? mix.right() - mix.left() : width;
        float[] one = new float[columns];
        float[] other = new float[columns];
        for (int i = 0; i < batch / 2; i++) {
            int first = i * size;
            int second = (batch - 1 - i) * size;
            for (int row = 0; row < rows; row++) {
                int at = mix.cut() ? place(mix, row, height, width) : row * width;
                views.get(first + at, one);
                views.get(second + at, other);
                if (!mix.cut()) {
                    blend(one, other, (float) mix.share());
                }
                views.put(first + at, mix.cut() ? other : one);
                views.put(second + at, mix.cut() ? one : other);
            }
        }
    }

    /** Where a row of the box begins in a sample. */
    private static int place(Mix mix, int row, int height, int width) {
        int rows = mix.bottom() - mix.top();
        return (row / rows * height + mix.top() + row % rows) * width + mix.left();
    }

    private static void blend(float[] one, float[] other, float share) {
        float rest = 1 - share;
        for (int i = 0; i < one.length; i++) {
            float a = one[i];
            float b = other[i];
            one[i] = share * a + rest * b;
            other[i] = share * b + rest * a;
        }
    }

    /**
     * Writes the targets of a batch [B, K]: smoothing / K for every class and 1 - smoothing more for the sample's own, mixed as the views
     * are. Each row sums to one.
     *
     * @param labels class numbers of the batch, [B], as they were before the mixing
     * @throws IllegalArgumentException if a label is no class
     */
    public void targets(Mix mix, int[] labels, FloatBuffer targets) {
        double everywhere = settings.smoothing() / classes;
        double own = 1 - settings.smoothing();
        float off = (float) everywhere;
        for (int i = 0; i < labels.length; i++) {
            int label = known(labels[i]);
            int partner = known(labels[labels.length - 1 - i]);
            for (int k = 0; k < classes; k++) {
                targets.put(i * classes + k, off);
            }
            if (label == partner) {
                targets.put(i * classes + label, (float) (everywhere + own));
            } else {
                targets.put(i * classes + label, (float) (everywhere + own * mix.share()));
                targets.put(i * classes + partner, (float) (everywhere + own * (1 - mix.share())));
            }
        }
    }

    private int known(int label) {
        if (label < 0 || label >= classes) {
            throw new IllegalArgumentException(
                    label < 0
                            ? "A sample without a class cannot have a target; leave samples without classes out."
                            : "There are " + classes + " classes, but a sample has the class number " + label + ".");
        }
        return label;
    }
}
