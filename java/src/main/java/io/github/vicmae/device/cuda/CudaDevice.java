package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Buffer;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.DeviceMemoryException;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.KernelLibrary;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUfunction;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * One NVIDIA card, or the emulated one, through the driver API and its primary context. Some errors of a kernel destroy the context, and with
 * it all memory, streams and events: the device is lost then. Every later use says so; closing what belonged to it says nothing.
 */
final class CudaDevice implements Device {
    private static final int EMULATED_GAP = 4096;

    private final CUdevice device;
    private final CUcontext context = new CUcontext();
    private final EmulatedDriver emulator;
    private final String card;
    private final int processors;
    private final int sharedBytes;
    private final ModuleLoader modules;
    private final Map<String, Kernel> kernels = new HashMap<>();
    private final List<CudaFunction> functions = new CopyOnWriteArrayList<>();
    private final AtomicLong live = new AtomicLong();
    private volatile DeviceException lost;
    private volatile boolean closed;

    /**
     * @param card what it is, in a few words
     * @param emulator null for a real card
     */
    CudaDevice(int ordinal, String card, EmulatedDriver emulator) {
        device = CudaProbe.device(ordinal);
        this.emulator = emulator;
        this.card = (emulator == null ? "cuda:" + ordinal : "emulated") + ": " + card;
        int capability = CudaProbe.capability(device);
        if (capability < CudaCard.LEAST_CAPABILITY) {
            throw new DeviceException("The card " + this.card + " is " + CudaCard.TOO_OLD);
        }
        // The emulated driver runs no machine code.
        ModuleFiles files = ModuleFiles.choose(capability);
        boolean skips = emulator != null && System.getProperty(ModuleFiles.PROPERTY) == null;
        modules =
                new ModuleLoader(this, skips ? files.without("the emulated driver takes PTX alone") : files, emulator);
        processors = CudaProbe.attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        sharedBytes =
                CudaProbe.attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        Cuda.check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    }

    /** Makes this card's context the calling thread's: any thread may come in. */
    void bind() {
        if (closed) {
            throw new IllegalStateException("The device " + card + " is used after it was closed");
        }
        if (lost != null) {
            throw new DeviceException(
                    "The device was lost before: "
                            + lost.getMessage().lines().findFirst().orElse(""),
                    lost);
        }
        check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /**
     * Checks what the driver answered, and notes if the device is lost.
     *
     * @throws DeviceException naming the call and CUDA's error, with CUDA's own explanation
     */
    void check(int result, String call) {
        if (result != CUresult.CUDA_SUCCESS) {
            throw failure(result, call);
        }
    }

    /** The exception for an error; notes if the device is lost. */
    DeviceException failure(int result, String call) {
        boolean loses = Cuda.losesContext(result);
        DeviceException e = new DeviceException(call + " answered " + Cuda.words(result)
                + (loses
                        ? "; this or work given before it failed, and the device is lost to this process: start it again"
                        : "")
                + EmulatedDriver.findings());
        if (loses && lost == null) {
            lost = e;
        }
        return e;
    }

    /**
     * Gives something back by a call to the driver. On a lost device the driver frees what it still can, and what it answers is no news.
     *
     * @throws DeviceException if the call fails: it may be the first to tell that a kernel before it did
     */
    void giveBack(IntSupplier call, String what) {
        if (lost == null) {
            bind();
            check(call.getAsInt(), what);
        } else if (!closed) {
            JCudaDriver.cuCtxSetCurrent(context);
            call.getAsInt();
        }
    }

    @Override
    public boolean isLost() {
        return lost != null;
    }

    boolean isEmulated() {
        return emulator != null;
    }

    @Override
    public Kind kind() {
        return Kind.CUDA;
    }

    @Override
    public String description() {
        return emulator == null
                ? card + ", kernels from " + modules.files() + ", matrix products by " + CublasGemm.state()
                : card + ", schedule " + emulator.schedule() + ", matrix products by own kernels";
    }

    @Override
    public String missingCublas() {
        return emulator == null ? CublasGemm.missing() : "the emulated card runs this library's kernels alone";
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
            throw new DeviceMemoryException("The card has no " + bytes + " bytes left for '" + name + "': " + free[0]
                    + " of " + total[0] + " are free; use a smaller batch or model");
        }
        check(result, "cuMemAlloc(" + bytes + ") for '" + name + "'");
        live.addAndGet(bytes);
        return new Buffer(name, address.value(), bytes, a -> {
            live.addAndGet(-bytes);
            giveBack(() -> JCudaDriver.cuMemFree(Cuda.pointer(a)), "cuMemFree of '" + name + "'");
        });
    }

    @Override
    public long tensorGap() {
        return emulator == null ? 0 : EMULATED_GAP;
    }

    @Override
    public void nameTensor(Tensor tensor) {
        if (emulator != null) {
            bind();
            check(emulator.name(tensor.address(), tensor.bytes(), tensor.name()), "naming " + tensor);
        }
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        int length = HostBuffer.length(bytes);
        bind();
        Pointer pointer = new Pointer();
        int result = JCudaDriver.cuMemHostAlloc(pointer, bytes, 0);
        if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            throw new DeviceMemoryException("The driver has no " + bytes
                    + " bytes of page-locked memory left for a host buffer; use a smaller batch");
        }
        check(result, "cuMemHostAlloc(" + bytes + ")");
        return new HostBuffer(
                pointer.getByteBuffer(0, length),
                () -> giveBack(() -> JCudaDriver.cuMemFreeHost(pointer), "cuMemFreeHost"));
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
        Kernel kernel = entry(modules.get(module), module, name, signature);
        kernels.put(key, kernel);
        return kernel;
    }

    private Kernel entry(ModuleLoader.Loaded loaded, String module, String name, String signature) {
        loaded.ptx().check(name, signature);
        CUfunction function = new CUfunction();
        check(
                JCudaDriver.cuModuleGetFunction(function, loaded.handle(), name),
                "cuModuleGetFunction(" + name + ") in " + module);
        return new Kernel(name, signature, indexOf(name, function));
    }

    /** The driver answers the same function to the same question, and a function's attributes must be known in one place. */
    private int indexOf(String name, CUfunction function) {
        for (int i = 0; i < functions.size(); i++) {
            if (functions.get(i).handle().equals(function)) {
                return i;
            }
        }
        functions.add(new CudaFunction(this, name, function));
        return functions.size() - 1;
    }

    @Override
    public synchronized Kernel libraryKernel(KernelLibrary library, String name, String signature) {
        bind();
        return entry(modules.get(library), library.name(), name, signature);
    }

    /** What the kernels are loaded from, and why it is not cubins where it is not. */
    ModuleFiles files() {
        return modules.files();
    }

    CudaFunction function(Kernel kernel) {
        return functions.get((int) kernel.handle());
    }

    @Override
    public int processors() {
        return processors;
    }

    @Override
    public int sharedBytes() {
        return sharedBytes;
    }

    @Override
    public long liveBytes() {
        return live.get();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            Closing.all(() -> Closing.all(modules.unloads()), this::release, this::tellEmulator);
        }
    }

    /** The context goes even where it is lost; what the driver says to that is no news then. */
    private void release() {
        closed = true;
        int result = JCudaDriver.cuDevicePrimaryCtxRelease(device);
        if (lost == null) {
            check(result, "cuDevicePrimaryCtxRelease");
        }
    }

    private void tellEmulator() {
        if (emulator != null) {
            emulator.end(true);
        }
    }
}
