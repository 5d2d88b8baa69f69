package io.github.vicmae.kernel.augment;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;

/**
 * The device memory that {@link AugmentKernels#make} works in: nothing in it outlives a call. More views than it is planned for are made in
 * several passes.
 */
public final class AugmentWorkspace {
    private final AugmentShape shape;
    private final int views;
    private final Tensor places;
    private final Tensor weights;
    private final Tensor lumaSums;
    private final Tensor blurred;
    private final boolean jitter;

    /**
     * Declares the memory.
     *
     * @param arena not yet allocated
     * @param views how many frames are made at once, a multiple of the shape's frames
     * @param jitter whether any view may have its colours jittered
     * @param blur whether any view may be blurred
     */
    public AugmentWorkspace(Arena arena, AugmentShape shape, int views, boolean jitter, boolean blur) {
        this.shape = shape;
        this.views = views;
        this.jitter = jitter && shape.channels() == 3;
        int taps = shape.height() * shape.strideY() + shape.width() * shape.strideX();
        places = arena.tensor("filter places", DType.I32, views, shape.height() + shape.width(), 2);
        weights = arena.floats("filter weights", views, taps);
        // A kernel takes an address whether it uses it or not.
        lumaSums = arena.floats("luma sums", this.jitter ? views : 1, shape.parts());
        blurred = blur ? arena.floats("blurred rows", views, shape.channels(), shape.height(), shape.width()) : null;
    }

    /** The sizes it was planned for. */
    public AugmentShape shape() {
        return shape;
    }

    /** How many views are made at once. */
    public int views() {
        return views;
    }

    /** Whether views may have their colours jittered. */
    public boolean hasJitter() {
        return jitter;
    }

    /** Whether views may be blurred. */
    public boolean hasBlur() {
        return blurred != null;
    }

    /** [views, height + width, 2] integers. */
    Tensor places() {
        return places;
    }

    /** [views, height * strideY + width * strideX]. */
    Tensor weights() {
        return weights;
    }

    /** [views, parts]. */
    Tensor lumaSums() {
        return lumaSums;
    }

    /** [views, channels, height, width], null without blur. */
    Tensor blurred() {
        return blurred;
    }
}
