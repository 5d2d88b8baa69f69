package io.github.vicmae.device.cuda;

import io.github.vicmae.device.DeviceException;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.lwjgl.system.MemoryUtil;

/** What every call to the driver shares: turning its answer into an exception, and raw addresses into JCuda's pointers. */
final class Cuda {
    private Cuda() {}

    /**
     * Checks what the driver answered.
     *
     * @throws DeviceException naming the call and CUDA's error, with CUDA's own explanation
     */
    static void check(int result, String call) {
        if (result != CUresult.CUDA_SUCCESS) {
            throw new DeviceException(call + " answered " + describe(result));
        }
    }

    /** CUDA's name and explanation of an error. */
    static String describe(int result) {
        String[] text = new String[1];
        JCudaDriver.cuGetErrorString(result, text);
        return CUresult.stringFor(result) + (text[0] == null ? "" : " (" + text[0] + ")");
    }

    /** A device address as JCuda takes it: offset {@code address} from null. */
    static CUdeviceptr pointer(long address) {
        return new CUdeviceptr().withByteOffset(address);
    }

    /** Native host memory as JCuda takes it. */
    static Pointer host(long address, long bytes) {
        return Pointer.to(MemoryUtil.memByteBuffer(address, Math.toIntExact(bytes)));
    }

    /** A device pointer whose value can be read, which JCuda's own hides. */
    static final class Address extends CUdeviceptr {
        long value() {
            return getNativePointer() + getByteOffset();
        }
    }
}
