package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Every kernel for matrix products of bfloat16, at sizes that end within tiles. */
public final class MatMulLaunches {
    private static final int M = 72;
    private static final int N = 40;
    private static final int K = 72;

    private MatMulLaunches() {}

    /** Launches them on a device of that name. */
    public static void all(String name) {
        try (Device device = Device.open(name);
                Stream stream = device.newStream();
                Arena arena = new Arena("operands")) {
            Tensor a = arena.tensor("a", DType.BF16, M, K);
            Tensor b = arena.tensor("b", DType.BF16, K, N);
            Tensor c = arena.floats("c", M, N);
            Tensor half = arena.tensor("c in bfloat16", DType.BF16, M, N);
            Tensor other = arena.tensor("other", DType.BF16, M, N);
            Tensor bias = arena.floats("bias", N);
            Tensor sums = arena.floats("sums", M);
            Tensor scratch = arena.floats("scratch", 2 * M * (N + 1));
            arena.allocate(device);
            arena.tensors().forEach(stream::zero);
            MatMul matmul = new MatMul(stream);
            Product forward = new Product();
            Product backward = new Product();
            backward.of(a, true, b, false, M, N, K)
                    .to(Epilogue.ADD_ROW_SUMS, c, sums, null)
                    .scratch(scratch);
            for (MatMulTile tile : MatMulTile.values()) {
                for (boolean transB : new boolean[] {false, true}) {
                    forward.of(a, false, b, transB, M, N, K).to(Epilogue.BIAS_GELU, half, bias, other);
                    matmul.multiply(MatMulPlan.of(tile, K, 1), forward);
                }
                matmul.multiply(MatMulPlan.of(tile, K, 2), backward);
            }
            matmul.multiplyPortably(forward);
            matmul.multiplyPortably(backward);
            stream.synchronize();
        }
    }
}
