package io.github.vicmae.device.cuda;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.KernelLibrary;
import io.github.vicmae.device.NativeFiles;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.Pointer;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/**
 * A device's modules: loaded when they are first asked for, from cubins, and from PTX where there is no cubin or the driver refuses it. A driver
 * that refuses one refuses all, so what it answered is kept, and PTX is loaded from then on.
 */
final class ModuleLoader {
    private static final int LOG_BYTES = 16384;

    /** A module and the kernels in it. */
    record Loaded(CUmodule handle, PtxModule ptx) {}

    private final CudaDevice device;
    private final EmulatedDriver emulator;
    private final Map<String, Loaded> modules = new HashMap<>();
    private final Map<KernelLibrary, Loaded> libraries = new HashMap<>();
    private ModuleFiles files;

    /**
     * @param files which to load
     * @param emulator null for a real card
     */
    ModuleLoader(CudaDevice device, ModuleFiles files, EmulatedDriver emulator) {
        this.device = device;
        this.files = files;
        this.emulator = emulator;
    }

    /** What modules are loaded from now, and why it is not cubins where it is not. */
    ModuleFiles files() {
        return files;
    }

    /**
     * The module of that name.
     *
     * @throws DeviceException if this build has none, or the driver takes neither its cubin nor its PTX
     */
    Loaded get(String module) {
        return modules.computeIfAbsent(module, this::load);
    }

    /**
     * The module of a library that is not this build's, from its PTX.
     *
     * @throws DeviceException if the driver does not take it
     */
    Loaded get(KernelLibrary library) {
        return libraries.computeIfAbsent(library, wanted -> {
            byte[] ptx = emulator == null ? wanted.ptx(files.ptx()) : emulator.further(wanted);
            String name = wanted.name() + ".ptx";
            PtxModule parsed = parsed(name, ptx);
            return new Loaded(compiled(name, ptx), parsed);
        });
    }

    private Loaded load(String module) {
        String resource = files.ptx(module);
        byte[] ptx = NativeFiles.bytes(resource);
        if (ptx == null && emulator != null) {
            ptx = emulator.interfaceOf(module);
        }
        if (ptx == null) {
            throw new DeviceException("This build has no CUDA module " + resource + "; install nvcc and build again");
        }
        PtxModule parsed = parsed(module + ".ptx", ptx);
        CUmodule loaded = files.isCubin() ? cubin(module) : null;
        return new Loaded(loaded != null ? loaded : compiled(resource, ptx), parsed);
    }

    /** The module as machine code, or null if the build has none that belongs to its PTX, or the driver does not take it. */
    private CUmodule cubin(String module) {
        // A PTX file that comes first in the class path takes the place of the build's own: its kernels are meant then.
        byte[] image = NativeFiles.bytesBeside(files.ptx(module), files.cubin(module));
        if (image == null) {
            return null;
        }
        CUmodule loaded = new CUmodule();
        int result = JCudaDriver.cuModuleLoadData(loaded, image);
        if (result == CUresult.CUDA_SUCCESS) {
            return loaded;
        }
        String call = "cuModuleLoadData of " + files.cubin(module);
        if (Cuda.losesContext(result) || result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            throw device.failure(result, call);
        }
        files = files.without(call + " answered " + Cuda.words(result));
        return null;
    }

    private static PtxModule parsed(String file, byte[] ptx) {
        return PtxModule.parse(file, new String(ptx, StandardCharsets.ISO_8859_1));
    }

    private CUmodule compiled(String resource, byte[] ptx) {
        byte[] text = Arrays.copyOf(ptx, ptx.length + 1); // the driver wants a terminating zero
        JITOptions options = new JITOptions();
        options.putInt(CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, LOG_BYTES);
        options.putBytes(CUjit_option.CU_JIT_ERROR_LOG_BUFFER, new byte[LOG_BYTES]);
        CUmodule loaded = new CUmodule();
        int result = JCudaDriver.cuModuleLoadDataJIT(loaded, Pointer.to(text), options);
        if (result != CUresult.CUDA_SUCCESS) {
            DeviceException e = device.failure(result, "cuModuleLoadData of " + resource);
            String log = options.getString(CUjit_option.CU_JIT_ERROR_LOG_BUFFER);
            throw log.isBlank() ? e : new DeviceException(e.getMessage() + "\n" + log.strip(), e);
        }
        return loaded;
    }

    /** Ways to give every module back, one each. */
    AutoCloseable[] unloads() {
        List<AutoCloseable> all = new ArrayList<>();
        modules.forEach((name, module) -> all.add(() -> unload(name, module)));
        libraries.forEach((library, module) -> all.add(() -> unload(library.name(), module)));
        return all.toArray(AutoCloseable[]::new);
    }

    private void unload(String name, Loaded module) {
        device.giveBack(() -> JCudaDriver.cuModuleUnload(module.handle()), "cuModuleUnload of " + name);
    }
}
