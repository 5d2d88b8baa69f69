package io.github.vicmae.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * Host memory that a device can copy from and to without an intermediate copy: page-locked on CUDA. The views are direct, in native order,
 * and must not be used after {@link #close()}.
 */
public final class HostBuffer implements AutoCloseable {
    private final ByteBuffer bytes;
    private final FloatBuffer floats;
    private Runnable free;

    /**
     * @param bytes the memory
     * @param free called once when the buffer is closed
     */
    public HostBuffer(ByteBuffer bytes, Runnable free) {
        this.bytes = bytes.order(ByteOrder.nativeOrder());
        this.floats = this.bytes.asFloatBuffer();
        this.free = free;
    }

    /**
     * The length as the view's type takes it.
     *
     * @throws DeviceException if one buffer cannot hold so much
     */
    public static int length(long bytes) {
        if (bytes < 1 || bytes > Integer.MAX_VALUE) {
            throw new DeviceException("A host buffer of " + bytes + " bytes was asked for, but one holds 1 to "
                    + Integer.MAX_VALUE + "; use a smaller batch");
        }
        return (int) bytes;
    }

    public ByteBuffer bytes() {
        check();
        return bytes;
    }

    /** The memory as floats; one view, shared by all callers: use absolute gets and puts. */
    public FloatBuffer floats() {
        check();
        return floats;
    }

    private void check() {
        if (free == null) {
            throw new IllegalStateException("A host buffer is used after it was closed");
        }
    }

    @Override
    public void close() {
        Runnable once = free;
        free = null;
        if (once != null) {
            once.run();
        }
    }
}
