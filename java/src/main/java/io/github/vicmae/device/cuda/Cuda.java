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

    /** CUDA's name and explanation of an error, and what the emulated driver found if that is the one in use. */
    static String describe(int result) {
        return words(result) + EmulatedDriver.findings();
    }

    /**
     * Whether an error destroys the context: every later call in it answers the same, and its memory goes with it. This is CUDA's list of
     * errors after which "the process must be terminated and relaunched".
     */
    static boolean losesContext(int result) {
        return switch (result) {
            case CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
                    CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
                    CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
                    CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
                    CUresult.CUDA_ERROR_CONTEXT_IS_DESTROYED,
                    CUresult.CUDA_ERROR_ASSERT,
                    CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
                    CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
                    CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
                    CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
                    CUresult.CUDA_ERROR_INVALID_PC,
                    CUresult.CUDA_ERROR_LAUNCH_FAILED,
                    CUresult.CUDA_ERROR_EXTERNAL_DEVICE,
                    CUresult.CUDA_ERROR_UNKNOWN -> true;
            default -> false;
        };
    }

    /** CUDA's name and explanation of an error. */
    static String words(int result) {
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
