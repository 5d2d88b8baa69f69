package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Tensor;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/** Matrix products by cuBLAS, where its library can be loaded; in IEEE single precision. */
final class CublasGemm implements AutoCloseable {
    private static final Pattern LOADER =
            Pattern.compile("lib[\\w.]+\\.so[\\w.]*: (cannot open|undefined|version)[^\\n]*");

    private static String missing;
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
        } catch (RuntimeException e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** A handle on the stream, or null where cuBLAS cannot be had; {@link #state()} says why. */
    static CublasGemm create(CUstream stream) {
        if (!isAvailable()) {
            return null;
        }
        try {
            return new CublasGemm(stream);
        } catch (LinkageError | RuntimeException e) {
            remember(e);
            return null;
        }
    }

    private static synchronized boolean isAvailable() {
        if (!looked) {
            looked = true;
            if (Boolean.getBoolean("vicmae.noCublas")) {
                missing = "switched off by -Dvicmae.noCublas";
                return false;
            }
            try {
                JCublas2.setExceptionsEnabled(false); // loads the natives
            } catch (LinkageError | RuntimeException e) {
                remember(e);
            }
        }
        return missing == null;
    }

    /** JCuda's message is a page; the loader's own line in it, if there is one, says which library is missing. */
    private static synchronized void remember(Throwable e) {
        Matcher line = LOADER.matcher(String.valueOf(e.getMessage()));
        missing = line.find() ? line.group() : e.toString().lines().findFirst().orElse("unknown reason");
    }

    /** Which library is in use, and why not cuBLAS where it is not. */
    static String state() {
        return isAvailable() ? "cuBLAS" : "own kernel (cuBLAS 12 is not used: " + missing + ")";
    }

    /** See {@link io.github.vicmae.device.Stream#multiply}: row-major C = op(A) op(B) is column-major C' = op(B)' op(A)'. */
    void gemm(boolean transA, boolean transB, int m, int n, int k, Tensor a, Tensor b, float betaValue, Tensor c) {
        beta[0] = betaValue;
        check(
                JCublas2.cublasSgemm(
                        handle,
                        transB ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
                        transA ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
                        n,
                        m,
                        k,
                        alphaPointer,
                        Cuda.pointer(b.address()),
                        transB ? k : n,
                        Cuda.pointer(a.address()),
                        transA ? m : k,
                        betaPointer,
                        Cuda.pointer(c.address()),
                        n),
                "cublasSgemm(" + m + ", " + n + ", " + k + ")");
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
