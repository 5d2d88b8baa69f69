package io.github.vicmae.device;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import org.lwjgl.system.MemoryUtil;

/**
 * Views of native memory that is known by its address alone, as LWJGL and other native libraries give it. Only null and the sizes can be checked: what
 * does not lie at the address, or was freed, ends in a crash or in wrong values, as in C.
 */
public final class HostMemory {
    private HostMemory() {}

    /**
     * Bytes at an address; the memory stays its owner's.
     *
     * @throws IllegalArgumentException if the address is null, or the size is none that a buffer has
     */
    public static ByteBuffer bytes(long address, long bytes) {
        return MemoryUtil.memByteBuffer(checked(address, bytes), (int) bytes);
    }

    /**
     * Floats in native order at an address, a multiple of 4.
     *
     * @throws IllegalArgumentException if the address is null or no multiple of 4, or the size is none that a buffer has
     */
    public static FloatBuffer floats(long address, long count) {
        if (address % Float.BYTES != 0) {
            throw new IllegalArgumentException("Floats lie at multiples of 4, not at the address " + address);
        }
        return MemoryUtil.memFloatBuffer(checked(address, count), (int) count);
    }

    private static long checked(long address, long size) {
        if (address == 0) {
            throw new IllegalArgumentException("The address is null");
        }
        if (size < 0 || size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("A buffer has 0 to " + Integer.MAX_VALUE + " values, not " + size);
        }
        return address;
    }
}
