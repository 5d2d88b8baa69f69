package io.github.vicmae.io;

import java.util.Arrays;

/**
 * What a file says about one of its tensors.
 *
 * @param name the tensor's name
 * @param dtype its element type
 * @param shape its dimensions, outermost first; empty for a scalar
 * @param offset where its first element lies, in bytes: from the start of the data in a safetensors file, from the start
 *     of its storage in a PyTorch checkpoint
 * @param bytes its size in bytes, elements times element size
 */
public record TensorInfo(String name, DType dtype, long[] shape, long offset, long bytes) {
    public TensorInfo {
        shape = shape.clone();
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Returns the number of elements. */
    public long elements() {
        return bytes / dtype.bytes();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && offset == that.offset
                && bytes == that.bytes;
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return name + " " + dtype + Arrays.toString(shape);
    }

    /**
     * Multiplies a shape's dimensions with an element size.
     *
     * @return the size in bytes, or -1 if a dimension is negative or the product does not fit a long
     */
    public static long sizeInBytes(long[] shape, DType dtype) {
        long size = dtype.bytes();
        for (long dimension : shape) {
            if (dimension < 0 || Math.multiplyHigh(size, dimension) != 0 || size * dimension < 0) {
                return -1;
            }
            size *= dimension;
        }
        return size;
    }
}
