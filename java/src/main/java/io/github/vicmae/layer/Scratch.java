package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Tensor;

/** The kernels' common scratch memory: as large as the largest need, and never holding anything from one launch to a later family's. */
public final class Scratch {
    /** Its tensor's name. */
    public static final String NAME = "scratch";

    private long floats = 1;
    private Tensor tensor;

    /** Says how much will be needed; call while memory is planned. */
    public void need(long count) {
        floats = Math.max(floats, count);
    }

    /** Declares the memory, after every need is known. */
    public void plan(Arena arena) {
        tensor = arena.floats(NAME, Math.toIntExact(floats));
    }

    public Tensor tensor() {
        return tensor;
    }
}
