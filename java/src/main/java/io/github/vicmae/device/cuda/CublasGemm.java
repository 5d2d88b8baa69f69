package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Product;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.driver.CUstream;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/**
 * Matrix products by cuBLAS, where its library can be loaded: floats in IEEE single precision, bfloat16 with sums in single precision throughout.
 */
final class CublasGemm implements AutoCloseable {
    private static final Pattern LOADER =
            Pattern.compile("lib[\\w.]+\\.so[\\w.]*: (cannot open|undefined|version)[^\\n]*");

    private static String missing;
    private static String library;
    private static boolean looked;

    private final cublasHandle handle = new cublasHandle();
    private final float[] alpha = {1};
    private final float[] beta = new float[1];
    private final Pointer alphaPointer = Pointer.to(alpha);
    private final Pointer betaPointer = Pointer.to(beta);

    private CublasGemm(CUstream stream) {
        check(JCublas2.cublasCreate(handle), "cublasCreate");
        try {
            check(JCublas2.cublasSetStream(handle, new cudaStream_t(stream)), "cublasSetStream");
            check(
                    JCublas2.cublasSetMathMode(handle, cublasMath.CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION),
                    "cublasSetMathMode");
        } catch (RuntimeException e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** A handle on the stream, or null where cuBLAS cannot be had; {@link #missing()} says why. */
    static CublasGemm create(CUstream stream) {
        if (missing() != null) {
            return null;
        }
        try {
            return new CublasGemm(stream);
        } catch (LinkageError | RuntimeException e) {
            remember(e);
            return null;
        }
    }

    /** Why cuBLAS cannot be had, or null if it can. The library is not even loaded as long as the property says so. */
    static synchronized String missing() {
        if (MatMulPolicy.current() == MatMulPolicy.OWN) {
            return "-D" + MatMulPolicy.PROPERTY + "=own says so";
        }
        if (!looked) {
            looked = true;
            try {
                library = CublasLibrary.load();
                JCublas2.setExceptionsEnabled(false); // loads the natives
            } catch (LinkageError | RuntimeException e) {
                remember(e);
            }
        }
        return missing;
    }

    /** JCuda's message is a page; the loader's own line in it, if there is one, says which library is missing. */
    private static synchronized void remember(Throwable e) {
        String message = String.valueOf(e.getMessage());
        Matcher line = LOADER.matcher(message);
        missing = line.find() ? line.group() : message.lines().findFirst().orElse(e.toString());
    }

    /** Who makes matrix products, and why not cuBLAS where it does not. */
    static String state() {
        String why = missing();
        if (why != null) {
            return "own kernels (cuBLAS is not used: " + why + ")";
        }
        return MatMulPolicy.current() == MatMulPolicy.CUBLAS
                ? library + " (-D" + MatMulPolicy.PROPERTY + "=cublas says so)"
                : "own kernels or " + library + ", whichever is measured to be faster for a shape (-D"
                        + MatMulPolicy.PROPERTY + "=own or cublas fixes it)";
    }

    /** See {@link io.github.vicmae.device.Stream#multiply}: row-major C = op(A) op(B) is column-major C' = op(B)' op(A)'. */
    void gemm(Product p) {
        beta[0] = p.epilogue().accumulates() ? 1 : 0;
        int m = p.m();
        int n = p.n();
        int k = p.k();
        int opB = p.transB() ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
        int opA = p.transA() ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
        int ldb = p.widthOfB();
        int lda = p.widthOfA();
        Pointer pa = Cuda.pointer(p.a().address());
        Pointer pb = Cuda.pointer(p.b().address());
        Pointer pc = Cuda.pointer(p.c().address());
        String size = "(" + m + ", " + n + ", " + k + ")";
        if (p.a().dtype() == DType.F32) {
            check(
                    JCublas2.cublasSgemm(handle, opB, opA, n, m, k, alphaPointer, pb, ldb, pa, lda, betaPointer, pc, n),
                    "cublasSgemm" + size);
        } else {
            int type = cudaDataType.CUDA_R_16BF;
            check(
                    JCublas2.cublasGemmEx_new(
                            handle,
                            opB,
                            opA,
                            n,
                            m,
                            k,
                            alphaPointer,
                            pb,
                            type,
                            ldb,
                            pa,
                            type,
                            lda,
                            betaPointer,
                            pc,
                            p.c().dtype() == DType.F32 ? cudaDataType.CUDA_R_32F : type,
                            n,
                            cublasComputeType.CUBLAS_COMPUTE_32F,
                            cublasGemmAlgo.CUBLAS_GEMM_DEFAULT),
                    "cublasGemmEx" + size);
        }
    }

    private static void check(int status, String call) {
        if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
            throw new DeviceException(call + " answered " + cublasStatus.stringFor(status));
        }
    }

    @Override
    public void close() {
        check(JCublas2.cublasDestroy(handle), "cublasDestroy");
    }
}
