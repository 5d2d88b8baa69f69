package io.github.vicmae.kernel;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
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
            for (MatMulTile tile : MatMulTile.values()) {
                MatMulPlan plan = MatMulPlan.of(tile, K, 1);
                for (boolean transB : new boolean[] {false, true}) {
                    matmul.multiplyOwn(Epilogue.BIAS_GELU, plan, half, a, b, false, transB, M, N, K, bias, other, null);
                }
                matmul.multiplyOwn(
                        Epilogue.ADD_ROW_SUMS,
                        MatMulPlan.of(tile, K, 2),
                        c,
                        a,
                        b,
                        true,
                        false,
                        M,
                        N,
                        K,
                        sums,
                        null,
                        scratch);
            }
            matmul.multiplyOwn(Epilogue.BIAS_GELU, null, half, a, b, false, true, M, N, K, bias, other, null);
            matmul.multiplyOwn(Epilogue.ADD_ROW_SUMS, null, c, a, b, true, false, M, N, K, sums, null, null);
            stream.synchronize();
        }
    }
}
