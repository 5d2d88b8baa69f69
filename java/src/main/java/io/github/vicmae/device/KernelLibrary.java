package io.github.vicmae.device;

import java.nio.file.Path;
import java.util.Set;

/**
 * Kernels that are not this library's own, in the form of each kind of device. A device asks for the form that it needs when a kernel is looked
 * up ({@link Device#libraryKernel}), and it may be built then.
 */
public interface KernelLibrary {
    /** The source file's name without its ending. */
    String name();

    /** The names of its kernels. */
    Set<String> kernels();

    /**
     * The library for the CPU device.
     *
     * @param isa which build of the kernels is in use, as in {@code x86-64-v3}
     * @param runtime that build's library, which the result is linked to
     * @throws DeviceException if it cannot be had
     */
    Path cpu(String isa, Path runtime);

    /**
     * The library for the emulated device.
     *
     * @param driver the emulated driver's library, which the result is linked to
     * @throws DeviceException if it cannot be had
     */
    Path emulated(Path driver);

    /**
     * The PTX text for cards.
     *
     * @param family 80 or 90, from which compute capability on
     * @throws DeviceException if it cannot be had
     */
    byte[] ptx(int family);
}
