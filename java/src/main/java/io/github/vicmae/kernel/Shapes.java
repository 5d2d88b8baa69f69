package io.github.vicmae.kernel;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import java.util.Arrays;

/**
 * Argument checks that precede every launch. A size is given as up to four factors rather than an array, so that a check allocates nothing.
 */
public final class Shapes {
    private Shapes() {}

    /**
     * @throws IllegalArgumentException unless the tensor is of floats and has {@code d0} elements
     */
    public static void floats(String kernel, String argument, Tensor tensor, long d0) {
        floats(kernel, argument, tensor, d0, 1, 1, 1);
    }

    /** The same for {@code d0 * d1} elements. */
    public static void floats(String kernel, String argument, Tensor tensor, long d0, long d1) {
        floats(kernel, argument, tensor, d0, d1, 1, 1);
    }

    /** The same for {@code d0 * d1 * d2} elements. */
    public static void floats(String kernel, String argument, Tensor tensor, long d0, long d1, long d2) {
        floats(kernel, argument, tensor, d0, d1, d2, 1);
    }

    /** The same for {@code d0 * d1 * d2 * d3} elements. */
    public static void floats(String kernel, String argument, Tensor tensor, long d0, long d1, long d2, long d3) {
        require(kernel, argument, tensor, DType.F32, d0, d1, d2, d3);
    }

    /**
     * @throws IllegalArgumentException unless the tensor is of the type and has {@code d0 * d1} elements
     */
    public static void typed(String kernel, String argument, Tensor tensor, DType dtype, long d0, long d1) {
        require(kernel, argument, tensor, dtype, d0, d1, 1, 1);
    }

    /** The same for {@code d0 * d1 * d2 * d3} elements. */
    public static void typed(
            String kernel, String argument, Tensor tensor, DType dtype, long d0, long d1, long d2, long d3) {
        require(kernel, argument, tensor, dtype, d0, d1, d2, d3);
    }

    /**
     * Whether a tensor holds bfloat16.
     *
     * @throws IllegalArgumentException if it holds neither that nor floats
     */
    public static boolean isBf16(String kernel, String argument, Tensor tensor) {
        if (!tensor.dtype().isFloating()) {
            throw new IllegalArgumentException(
                    kernel + " wants " + argument + " as floats or bfloat16 but was given " + tensor);
        }
        return tensor.dtype() == DType.BF16;
    }

    /**
     * @throws IllegalArgumentException unless the tensor is of 32-bit integers and has {@code d0} elements
     */
    public static void ints(String kernel, String argument, Tensor tensor, long d0) {
        require(kernel, argument, tensor, DType.I32, d0, 1, 1, 1);
    }

    /** The same for {@code d0 * d1} elements. */
    public static void ints(String kernel, String argument, Tensor tensor, long d0, long d1) {
        require(kernel, argument, tensor, DType.I32, d0, d1, 1, 1);
    }

    /**
     * @throws IllegalArgumentException unless the tensor is of floats and has at least {@code size} elements
     */
    public static void atLeast(String kernel, String argument, Tensor tensor, long size) {
        if (tensor.dtype() != DType.F32 || tensor.size() < size) {
            throw new IllegalArgumentException(
                    kernel + " wants at least " + size + " floats of " + argument + " but was given " + tensor);
        }
    }

    /**
     * @throws IllegalArgumentException unless there is a float for each {@code rowsPerFactor} of {@code rows} rows
     */
    public static void factors(String kernel, Tensor factors, int rowsPerFactor, int rows) {
        if (rowsPerFactor < 1 || rows % rowsPerFactor != 0) {
            throw new IllegalArgumentException(kernel + " cannot divide " + rows + " rows into groups of "
                    + rowsPerFactor + ", one for each factor");
        }
        floats(kernel, "factors", factors, rows / rowsPerFactor);
    }

    private static void require(
            String kernel, String argument, Tensor tensor, DType dtype, long d0, long d1, long d2, long d3) {
        long size = Math.multiplyExact(Math.multiplyExact(d0, d1), Math.multiplyExact(d2, d3));
        if (tensor.dtype() != dtype || tensor.size() != size) {
            throw new IllegalArgumentException(kernel + " wants " + argument + " as " + size + " elements of " + dtype
                    + " (" + Arrays.toString(new long[] {d0, d1, d2, d3}) + ") but was given " + tensor);
        }
    }
}
