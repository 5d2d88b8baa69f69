package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.Random;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;

/**
 * A program for {@link CublasBridgeTest}, in a process of its own since a library is bound once: says which cuBLAS it finds, and if there is one,
 * makes products with it on the CPU's memory and says how far off they are.
 */
final class CublasProgram {
    private static final int M = 5;
    private static final int N = 7;
    private static final int K = 9;

    private CublasProgram() {}

    public static void main(String[] arguments) {
        System.out.println("state: " + CublasGemm.state());
        System.out.println("missing: " + CublasGemm.missing());
        try (CublasGemm blas = CublasGemm.create(new CUstream())) {
            System.out.println("handle: " + (blas != null));
            if (blas == null) {
                return;
            }
            try (Device device = Device.open("cpu");
                    Stream stream = device.newStream()) {
                for (int flags = 0; flags < 8; flags++) {
                    boolean add = (flags & 4) != 0;
                    check(stream, blas, DType.F32, DType.F32, flags, add);
                    check(stream, blas, DType.BF16, DType.F32, flags, add);
                    if (!add) {
                        check(stream, blas, DType.BF16, DType.BF16, flags, false);
                    }
                }
            }
        }
        int status = JCublas2.cublasSasum(new cublasHandle(), 1, new Pointer(), 1, new Pointer());
        System.out.println("other function: " + cublasStatus.stringFor(status));
    }

    /** Prints the largest difference from the product in double precision. */
    private static void check(Stream stream, CublasGemm blas, DType operands, DType result, int flags, boolean add) {
        boolean transA = (flags & 1) != 0;
        boolean transB = (flags & 2) != 0;
        try (Arena arena = new Arena("operands")) {
            Tensor a = arena.tensor("a", operands, M, K);
            Tensor b = arena.tensor("b", operands, K, N);
            Tensor c = arena.tensor("c", result, M, N);
            arena.allocate(stream.device());
            Random random = new Random(flags);
            for (Tensor t : new Tensor[] {a, b, c}) {
                float[] values = new float[(int) t.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) random.nextGaussian();
                }
                stream.write(t, values);
            }
            float[] before = stream.read(c);
            float[] left = stream.read(a);
            float[] right = stream.read(b);
            blas.gemm(new Product().of(a, transA, b, transB, M, N, K).to(add ? Epilogue.ADD : Epilogue.WRITE, c));
            float[] after = stream.read(c);
            double worst = 0;
            for (int i = 0; i < M; i++) {
                for (int j = 0; j < N; j++) {
                    double sum = add ? before[i * N + j] : 0;
                    for (int l = 0; l < K; l++) {
                        sum += (double) left[transA ? l * M + i : i * K + l] * right[transB ? j * K + l : l * N + j];
                    }
                    double limit = result == DType.F32 ? 1e-6 : Math.abs(sum) / 256 + 1e-6;
                    worst = Math.max(worst, Math.abs(after[i * N + j] - sum) / limit);
                }
            }
            System.out.println(operands + " to " + result + (transA ? " t" : " n") + (transB ? "t" : "n")
                    + (add ? " added: " : ": ") + (worst < 4 ? "right" : "off by " + worst + " times its limit"));
        } catch (DeviceException e) {
            System.out.println("failed: " + e.getMessage());
        }
    }
}
