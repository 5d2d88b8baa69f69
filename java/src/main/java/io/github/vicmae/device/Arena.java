package io.github.vicmae.device;

import java.util.ArrayList;
import java.util.List;

/**
 * One allocation that holds many tensors. They are declared first, so that the whole need is known before any memory is taken; then
 * {@link #allocate} takes it at once. {@link #mark()} and {@link #rewind(long)} let tensors whose lifetimes do not overlap share memory.
 */
public final class Arena implements AutoCloseable {
    private static final long ALIGNMENT = 256;

    private final String name;
    private final List<Tensor> tensors = new ArrayList<>();
    private long top;
    private long peak;
    private Buffer buffer;

    public Arena(String name) {
        this.name = name;
    }

    /** Declares a float tensor of the given shape. */
    public Tensor floats(String tensorName, int... shape) {
        return tensor(tensorName, DType.F32, shape);
    }

    /** Declares a tensor. */
    public Tensor tensor(String tensorName, DType dtype, int... shape) {
        if (buffer != null) {
            throw new IllegalStateException(
                    "The arena '" + name + "' is allocated already; '" + tensorName + "' comes too late");
        }
        Tensor t = new Tensor(tensorName, dtype, null, top, shape);
        top = (top + t.bytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        peak = Math.max(peak, top);
        tensors.add(t);
        return t;
    }

    /** The place where the next tensor will lie. */
    public long mark() {
        return top;
    }

    /** Lets the tensors declared from here on reuse the memory from {@code mark} on. */
    public void rewind(long mark) {
        top = mark;
    }

    /** The tensors in the order of their declaration. */
    public List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    /** Bytes that {@link #allocate} takes. */
    public long bytes() {
        return peak;
    }

    /**
     * Takes the memory, filled with zeros.
     *
     * @throws DeviceException if the device has not that much
     */
    public Arena allocate(Device device, Stream stream) {
        buffer = device.allocate(name, Math.max(peak, ALIGNMENT));
        stream.fill(buffer, (byte) 0);
        tensors.forEach(t -> t.bind(buffer));
        return this;
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
        }
    }
}
