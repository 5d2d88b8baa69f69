package io.github.vicmae.device.cpu;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.DeviceMemoryException;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Graph;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;

/** Runs everything at once, in the calling thread and the pool. */
final class CpuStream extends Stream {
    // struct Launch and struct Copy of cuda/cpu/launch.h, and struct Gemm of cuda/cpu/gemm.h.
    private static final int LAUNCH_BYTES = 40;
    private static final int GEMM_BYTES = 96;
    private static final int COPY_BYTES = 24;
    private static final int BLOCK_BYTES = LAUNCH_BYTES + GEMM_BYTES + COPY_BYTES;
    // enum GemmResult of cuda/cpu/gemm.h.
    private static final int DONE = 0;
    private static final int NO_MEMORY = 2;

    private final CpuDevice device;
    private final ProductEngine engine;
    private final long packFunction;
    private final long gemmFunction;
    private final long copyFunction;
    private final long launch;
    private final long gemm;
    private final long copy;

    CpuStream(CpuDevice device, CpuLibrary library, ProductEngine engine) {
        this.device = device;
        this.engine = engine;
        packFunction = library.function("vicmae_pack");
        launch = MemoryUtil.nmemCalloc(1, BLOCK_BYTES); // one block, so that one failure leaves nothing
        if (launch == 0) {
            super.close();
            throw new DeviceMemoryException("There are no " + BLOCK_BYTES + " bytes left for a stream");
        }
        gemm = launch + LAUNCH_BYTES;
        copy = gemm + GEMM_BYTES;
        gemmFunction = library.function("vicmae_gemm");
        copyFunction = library.function("vicmae_copy");
        MemoryUtil.memPutInt(gemm, engine.ordinal());
        MemoryUtil.memPutAddress(launch + 32, argumentTable());
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    protected void submit(Kernel kernel, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        device.checkOpen();
        MemoryUtil.memPutInt(launch, gridX);
        MemoryUtil.memPutInt(launch + 4, gridY);
        MemoryUtil.memPutInt(launch + 8, gridZ);
        MemoryUtil.memPutInt(launch + 12, 1);
        MemoryUtil.memPutInt(launch + 16, 1);
        MemoryUtil.memPutInt(launch + 20, 1);
        MemoryUtil.memPutInt(launch + 24, sharedBytes);
        if (JNI.invokePI(launch, kernel.handle()) != 0) {
            throw new DeviceException(kernel.name() + " cannot be launched on a grid of " + gridX + " x " + gridY
                    + " x " + gridZ + " blocks");
        }
    }

    @Override
    public boolean multiply(Product p) {
        device.checkOpen();
        enter();
        try {
            return multiplyAlone(p);
        } finally {
            leave();
        }
    }

    private boolean multiplyAlone(Product p) {
        MemoryUtil.memPutInt(gemm + 4, p.epilogue().ordinal());
        MemoryUtil.memPutInt(gemm + 8, p.a().dtype() == DType.BF16 ? 1 : 0);
        MemoryUtil.memPutInt(gemm + 12, p.c().dtype() == DType.BF16 ? 1 : 0);
        MemoryUtil.memPutInt(gemm + 16, p.transA() ? 1 : 0);
        MemoryUtil.memPutInt(gemm + 20, p.transB() ? 1 : 0);
        MemoryUtil.memPutInt(gemm + 24, p.m());
        MemoryUtil.memPutInt(gemm + 28, p.n());
        MemoryUtil.memPutInt(gemm + 32, p.k());
        MemoryUtil.memPutInt(gemm + 36, p.rowsPerFactor());
        MemoryUtil.memPutAddress(gemm + 40, p.a().address());
        MemoryUtil.memPutAddress(gemm + 48, p.b().address());
        MemoryUtil.memPutAddress(gemm + 56, p.c().address());
        MemoryUtil.memPutAddress(gemm + 64, p.bias() == null ? 0 : p.bias().address());
        MemoryUtil.memPutAddress(gemm + 72, p.other() == null ? 0 : p.other().address());
        MemoryUtil.memPutAddress(
                gemm + 80, p.factors() == null ? 0 : p.factors().address());
        MemoryUtil.memPutAddress(gemm + 88, p.packed() == null ? 0 : p.packed().address());
        int result = JNI.invokePI(gemm, gemmFunction);
        if (result == NO_MEMORY) {
            throw new DeviceMemoryException("There is no memory left to arrange the operands of a matrix product ["
                    + p.m() + ", " + p.n() + ", " + p.k() + "]; use a smaller batch or model");
        }
        return result == DONE;
    }

    @Override
    public void pack(Tensor packed, Tensor weight, int n, int k) {
        device.checkOpen();
        long needed = device.packedBytes(weight.dtype(), n, k);
        if (needed == 0 || packed.bytes() < needed || weight.size() != (long) n * k) {
            throw new IllegalArgumentException(weight + " cannot be packed as [" + n + ", " + k + "] into " + packed
                    + ": it takes " + needed + " bytes");
        }
        try (MemoryStack stack = MemoryStack.stackPush()) {
            JNI.invokePI(
                    packing(stack, engine, weight.dtype(), n, k, weight.address(), packed.address()), packFunction);
        }
    }

    /** struct Packing of cuda/cpu/gemm.cpp. */
    static long packing(MemoryStack stack, ProductEngine engine, DType type, int n, int k, long weight, long out) {
        long packing = stack.nmalloc(8, 32);
        MemoryUtil.memPutInt(packing, engine.ordinal());
        MemoryUtil.memPutInt(packing + 4, type == DType.BF16 ? 1 : 0);
        MemoryUtil.memPutInt(packing + 8, n);
        MemoryUtil.memPutInt(packing + 12, k);
        MemoryUtil.memPutAddress(packing + 16, weight);
        MemoryUtil.memPutAddress(packing + 24, out);
        return packing;
    }

    @Override
    public void zero(Tensor tensor) {
        move(tensor.address(), 0, tensor.bytes());
    }

    @Override
    public void upload(Tensor tensor, HostBuffer from, long offset) {
        checkInside(from, offset, tensor);
        move(tensor.address(), MemoryUtil.memAddress(from.bytes(), 0) + offset, tensor.bytes());
    }

    @Override
    public void download(HostBuffer to, long offset, Tensor tensor) {
        checkInside(to, offset, tensor);
        move(MemoryUtil.memAddress(to.bytes(), 0) + offset, tensor.address(), tensor.bytes());
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        if (to.bytes() != from.bytes()) {
            throw new IllegalArgumentException(from + " cannot be copied to " + to);
        }
        move(to.address(), from.address(), from.bytes());
    }

    private void move(long to, long from, long bytes) {
        device.checkOpen();
        enter();
        try {
            MemoryUtil.memPutAddress(copy, to);
            MemoryUtil.memPutAddress(copy + 8, from);
            MemoryUtil.memPutLong(copy + 16, bytes);
            JNI.invokePI(copy, copyFunction);
        } finally {
            leave();
        }
    }

    @Override
    public Graph record(Runnable work) {
        return new Graph() {
            @Override
            public void launch() {
                work.run();
            }

            @Override
            public void close() {
                // Holds nothing.
            }
        };
    }

    @Override
    public void waitFor(Event event) {
        event.synchronize();
    }

    @Override
    public void synchronize() {
        // A launch returns when it is done.
    }

    @Override
    public void close() {
        enter(); // not while another thread is in native code
        try {
            if (!isClosed()) {
                super.close();
                MemoryUtil.nmemFree(launch);
            }
        } finally {
            leave();
        }
    }
}
