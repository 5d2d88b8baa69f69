package io.github.vicmae.device;

/**
 * Something that runs kernels: the CPU, or a GPU through the CUDA driver. Thread-safe; a {@link Stream} is not.
 *
 * <p>{@link #open(String)} takes {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}.
 */
public interface Device extends AutoCloseable {
    /** The kinds of device. */
    enum Kind {
        CPU,
        CUDA
    }

    /** The first CUDA device that can be used, else the CPU. */
    static Device auto() {
        return Devices.open("auto");
    }

    /**
     * Opens a device by name.
     *
     * @param name {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
     * @throws DeviceException if it cannot be had, with the reason and what to do
     * @throws IllegalArgumentException if there is no such kind of device
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

    /** Takes host memory for copies from and to this device. */
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

    /** How many blocks a two-stage sum is cut into on this device. The result of such a sum depends on it, so it never changes. */
    int partialBlocks();

    /** Bytes of device memory taken and not given back. */
    long liveBytes();

    /** Gives the device back. Buffers and streams must be closed before. */
    @Override
    void close();
}
