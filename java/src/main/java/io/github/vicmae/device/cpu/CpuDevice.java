package io.github.vicmae.device.cpu;

import io.github.vicmae.device.Buffer;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.DeviceMemoryException;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.KernelLibrary;
import io.github.vicmae.device.KernelParameters;
import io.github.vicmae.device.Stream;
import java.nio.LongBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.SharedLibrary;

/** The CPU as a device: the same kernels, built with one thread a block, their blocks shared among the cores. */
public final class CpuDevice implements Device {
    private static final int PAGE = 4096;

    private final CpuLibrary library;
    private final ProductEngine engine;
    private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();
    private final AtomicLong live = new AtomicLong();
    private volatile boolean closed;

    private CpuDevice(CpuLibrary library, ProductEngine engine) {
        this.library = library;
        this.engine = engine;
    }

    /**
     * Opens the CPU device. The system property {@code vicmae.threads} sets how many cores it uses (default: all that the JVM
     * sees), {@code vicmae.isa} which build of the kernels (x86-64, x86-64-v3, x86-64-v4; default: the best that runs here), {@code vicmae.gemm} what
     * makes its matrix products (amx, avx512bf16, fma, blas or plain; default: the best for each). All are read once.
     *
     * @throws DeviceException if the kernels were not built for this processor, or if it does not have what a property asks for
     */
    public static CpuDevice open() {
        CpuLibrary library = CpuLibrary.get();
        return new CpuDevice(library, library.engine());
    }

    /**
     * The same with the products of one engine.
     *
     * @param engine as the system property {@code vicmae.gemm} names it
     * @throws DeviceException if it is not there
     */
    public static CpuDevice open(String engine) {
        CpuLibrary library = CpuLibrary.get();
        return new CpuDevice(library, ProductEngine.named(engine, library.engines(), library.blas()));
    }

    /**
     * How the CPU device works here. Loads its kernels, as opening it does.
     *
     * @throws DeviceException as {@link #open()}
     */
    public static CpuState state() {
        CpuLibrary library = CpuLibrary.get();
        return new CpuState(
                library.threads(),
                library.isa(),
                library.engine().description(library.engines(), library.blas()),
                library.blas().state());
    }

    /**
     * Builds further kernels for this processor, and loads nothing.
     *
     * @throws DeviceException if they do not compile, or there is no compiler
     */
    public static void build(KernelLibrary further) {
        CpuLibrary library = CpuLibrary.get();
        further.cpu(library.isa(), library.file());
    }

    /**
     * @throws IllegalStateException if the device was closed
     */
    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("The CPU device is used after it was closed");
        }
    }

    @Override
    public Kind kind() {
        return Kind.CPU;
    }

    @Override
    public String description() {
        return "cpu: " + library.threads() + " threads, kernels for " + library.isa() + ", "
                + engine.description(library.engines(), library.blas());
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        checkOpen();
        long address = MemoryUtil.nmemAlignedAlloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
        if (address == 0) {
            throw new DeviceMemoryException(
                    "The CPU device has no " + bytes + " bytes left for '" + name + "'; use a smaller batch or model");
        }
        live.addAndGet(bytes);
        return new Buffer(name, address, bytes, a -> {
            live.addAndGet(-bytes);
            MemoryUtil.nmemAlignedFree(a);
        });
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        checkOpen();
        int length = HostBuffer.length(bytes);
        long address = MemoryUtil.nmemAlignedAlloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
        if (address == 0) {
            throw new DeviceMemoryException("There are no " + bytes + " bytes left for a staging buffer");
        }
        return new HostBuffer(MemoryUtil.memByteBuffer(address, length), () -> MemoryUtil.nmemAlignedFree(address));
    }

    /** What {@link #packedBytes} of an open device says; 0 where the kernels are not there. */
    public static long plannedPackedBytes(DType type, int n, int k) {
        try (CpuDevice device = open()) {
            return device.packedBytes(type, n, k);
        } catch (DeviceException e) {
            return 0;
        }
    }

    @Override
    public long packedBytes(DType type, int n, int k) {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            LongBuffer bytes = stack.callocLong(1);
            long packing = CpuStream.packing(stack, engine, type, n, k, 0, MemoryUtil.memAddress(bytes));
            JNI.invokePI(packing, library.function("vicmae_packed_bytes"));
            return bytes.get(0);
        }
    }

    @Override
    public Stream newStream() {
        checkOpen();
        return new CpuStream(this, library, engine);
    }

    @Override
    public Event newEvent() {
        return new CpuEvent();
    }

    @Override
    public Kernel kernel(String module, String name, String signature) {
        return kernels.computeIfAbsent(name + "(" + signature + ")", key -> {
            long function = library.function("launch_" + name);
            long parameters = library.function("signature_" + name);
            if (function == 0 || parameters == 0) {
                throw new DeviceException(
                        "The CPU library has no kernel '" + name + "' (from " + module + ".cu); build it anew");
            }
            return checked(module, name, signature, function, parameters);
        });
    }

    private static Kernel checked(String module, String name, String signature, long function, long parameters) {
        KernelParameters.of(MemoryUtil.memASCII(JNI.invokeP(parameters))).check(name, module + ".cu", signature);
        return new Kernel(name, signature, function);
    }

    @Override
    public Kernel libraryKernel(KernelLibrary further, String name, String signature) {
        SharedLibrary file = CpuLibrary.further(further.cpu(library.isa(), library.file()));
        long function = file.getFunctionAddress("launch_" + name);
        long parameters = file.getFunctionAddress("signature_" + name);
        if (function == 0 || parameters == 0) {
            throw new DeviceException(
                    further.name() + ".cu has no kernel '" + name + "'; write KERNEL(" + name + ", ...)");
        }
        return checked(further.name(), name, signature, function, parameters);
    }

    @Override
    public long liveBytes() {
        return live.get();
    }

    @Override
    public void close() {
        // The library serves the whole process; buffers belong to those who took them.
        closed = true;
    }
}
