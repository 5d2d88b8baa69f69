package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Graph;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureStatus;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A CUDA stream. Copies and launches return at once; failures of a kernel show at the next call that waits. */
final class CudaStream extends Stream {
    private final CudaDevice device;
    private final CUstream stream = new CUstream();
    private final Pointer arguments = Cuda.host(argumentTable(), ARGUMENT_TABLE_BYTES);
    private final HostCopies copies = new HostCopies();
    /** Null until the first product, where cuBLAS is not available, and on the emulated card, which runs only this project's kernels. */
    private CublasGemm blas;

    private boolean blasSought;

    CudaStream(CudaDevice device) {
        this.device = device;
        try {
            device.check(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        } catch (RuntimeException | Error e) {
            super.close();
            throw e;
        }
    }

    CUstream handle() {
        return stream;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    protected void submit(Kernel kernel, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        device.bind();
        CudaFunction function = device.function(kernel);
        function.allowShared(sharedBytes);
        int result = JCudaDriver.cuLaunchKernel(
                function.handle(), gridX, gridY, gridZ, threads, 1, 1, sharedBytes, stream, arguments, null);
        if (result != 0) {
            throw device.failure(
                    result,
                    "cuLaunchKernel(" + kernel.name() + ", " + gridX + " x " + gridY + " x " + gridZ + " blocks of "
                            + threads + " threads, " + sharedBytes + " bytes shared)");
        }
    }

    @Override
    public boolean multiply(Product product) {
        boolean plain = product.epilogue() == Epilogue.WRITE || product.epilogue() == Epilogue.ADD;
        if (!plain || !hasVendorGemm()) {
            return false;
        }
        device.bind();
        blas.gemm(product);
        return true;
    }

    /** Makes the cuBLAS handle when first asked: a stream that only copies never needs one, nor the memory that it takes. */
    @Override
    public boolean hasVendorGemm() {
        if (!blasSought) {
            device.bind();
            blasSought = true;
            blas = device.isEmulated() ? null : CublasGemm.create(stream);
        }
        return blas != null;
    }

    @Override
    public boolean isCapturing() {
        device.bind();
        int[] status = new int[1];
        device.check(JCudaDriver.cuStreamIsCapturing(stream, status), "cuStreamIsCapturing");
        return status[0] != CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE;
    }

    @Override
    public void zero(Tensor tensor) {
        device.bind();
        device.check(
                JCudaDriver.cuMemsetD8Async(Cuda.pointer(tensor.address()), (byte) 0, tensor.bytes(), stream),
                "cuMemsetD8Async of " + tensor);
    }

    @Override
    public void upload(Tensor tensor, HostBuffer from, long offset) {
        checkInside(from, offset, tensor);
        device.bind();
        HostCopies.Ends ends = copies.ends(from, offset, tensor);
        int result = JCudaDriver.cuMemcpyHtoDAsync(ends.device(), ends.host(), tensor.bytes(), stream);
        if (result != 0) {
            throw device.failure(result, "cuMemcpyHtoDAsync to " + tensor);
        }
    }

    @Override
    public void download(HostBuffer to, long offset, Tensor tensor) {
        checkInside(to, offset, tensor);
        device.bind();
        HostCopies.Ends ends = copies.ends(to, offset, tensor);
        int result = JCudaDriver.cuMemcpyDtoHAsync(ends.host(), ends.device(), tensor.bytes(), stream);
        if (result != 0) {
            throw device.failure(result, "cuMemcpyDtoHAsync from " + tensor);
        }
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        if (to.bytes() != from.bytes()) {
            throw new IllegalArgumentException(from + " cannot be copied to " + to);
        }
        device.bind();
        device.check(
                JCudaDriver.cuMemcpyDtoDAsync(
                        Cuda.pointer(to.address()), Cuda.pointer(from.address()), from.bytes(), stream),
                "cuMemcpyDtoDAsync from " + from + " to " + to);
    }

    @Override
    public Graph record(Runnable work) {
        hasVendorGemm(); // making the handle allocates memory, which a capture does not allow
        return CudaGraph.capture(device, this, work);
    }

    @Override
    public void waitFor(Event event) {
        device.bind();
        device.check(JCudaDriver.cuStreamWaitEvent(stream, ((CudaEvent) event).handle(), 0), "cuStreamWaitEvent");
    }

    @Override
    public void synchronize() {
        device.bind();
        device.check(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
    }

    @Override
    public void close() {
        if (!isClosed()) {
            Closing.all(this::drain, this::closeBlas, this::destroy, super::close);
        }
    }

    /** The work that is still going on may read the arguments and what the caller frees next. */
    private void drain() {
        device.giveBack(() -> JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
    }

    private void closeBlas() {
        if (blas != null && !device.isLost()) {
            blas.close();
        }
    }

    private void destroy() {
        device.giveBack(() -> JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy");
    }
}
