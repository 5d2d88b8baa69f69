package io.github.vicmae.device;

/**
 * Something that runs kernels: the CPU, or a GPU through the CUDA driver. Thread-safe; a {@link Stream} is not.
 *
 * <p>{@link #open(String)} takes {@code auto}, {@code cpu}, {@code cuda}, {@code cuda:N}, {@code emulated} or {@code emulated:SCHEDULE}. The
 * emulated device is of the kind CUDA: a driver without a card runs the card's kernels on the CPU, thread by thread in the order of the
 * schedule (forward, reverse, random or fair), and checks every access; see {@link io.github.vicmae.device.cuda.EmulatedDriver}. A process can
 * use cards or the emulated device, not both.
 */
public interface Device extends AutoCloseable {
    /** The kinds of device. */
    enum Kind {
        CPU(16),
        CUDA(128);

        private final int partialBlocks;

        Kind(int partialBlocks) {
            this.partialBlocks = partialBlocks;
        }

        /** How many blocks a two-stage sum is cut into. The result of such a sum depends on it, so it never changes. */
        public int partialBlocks() {
            return partialBlocks;
        }
    }

    /** The first CUDA device that can be used, else the CPU. */
    static Device auto() {
        return Devices.open("auto");
    }

    /**
     * Opens a device by name.
     *
     * @param name {@code auto}, {@code cpu}, {@code cuda}, {@code cuda:N}, {@code emulated} or {@code emulated:SCHEDULE}
     * @throws DeviceException if it cannot be had, with the reason and what to do
     * @throws IllegalArgumentException if there is no such kind of device or schedule
     */
    static Device open(String name) {
        return Devices.open(name);
    }

    Kind kind();

    /** What this is, in a few words: processor or card, instruction set, libraries in use. */
    String description();

    /**
     * Takes device memory; its contents are undefined.
     *
     * @throws DeviceException if there is not enough
     */
    Buffer allocate(String name, long bytes);

    /**
     * Bytes that the tensors of one buffer keep from each other here: more than 0 where the device checks every access, so that one past a
     * tensor's end does not fall into the next tensor.
     */
    default long tensorGap() {
        return 0;
    }

    /**
     * Tells a device that checks every access where a tensor lies in its buffer. What lies in no named tensor of such a buffer must not be
     * touched. Other devices do nothing.
     */
    default void nameTensor(Tensor tensor) {}

    /**
     * Takes host memory for copies from and to this device.
     *
     * @throws DeviceException if there is not enough, or more than 2 GiB are asked for
     */
    HostBuffer hostBuffer(long bytes);

    /** Makes a new stream. */
    Stream newStream();

    /** Makes a new event. */
    Event newEvent();

    /**
     * Finds a kernel.
     *
     * @param module the source file's name without its ending, as in {@code layer_norm}
     * @param name the kernel's name
     * @param signature see {@link Kernel#signature()}
     * @throws DeviceException if this build has no such kernel, it takes other parameters, or the device cannot load it
     */
    Kernel kernel(String module, String name, String signature);

    /**
     * Finds a kernel in a library of further kernels, which is built for this device if need be.
     *
     * @param signature see {@link Kernel#signature()}
     * @throws DeviceException if the library cannot be built or loaded here, or the kernel takes other parameters
     */
    default Kernel libraryKernel(KernelLibrary library, String name, String signature) {
        throw new DeviceException(
                description() + " takes no kernels but its own, and cannot run " + name + " of " + library.name());
    }

    /**
     * Bytes that {@link Stream#pack} needs for a weight B' [n, k].
     *
     * @param type of the products' operands
     * @return 0 if products with it gain nothing here
     */
    default long packedBytes(DType type, int n, int k) {
        return 0;
    }

    /** See {@link Kind#partialBlocks()}. */
    default int partialBlocks() {
        return kind().partialBlocks();
    }

    /** How many of a kernel's blocks run side by side at the least: a card's multiprocessors. Sizes of tiles go by it, and it never changes. */
    default int processors() {
        return 1;
    }

    /** Bytes of shared memory that a block may have, on a card. It never changes. */
    default int sharedBytes() {
        return 48 << 10;
    }

    /** Why cuBLAS cannot make matrix products here, in a few words; null if it can. */
    default String missingCublas() {
        return "cuBLAS works on a card, and this is " + description();
    }

    /** Whether an error has made the device useless to this process: every later call on it fails. Closing what belongs to it still works. */
    default boolean isLost() {
        return false;
    }

    /** Bytes of device memory taken and not given back. */
    long liveBytes();

    /**
     * Gives the device back. Buffers, streams and events must be closed before.
     *
     * @throws DeviceException if it cannot be given back; on the emulated device also if something of it was not closed, with a list
     */
    @Override
    void close();
}
