package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import java.util.Arrays;

/** The checks that stand before every launch. */
final class Shapes {
    private Shapes() {}

    /**
     * @throws IllegalArgumentException unless the tensor is of floats and has the shape's number of elements
     */
    static void floats(String kernel, String argument, Tensor tensor, long... dims) {
        require(kernel, argument, tensor, DType.F32, dims);
    }

    /**
     * @throws IllegalArgumentException unless the tensor is of 32-bit integers and has the shape's number of elements
     */
    static void ints(String kernel, String argument, Tensor tensor, long... dims) {
        require(kernel, argument, tensor, DType.I32, dims);
    }

    /**
     * @throws IllegalArgumentException unless the tensor is of floats and has at least {@code size} elements
     */
    static void atLeast(String kernel, String argument, Tensor tensor, long size) {
        if (tensor.dtype() != DType.F32 || tensor.size() < size) {
            throw new IllegalArgumentException(
                    kernel + " wants at least " + size + " floats of " + argument + " but was given " + tensor);
        }
    }

    private static void require(String kernel, String argument, Tensor tensor, DType dtype, long... dims) {
        long size = 1;
        for (long d : dims) {
            size = Math.multiplyExact(size, d);
        }
        if (tensor.dtype() != dtype || tensor.size() != size) {
            throw new IllegalArgumentException(kernel + " wants " + argument + " as " + dtype + Arrays.toString(dims)
                    + " but was given " + tensor);
        }
    }
}
