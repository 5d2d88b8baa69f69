package io.github.vicmae.device;

import java.util.Arrays;

/**
 * A dense row-major array in device memory: a place in a {@link Buffer} with a shape. It owns nothing. Tensors are made while memory is
 * planned and live as long as the buffer; a training step makes none.
 */
public final class Tensor {
    private final String name;
    private final DType dtype;
    private final int[] shape;
    private final long size;
    private long offset;
    private Buffer buffer;

    Tensor(String name, DType dtype, Buffer buffer, long offset, int... shape) {
        long count = 1;
        for (int d : shape) {
            if (d <= 0) {
                throw new IllegalArgumentException(
                        "Tensor '" + name + "' cannot have the shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, d);
        }
        this.name = name;
        this.dtype = dtype;
        this.shape = shape.clone();
        this.size = count;
        this.offset = offset;
        if (buffer != null) {
            bind(buffer, offset);
        }
    }

    /** Gives a planned tensor its memory, from byte {@code at} on; done once, when the arena is allocated. */
    void bind(Buffer memory, long at) {
        offset = at;
        if (offset < 0 || offset + bytes() > memory.bytes()) {
            throw new IllegalArgumentException(this + " at byte " + offset + " does not fit into the buffer '"
                    + memory.name() + "' of " + memory.bytes() + " bytes");
        }
        buffer = memory;
    }

    public String name() {
        return name;
    }

    public DType dtype() {
        return dtype;
    }

    /** Number of elements. */
    public long size() {
        return size;
    }

    public long bytes() {
        return size * dtype.bytes();
    }

    public int rank() {
        return shape.length;
    }

    public int dim(int axis) {
        return shape[axis];
    }

    public int[] shape() {
        return shape.clone();
    }

    /** The last dimension. */
    public int width() {
        return shape[shape.length - 1];
    }

    /** The product of all dimensions but the last. */
    public int rows() {
        return Math.toIntExact(size / width());
    }

    /**
     * The address on the device.
     *
     * @throws IllegalStateException if no memory has been given yet, or its buffer is closed
     */
    public long address() {
        if (buffer == null) {
            throw new IllegalStateException(this + " has no memory yet: its arena was not allocated");
        }
        return buffer.address() + offset;
    }

    /** The same memory under another shape of the same size. */
    public Tensor view(int... newShape) {
        Tensor t = new Tensor(name, dtype, buffer, offset, newShape);
        if (t.size != size) {
            throw new IllegalArgumentException(this + " cannot be seen as " + Arrays.toString(newShape));
        }
        return t;
    }

    /** Part of the memory: {@code newShape} elements from element {@code start} on. */
    public Tensor slice(String newName, long start, int... newShape) {
        Tensor t = new Tensor(newName, dtype, buffer, offset + start * dtype.bytes(), newShape);
        if (start < 0 || start + t.size > size) {
            throw new IllegalArgumentException(t + " from element " + start + " on does not lie inside " + this);
        }
        return t;
    }

    @Override
    public String toString() {
        return "tensor '" + name + "' " + dtype + Arrays.toString(shape);
    }
}
