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
import java.util.HashMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureStatus;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A CUDA stream. Copies and launches return at once; failures of a kernel show at the next call that waits. */
final class CudaStream extends Stream {
    /** Dynamic shared memory of a block from which on it is asked for: more than 48 KiB must be, less may find that the L1 cache has it. */
    private static final int MUCH_SHARED_BYTES = 32 * 1024;

    private static final int ALL_FOR_SHARED = 100;

    private final CudaDevice device;
    private final CUstream stream = new CUstream();
    private final Pointer arguments = Cuda.host(argumentTable(), ARGUMENT_TABLE_BYTES);
    private final Map<Kernel, Integer> raisedShared = new HashMap<>();
    private final HostCopies copies = new HostCopies();
    /** Null where cuBLAS cannot be had, and on the emulated card, which runs this project's kernels alone. */
    private final CublasGemm blas;

    CudaStream(CudaDevice device) {
        this.device = device;
        try {
            device.check(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        } catch (RuntimeException | Error e) {
            super.close();
            throw e;
        }
        try {
            blas = device.isEmulated() ? null : CublasGemm.create(stream);
        } catch (RuntimeException | Error e) {
            Closing.after(e, this::destroy, super::close);
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
        if (sharedBytes > MUCH_SHARED_BYTES && raisedShared.getOrDefault(kernel, 0) < sharedBytes) {
            raiseShared(kernel, sharedBytes);
        }
        int result = JCudaDriver.cuLaunchKernel(
                device.function(kernel), gridX, gridY, gridZ, threads, 1, 1, sharedBytes, stream, arguments, null);
        if (result != 0) {
            throw device.failure(
                    result,
                    "cuLaunchKernel(" + kernel.name() + ", " + gridX + " x " + gridY + " x " + gridZ + " blocks of "
                            + threads + " threads, " + sharedBytes + " bytes shared)");
        }
    }

    /** Lets a kernel's blocks have that much, and the multiprocessor as much as it has, so that several of them fit. */
    private void raiseShared(Kernel kernel, int sharedBytes) {
        CUfunction function = device.function(kernel);
        device.check(
                JCudaDriver.cuFuncSetAttribute(
                        function, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes),
                "cuFuncSetAttribute(" + kernel.name() + ", " + sharedBytes + " bytes of shared memory)");
        device.check(
                JCudaDriver.cuFuncSetAttribute(
                        function,
                        CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
                        ALL_FOR_SHARED),
                "cuFuncSetAttribute(" + kernel.name() + ", all of the memory shared)");
        raisedShared.put(kernel, sharedBytes);
    }

    @Override
    public boolean multiply(Product product) {
        boolean plain = product.epilogue() == Epilogue.WRITE || product.epilogue() == Epilogue.ADD;
        if (blas == null || !plain) {
            return false;
        }
        device.bind();
        blas.gemm(product);
        return true;
    }

    @Override
    public boolean hasRivalLibrary() {
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
