package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Buffer;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.NativeFiles;
import io.github.vicmae.device.Stream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUfunction;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/** One NVIDIA card, through the driver API and its primary context. */
final class CudaDevice implements Device {
    private static final int PARTIAL_BLOCKS = 128;
    private static final int LOG_BYTES = 16384;

    private record LoadedModule(CUmodule handle, PtxModule ptx) {}

    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final String card;
    private final int capability;
    private final Map<String, LoadedModule> modules = new HashMap<>();
    private final Map<String, Kernel> kernels = new HashMap<>();
    private final List<CUfunction> functions = new ArrayList<>();
    private final AtomicLong live = new AtomicLong();
    private boolean closed;

    CudaDevice(int ordinal, String card) {
        device = CudaProbe.device(ordinal);
        this.card = "cuda:" + ordinal + ": " + card;
        capability = CudaProbe.capability(device);
        if (capability < 80) {
            throw new DeviceException("The card " + this.card + " is too old: compute capability 8.0 is the least");
        }
        Cuda.check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    }

    /** Makes this card's context the calling thread's: any thread may come in. */
    void bind() {
        Cuda.check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    @Override
    public Kind kind() {
        return Kind.CUDA;
    }

    @Override
    public String description() {
        return card + ", matrix products by " + CublasGemm.state();
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        bind();
        Cuda.Address address = new Cuda.Address();
        int result = JCudaDriver.cuMemAlloc(address, bytes);
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            long[] free = new long[1];
            long[] total = new long[1];
            JCudaDriver.cuMemGetInfo(free, total);
            throw new DeviceException("The card has no " + bytes + " bytes left for '" + name + "': " + free[0] + " of "
                    + total[0] + " are free; use a smaller batch or model");
        }
        Cuda.check(result, "cuMemAlloc(" + bytes + ") for '" + name + "'");
        live.addAndGet(bytes);
        return new Buffer(name, address.value(), bytes, a -> {
            bind();
            live.addAndGet(-bytes);
            Cuda.check(JCudaDriver.cuMemFree(Cuda.pointer(a)), "cuMemFree of '" + name + "'");
        });
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        bind();
        Pointer pointer = new Pointer();
        Cuda.check(JCudaDriver.cuMemHostAlloc(pointer, bytes, 0), "cuMemHostAlloc(" + bytes + ")");
        return new HostBuffer(pointer.getByteBuffer(0, bytes), () -> {
            bind();
            Cuda.check(JCudaDriver.cuMemFreeHost(pointer), "cuMemFreeHost");
        });
    }

    @Override
    public Stream newStream() {
        bind();
        return new CudaStream(this);
    }

    @Override
    public Event newEvent() {
        bind();
        return new CudaEvent(this);
    }

    @Override
    public synchronized Kernel kernel(String module, String name, String signature) {
        String key = module + "/" + name + "(" + signature + ")"; // another signature is another question
        Kernel known = kernels.get(key);
        if (known != null) {
            return known;
        }
        bind();
        LoadedModule loaded = modules.computeIfAbsent(module, this::load);
        loaded.ptx().check(name, signature);
        CUfunction function = new CUfunction();
        Cuda.check(
                JCudaDriver.cuModuleGetFunction(function, loaded.handle(), name),
                "cuModuleGetFunction(" + name + ") in " + module + ".ptx");
        functions.add(function);
        Kernel kernel = new Kernel(name, signature, functions.size() - 1L);
        kernels.put(key, kernel);
        return kernel;
    }

    private LoadedModule load(String module) {
        String resource = "ptx/compute_" + (capability >= 90 ? 90 : 80) + "/" + module + ".ptx";
        byte[] ptx = NativeFiles.bytes(resource);
        if (ptx == null) {
            throw new DeviceException("This build has no CUDA module " + resource + "; install nvcc and build again");
        }
        PtxModule parsed = PtxModule.parse(module + ".ptx", new String(ptx, StandardCharsets.ISO_8859_1));
        byte[] text = Arrays.copyOf(ptx, ptx.length + 1); // the driver wants a terminating zero
        JITOptions options = new JITOptions();
        options.putInt(CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, LOG_BYTES);
        options.putBytes(CUjit_option.CU_JIT_ERROR_LOG_BUFFER, new byte[LOG_BYTES]);
        CUmodule loaded = new CUmodule();
        int result = JCudaDriver.cuModuleLoadDataJIT(loaded, Pointer.to(text), options);
        if (result != CUresult.CUDA_SUCCESS) {
            throw new DeviceException("The driver could not load " + resource + ": " + Cuda.describe(result) + "\n"
                    + options.getString(CUjit_option.CU_JIT_ERROR_LOG_BUFFER));
        }
        return new LoadedModule(loaded, parsed);
    }

    CUfunction function(Kernel kernel) {
        return functions.get((int) kernel.handle());
    }

    @Override
    public int partialBlocks() {
        return PARTIAL_BLOCKS;
    }

    @Override
    public long liveBytes() {
        return live.get();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            bind();
            modules.values().forEach(m -> JCudaDriver.cuModuleUnload(m.handle()));
            JCudaDriver.cuDevicePrimaryCtxRelease(device);
        }
    }
}
