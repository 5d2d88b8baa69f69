package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Tensor;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnBatchNormMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnStatus;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
import org.lwjgl.system.APIUtil;

/** Batch normalisation by cuDNN 8, each column with statistics of its own, in floats, on the context's default stream. */
final class CudnnBatchNorm implements AutoCloseable {
    private static final String LIBRARY = "libcudnn.so.8";

    private final cudnnHandle handle = new cudnnHandle();
    private final cudnnTensorDescriptor data = new cudnnTensorDescriptor();
    private final cudnnTensorDescriptor columns = new cudnnTensorDescriptor();
    private final Pointer one = Pointer.to(new float[] {1});
    private final Pointer zero = Pointer.to(new float[1]);

    CudnnBatchNorm(int rows, int width) {
        check(JCudnn.cudnnCreate(handle), "cudnnCreate");
        check(JCudnn.cudnnCreateTensorDescriptor(data), "cudnnCreateTensorDescriptor");
        check(JCudnn.cudnnCreateTensorDescriptor(columns), "cudnnCreateTensorDescriptor");
        check(
                JCudnn.cudnnSetTensor4dDescriptor(
                        data, cudnnTensorFormat.CUDNN_TENSOR_NCHW, cudnnDataType.CUDNN_DATA_FLOAT, rows, width, 1, 1),
                "cudnnSetTensor4dDescriptor");
        check(
                JCudnn.cudnnDeriveBNTensorDescriptor(columns, data, cudnnBatchNormMode.CUDNN_BATCHNORM_PER_ACTIVATION),
                "cudnnDeriveBNTensorDescriptor");
    }

    /** Why it is not available here, or null. */
    static String missing() {
        try {
            APIUtil.apiCreateLibrary(LIBRARY); // left open: JCudnn's natives find it
        } catch (LinkageError e) {
            return LIBRARY + " was not found; JCudnn 11.7, the last version published, needs cuDNN 8";
        }
        try {
            JCudnn.cudnnGetVersion();
            return null;
        } catch (LinkageError | RuntimeException e) {
            return "JCudnn could not be loaded: " + e.getMessage();
        }
    }

    void forward(
            Tensor y,
            Tensor x,
            Tensor gamma,
            Tensor beta,
            Tensor runningMean,
            Tensor runningVar,
            Tensor mean,
            Tensor rstd) {
        check(
                JCudnn.cudnnBatchNormalizationForwardTraining(
                        handle,
                        cudnnBatchNormMode.CUDNN_BATCHNORM_PER_ACTIVATION,
                        one,
                        zero,
                        data,
                        pointer(x),
                        data,
                        pointer(y),
                        columns,
                        pointer(gamma),
                        pointer(beta),
                        BatchNorm.MOMENTUM,
                        pointer(runningMean),
                        pointer(runningVar),
                        BatchNorm.EPS,
                        pointer(mean),
                        pointer(rstd)),
                "cudnnBatchNormalizationForwardTraining");
    }

    void backward(Tensor dx, Tensor dgamma, Tensor dbeta, Tensor dy, Tensor x, Tensor gamma, Tensor mean, Tensor rstd) {
        check(
                JCudnn.cudnnBatchNormalizationBackward(
                        handle,
                        cudnnBatchNormMode.CUDNN_BATCHNORM_PER_ACTIVATION,
                        one,
                        zero,
                        one,
                        zero,
                        data,
                        pointer(x),
                        data,
                        pointer(dy),
                        data,
                        pointer(dx),
                        columns,
                        pointer(gamma),
                        pointer(dgamma),
                        pointer(dbeta),
                        BatchNorm.EPS,
                        pointer(mean),
                        pointer(rstd)),
                "cudnnBatchNormalizationBackward");
    }

    private static Pointer pointer(Tensor tensor) {
        return new CUdeviceptr().withByteOffset(tensor.address());
    }

    private static void check(int status, String call) {
        if (status != cudnnStatus.CUDNN_STATUS_SUCCESS) {
            throw new IllegalStateException(call + " answered " + cudnnStatus.stringFor(status));
        }
    }

    @Override
    public void close() {
        JCudnn.cudnnDestroyTensorDescriptor(columns);
        JCudnn.cudnnDestroyTensorDescriptor(data);
        JCudnn.cudnnDestroy(handle);
    }
}
