package io.github.vicmae.device;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.lwjgl.system.MemoryUtil;

/**
 * A queue of work on a device: launches and copies run in the order in which they were given. For one thread at a time: where two meet, the second
 * gets an {@link IllegalStateException}, and native code never sees the arguments of two launches mixed.
 *
 * <p>A launch is written as {@code stream.begin(kernel).arg(y).arg(x).arg(rows).launch(blocks, threads)}; the arguments are packed into one
 * block of native memory that the stream keeps, so a launch allocates nothing.
 */
public abstract class Stream implements AutoCloseable {
    private static final int MAX_ARGUMENTS = 32;
    /** Length of the argument table. */
    protected static final int ARGUMENT_TABLE_BYTES = 8 * MAX_ARGUMENTS;

    private final long slots = MemoryUtil.nmemAllocChecked(16L * MAX_ARGUMENTS);
    private final long table = slots + 8L * MAX_ARGUMENTS;
    private static final VarHandle USER;

    static {
        try {
            USER = MethodHandles.lookup().findVarHandle(Stream.class, "user", Thread.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Who is packing arguments, or in native code that reads them. */
    private Thread user;

    private Kernel kernel;
    private int count;
    private long launches;
    private boolean closed;

    protected Stream() {
        for (int i = 0; i < MAX_ARGUMENTS; i++) {
            MemoryUtil.memPutAddress(table + 8L * i, slots + 8L * i);
        }
    }

    public abstract Device device();

    /** Starts packing the arguments of a launch. */
    public final Stream begin(Kernel next) {
        if (closed) {
            throw new IllegalStateException("The kernel " + next.name() + " is launched on a closed stream");
        }
        enter();
        kernel = next;
        count = 0;
        return this;
    }

    /**
     * Begins what only one thread may do at a time: packing arguments, and native calls that read them.
     *
     * @throws IllegalStateException if another thread is in it
     */
    protected final void enter() {
        Thread here = Thread.currentThread();
        Thread other = (Thread) USER.compareAndExchange(this, null, here);
        if (other == null || other == here) {
            return;
        }
        if (other.isAlive()) {
            throw new IllegalStateException("A stream is used by two threads at once, " + other.getName() + " and "
                    + here.getName() + "; let one wait for the other, or give each a stream of its own");
        }
        USER.setRelease(this, here); // from a thread that ended before it launched what it had begun
    }

    /** Ends it. */
    protected final void leave() {
        USER.setRelease(this, null);
    }

    /** Packs a tensor's address. */
    public final Stream arg(Tensor tensor) {
        MemoryUtil.memPutLong(slot('p'), address(tensor));
        return this;
    }

    /** Packs the address of a tensor's element {@code start}. */
    public final Stream arg(Tensor tensor, long start) {
        if (start < 0 || start >= tensor.size()) {
            leave();
            throw new IllegalArgumentException(tensor + " has no element " + start);
        }
        MemoryUtil.memPutLong(
                slot('p'), address(tensor) + start * tensor.dtype().bytes());
        return this;
    }

    /** Packs a tensor's address, or null. */
    public final Stream argOrNull(Tensor tensor) {
        MemoryUtil.memPutLong(slot('p'), tensor == null ? 0 : address(tensor));
        return this;
    }

    public final Stream arg(int value) {
        MemoryUtil.memPutInt(slot('i'), value);
        return this;
    }

    public final Stream arg(long value) {
        MemoryUtil.memPutLong(slot('l'), value);
        return this;
    }

    public final Stream arg(float value) {
        MemoryUtil.memPutFloat(slot('f'), value);
        return this;
    }

    private long address(Tensor tensor) {
        try {
            return tensor.address();
        } catch (RuntimeException e) {
            leave();
            throw e;
        }
    }

    private long slot(char type) {
        String signature = kernel.signature();
        if (count >= signature.length() || signature.charAt(count) != type) {
            leave();
            throw new IllegalArgumentException(
                    "Argument " + count + " of " + kernel.name() + "(" + signature + ") was given as '" + type + "'");
        }
        return slots + 8L * count++;
    }

    /** Launches {@code blocks} blocks of {@code threads} threads. */
    public final void launch(int blocks, int threads) {
        launch(blocks, 1, 1, threads, 0);
    }

    /**
     * Launches a grid of blocks.
     *
     * @param sharedBytes dynamic shared memory of a block
     * @throws DeviceException if the device refuses the launch
     */
    public final void launch(int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        enter(); // also where another thread began, or nobody
        try {
            if (kernel == null || count != kernel.signature().length()) {
                throw new IllegalArgumentException(
                        kernel == null
                                ? "A launch without a kernel: call begin first"
                                : kernel.name() + "(" + kernel.signature() + ") was given " + count + " arguments");
            }
            launches++;
            submit(kernel, gridX, gridY, gridZ, threads, sharedBytes);
        } finally {
            leave();
        }
    }

    /** Kernels launched on this stream so far. */
    public final long launches() {
        return launches;
    }

    /** Launches with the arguments that lie in {@link #argumentTable()}. */
    protected abstract void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes);

    /** Address of the table of argument addresses, as cuLaunchKernel takes it; the same for the stream's whole life. */
    protected final long argumentTable() {
        return table;
    }

    /**
     * A matrix product through the device's library, in one pass with what follows it.
     *
     * @return false, and nothing done, where there is no such library or it cannot do this
     */
    public abstract boolean multiply(Product product);

    /**
     * Arranges a weight for many products, which are then given it by {@link Product#packed}; only where {@link Device#packedBytes} is above 0. To be
     * done again when the weight has changed.
     *
     * @param packed as many bytes as {@link Device#packedBytes} says
     * @param weight B' [n, k]
     */
    public void pack(Tensor packed, Tensor weight, int n, int k) {
        throw new UnsupportedOperationException(device().description() + " packs no weights");
    }

    /** Whether {@link #multiply} is backed by the vendor's library. It may be slower than this project's kernels, so the two are timed. */
    public boolean hasVendorGemm() {
        return false;
    }

    /** Whether what is given to the stream is recorded, to be run later, and not run: nothing can be timed or waited for then. */
    public boolean isCapturing() {
        return false;
    }

    /** Sets every element to zero. */
    public abstract void zero(Tensor tensor);

    /** Copies {@code tensor.bytes()} from the host buffer's byte {@code offset} on; the host buffer must stay untouched until it is done. */
    public abstract void upload(Tensor tensor, HostBuffer from, long offset);

    /** Copies the tensor to the host buffer's byte {@code offset} on; done after {@link #synchronize()}. */
    public abstract void download(HostBuffer to, long offset, Tensor tensor);

    /** Copies one tensor to another of the same size. */
    public abstract void copy(Tensor to, Tensor from);

    /**
     * Records what {@code work} gives to this stream, without doing it. On a GPU the recorded work is one launch from then on, a CUDA graph; on
     * the CPU, where a launch costs next to nothing, each launch of the graph runs {@code work} again. So {@code work} must give the same
     * launches with the same arguments every time, must not wait, and whatever changes between launches must lie in device memory or in host
     * buffers. The graph must be closed before the stream and the memory that it uses.
     *
     * @throws DeviceException if the device cannot record it
     */
    public abstract Graph record(Runnable work);

    /** Lets everything given from now on wait until another stream has reached a mark. */
    public abstract void waitFor(Event event);

    /** Waits until everything given so far is done. */
    public abstract void synchronize();

    /** Fills a tensor of floats or bfloat16 (rounded) from an array of its size, and waits. For set-up and tests: it allocates. */
    public final void write(Tensor tensor, float[] values) {
        if (values.length != tensor.size() || !tensor.dtype().isFloating()) {
            throw new IllegalArgumentException(tensor + " cannot take " + values.length + " floats");
        }
        try (HostBuffer staging = device().hostBuffer(tensor.bytes())) {
            if (tensor.dtype() == DType.BF16) {
                for (int i = 0; i < values.length; i++) {
                    staging.bytes().putShort(2 * i, DType.toBf16(values[i]));
                }
            } else {
                staging.floats().put(0, values);
            }
            upload(tensor, staging, 0);
            synchronize();
        }
    }

    /** Fills an integer tensor from an array of its size, and waits. For set-up and tests: it allocates. */
    public final void write(Tensor tensor, int[] values) {
        if (values.length != tensor.size()) {
            throw new IllegalArgumentException(tensor + " cannot take " + values.length + " values");
        }
        try (HostBuffer staging = device().hostBuffer(tensor.bytes())) {
            staging.bytes().asIntBuffer().put(0, values);
            upload(tensor, staging, 0);
            synchronize();
        }
    }

    /** The values of a tensor of floats or bfloat16, once everything given so far is done. For set-up, reports and tests: it allocates. */
    public final float[] read(Tensor tensor) {
        if (!tensor.dtype().isFloating()) {
            throw new IllegalArgumentException(tensor + " holds no floats");
        }
        float[] values = new float[Math.toIntExact(tensor.size())];
        try (HostBuffer staging = device().hostBuffer(tensor.bytes())) {
            download(staging, 0, tensor);
            synchronize();
            if (tensor.dtype() == DType.BF16) {
                for (int i = 0; i < values.length; i++) {
                    values[i] = DType.fromBf16(staging.bytes().getShort(2 * i));
                }
            } else {
                staging.floats().get(0, values);
            }
        }
        return values;
    }

    /** An integer tensor's values, once everything given so far is done. */
    public final int[] readInts(Tensor tensor) {
        int[] values = new int[Math.toIntExact(tensor.size())];
        try (HostBuffer staging = device().hostBuffer(tensor.bytes())) {
            download(staging, 0, tensor);
            synchronize();
            staging.bytes().asIntBuffer().get(0, values);
        }
        return values;
    }

    /** Waits for the work and gives the stream back; further calls do nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            MemoryUtil.nmemFree(slots);
        }
    }

    /** Throws unless the host buffer has {@code tensor.bytes()} bytes from {@code offset} on. */
    protected static void checkInside(HostBuffer host, long offset, Tensor tensor) {
        if (offset < 0 || offset + tensor.bytes() > host.bytes().capacity()) {
            throw new IllegalArgumentException(tensor + " does not fit into a host buffer of "
                    + host.bytes().capacity() + " bytes from byte " + offset + " on");
        }
    }

    /** Whether it was given back; its work is done then. */
    public final boolean isClosed() {
        return closed;
    }
}
