package io.github.vicmae.device;

import java.util.function.LongConsumer;

/**
 * A block of device memory with one owner. {@link #close()} may be called more than once; any use after it throws, naming the place where
 * the buffer was closed.
 */
public final class Buffer implements AutoCloseable {
    private final String name;
    private final long address;
    private final long bytes;
    private final LongConsumer free;
    private volatile Throwable closedAt;

    /**
     * @param name what it holds, for messages
     * @param address its address on the device
     * @param bytes its length
     * @param free called once with the address when the buffer is closed
     */
    public Buffer(String name, long address, long bytes, LongConsumer free) {
        this.name = name;
        this.address = address;
        this.bytes = bytes;
        this.free = free;
    }

    public String name() {
        return name;
    }

    public long bytes() {
        return bytes;
    }

    public boolean isClosed() {
        return closedAt != null;
    }

    /**
     * The address on the device.
     *
     * @throws IllegalStateException after {@link #close()}; the cause's stack is where that was
     */
    public long address() {
        if (closedAt != null) {
            throw new IllegalStateException(
                    "The buffer '" + name + "' (" + bytes + " bytes) is used after it was closed", closedAt);
        }
        return address;
    }

    @Override
    public synchronized void close() {
        if (closedAt == null) {
            closedAt = new Throwable("The buffer '" + name + "' was closed here");
            free.accept(address);
        }
    }
}
