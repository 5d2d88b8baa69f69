package io.github.vicmae.device;

import java.util.ArrayList;
import java.util.List;

/**
 * One allocation that holds many tensors. They are declared first, so that the whole need is known before any memory is taken; then
 * {@link #allocate} takes it at once. {@link #mark()} and {@link #rewind(Mark)} let tensors whose lifetimes do not overlap share memory.
 */
public final class Arena implements AutoCloseable {
    private static final long ALIGNMENT = 256;

    /**
     * A place between tensors.
     *
     * @param top bytes of the tensors before it
     * @param before how many tensors lie before it, each followed by a gap on a device that asks for gaps
     */
    public record Mark(long top, int before) {
        private long offset(long gap) {
            return top + before * gap;
        }
    }

    private record Place(Tensor tensor, Mark start) {
        private long end(long gap) {
            return start.offset(gap) + aligned(tensor.bytes());
        }
    }

    private final String name;
    private final List<Place> places = new ArrayList<>();
    private Mark top = new Mark(0, 0);
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
        Tensor t = new Tensor(tensorName, dtype, null, 0, shape);
        places.add(new Place(t, top));
        top = new Mark(top.top + aligned(t.bytes()), top.before + 1);
        return t;
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** The place where the next tensor will lie. */
    public Mark mark() {
        return top;
    }

    /** Lets the tensors declared from here on reuse the memory from {@code mark} on. */
    public void rewind(Mark mark) {
        top = mark;
    }

    /** The tensors in the order of their declaration. */
    public List<Tensor> tensors() {
        return places.stream().map(Place::tensor).toList();
    }

    /** Bytes that were taken; before {@link #allocate}, those that it takes on a device without {@linkplain Device#tensorGap() gaps}. */
    public long bytes() {
        return buffer == null ? end(0) : buffer.bytes();
    }

    private long end(long gap) {
        return places.stream().mapToLong(p -> p.end(gap)).max().orElse(0);
    }

    /**
     * Takes the memory. What it holds is undefined.
     *
     * @throws DeviceException if the device has not that much
     * @throws IllegalStateException if it was taken before
     */
    public Arena allocate(Device device) {
        if (buffer != null) {
            throw new IllegalStateException("The arena '" + name + "' is allocated already");
        }
        long gap = device.tensorGap();
        Buffer taken = device.allocate(name, Math.max(end(gap), ALIGNMENT));
        try {
            for (Place p : places) {
                p.tensor.bind(taken, p.start.offset(gap));
                device.nameTensor(p.tensor);
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, taken);
            throw e;
        }
        buffer = taken;
        return this;
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
        }
    }
}
