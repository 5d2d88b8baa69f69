package io.github.vicmae.kernel;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;

/** The tensors of a {@link KernelSuite}, each with memory of its own. What is not in here no kernel of the suite is given. */
final class SuiteMemory implements AutoCloseable {
    private final Stream stream;
    private final Map<Tensor, Arena> arenas = new IdentityHashMap<>();
    private boolean closed;

    SuiteMemory(Stream stream) {
        this.stream = stream;
    }

    /** Takes memory; what it holds is undefined. */
    Tensor take(DType dtype, String name, int... shape) {
        requireOpen();
        Arena arena = new Arena(name);
        Tensor tensor = arena.tensor(name, dtype, shape);
        arena.allocate(stream.device());
        arenas.put(tensor, arena);
        return tensor;
    }

    Tensor floats(String name, int... shape) {
        return take(DType.F32, name, shape);
    }

    /** Scratch; at least one float is taken. */
    Tensor scratch(long size) {
        return floats("scratch", Math.toIntExact(Math.max(1, size)));
    }

    void write(Tensor to, FloatBuffer values) {
        require("write", "the tensor", to);
        if (!to.dtype().isFloating() || values.remaining() != to.size()) {
            throw new IllegalArgumentException(to + " takes " + to.size() + " floats, and the buffer has "
                    + values.remaining() + " between its position and its limit");
        }
        if (to.dtype() == DType.F32) {
            try (HostBuffer staging = stream.device().hostBuffer(to.bytes())) {
                staging.floats().put(0, values, values.position(), values.remaining());
                stream.upload(to, staging, 0);
                stream.synchronize();
            }
        } else {
            float[] copy = new float[values.remaining()];
            values.get(values.position(), copy);
            stream.write(to, copy);
        }
    }

    float[] read(Tensor from) {
        require("read", "the tensor", from);
        return stream.read(from);
    }

    void read(Tensor from, FloatBuffer into) {
        require("read", "the tensor", from);
        if (into.isReadOnly() || into.remaining() != from.size()) {
            throw new IllegalArgumentException(from + " has " + from.size() + " floats, and the buffer "
                    + (into.isReadOnly() ? "is read-only" : "has room for " + into.remaining()));
        }
        into.put(into.position(), stream.read(from));
    }

    /**
     * @throws IllegalStateException if the suite is closed
     */
    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The kernel suite is closed, and its tensors with it");
        }
    }

    /**
     * @throws IllegalArgumentException unless the tensor is one of the suite's that was not released
     */
    void require(String kernel, String argument, Tensor tensor) {
        requireOpen();
        if (tensor == null || !arenas.containsKey(tensor)) {
            throw new IllegalArgumentException(kernel + " wants " + argument + " as a tensor of this suite, and "
                    + (tensor == null ? "null" : tensor) + " is none, or was released");
        }
    }

    /**
     * @param shape sizes, 0 for any
     * @throws IllegalArgumentException unless it is one of the suite's tensors of so many dimensions of these sizes
     */
    void require(String kernel, String argument, Tensor tensor, String form, int... shape) {
        require(kernel, argument, tensor);
        boolean fits = tensor.rank() == shape.length && tensor.dtype().isFloating();
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] == 0 || shape[i] == tensor.dim(i);
        }
        if (!fits) {
            String sizes = Arrays.stream(shape).allMatch(d -> d == 0)
                    ? ""
                    : ", here " + Arrays.toString(shape).replaceAll("\\b0\\b", "any");
            throw new IllegalArgumentException(
                    kernel + " wants " + argument + " as " + form + sizes + ", but was given " + tensor);
        }
    }

    /**
     * @throws IllegalArgumentException unless it holds floats
     */
    void requireFloats(String kernel, String argument, Tensor tensor, String form, int... shape) {
        require(kernel, argument, tensor, form, shape);
        if (tensor.dtype() != DType.F32) {
            throw new IllegalArgumentException(kernel + " wants " + argument + " in floats, but was given " + tensor);
        }
    }

    /** Gives memory back; work that uses it is waited for. */
    void release(Tensor... tensors) {
        for (Tensor tensor : tensors) {
            require("release", "the tensor", tensor);
        }
        stream.synchronize();
        for (Tensor tensor : tensors) {
            Arena arena = arenas.remove(tensor);
            if (arena != null) {
                arena.close();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        try {
            Closing.all(arenas.values().toArray(AutoCloseable[]::new));
        } finally {
            arenas.clear();
        }
    }
}
