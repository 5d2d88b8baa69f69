package io.github.vicmae.device.cuda;

import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/**
 * A kernel's function on one device. CUDA keeps the shared memory that a function's blocks may have with the function, for all streams, so what
 * was set last is kept here too, and it is only ever raised: a stream that needs less must not take it from one that needs more.
 */
final class CudaFunction {
    /**
     * Dynamic shared memory per block, in bytes, above which the attributes are set. More than 48 KiB has to be requested; below that, the L1
     * cache may be holding the memory.
     */
    private static final int MUCH_SHARED_BYTES = 32 * 1024;

    private static final int ALL_FOR_SHARED = 100;

    private final CudaDevice device;
    private final String name;
    private final CUfunction handle;
    private volatile int allowedBytes = MUCH_SHARED_BYTES;

    CudaFunction(CudaDevice device, String name, CUfunction handle) {
        this.device = device;
        this.name = name;
        this.handle = handle;
    }

    CUfunction handle() {
        return handle;
    }

    /**
     * Lets blocks have {@code sharedBytes} of dynamic shared memory, and the multiprocessor as much as it has so that several of them fit.
     *
     * @throws io.github.vicmae.device.DeviceException if a block cannot have that much
     */
    void allowShared(int sharedBytes) {
        if (sharedBytes > allowedBytes) {
            raise(sharedBytes);
        }
    }

    private synchronized void raise(int sharedBytes) {
        if (sharedBytes <= allowedBytes) {
            return;
        }
        device.check(
                JCudaDriver.cuFuncSetAttribute(
                        handle, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes),
                "cuFuncSetAttribute(" + name + ", " + sharedBytes + " bytes of shared memory)");
        device.check(
                JCudaDriver.cuFuncSetAttribute(
                        handle,
                        CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
                        ALL_FOR_SHARED),
                "cuFuncSetAttribute(" + name + ", all of the memory shared)");
        allowedBytes = sharedBytes;
    }
}
