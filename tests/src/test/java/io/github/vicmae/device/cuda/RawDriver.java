package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Stream;
import java.nio.charset.StandardCharsets;
import java.util.function.UnaryOperator;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/** Calls to the driver that the facade would never make. The device is open, so its context is current. */
public final class RawDriver {
    private RawDriver() {}

    /** Launches a kernel on a stream that was destroyed; what the driver answers and logs is thrown. */
    public static void launchOnDestroyedStream(Device device, Stream stream) {
        CUmodule module = load(text("plain"));
        try {
            CUfunction function = new CUfunction();
            Cuda.check(JCudaDriver.cuModuleGetFunction(function, module, "plain"), "cuModuleGetFunction");
            CUstream gone = new CUstream();
            Cuda.check(JCudaDriver.cuStreamCreate(gone, 0), "cuStreamCreate");
            Cuda.check(JCudaDriver.cuStreamDestroy(gone), "cuStreamDestroy");
            Pointer none = Pointer.to(new long[1]);
            Pointer arguments = Pointer.to(none, none, Pointer.to(new int[1])); // zero elements
            int result = JCudaDriver.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, gone, arguments, null);
            if (result != CUresult.CUDA_SUCCESS) {
                throw new DeviceException(result + " " + Cuda.describe(result) + EmulatedDriver.findings());
            }
        } finally {
            JCudaDriver.cuModuleUnload(module);
        }
    }

    /** Loads a module whose PTX was changed. */
    public static void loadModule(Device device, String module, UnaryOperator<String> change) {
        String text = text(module);
        String changed = change.apply(text);
        if (changed.equals(text)) {
            throw new AssertionError("Nothing was changed in " + text);
        }
        JCudaDriver.cuModuleUnload(load(changed));
    }

    private static String text(String module) {
        return new String(EmulatedDriver.load().interfaceOf(module), StandardCharsets.UTF_8);
    }

    private static CUmodule load(String text) {
        CUmodule module = new CUmodule();
        int result = JCudaDriver.cuModuleLoadDataJIT(
                module, Pointer.to((text + "\0").getBytes(StandardCharsets.UTF_8)), new JITOptions());
        if (result != CUresult.CUDA_SUCCESS) {
            throw new DeviceException(Cuda.describe(result) + EmulatedDriver.findings());
        }
        return module;
    }
}
