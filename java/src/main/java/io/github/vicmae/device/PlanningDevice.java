package io.github.vicmae.device;

import io.github.vicmae.device.cpu.CpuDevice;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * A device that has no memory and does nothing: what is built on it can say how much memory it would take on a device of that kind, whether there
 * is one or not.
 */
public final class PlanningDevice implements Device {
    private final Kind kind;
    private final Set<String> requested = new TreeSet<>();

    public PlanningDevice(Kind kind) {
        this.kind = kind;
    }

    @Override
    public Kind kind() {
        return kind;
    }

    @Override
    public String description() {
        return "plan for a device of kind " + kind;
    }

    @Override
    public Kernel kernel(String module, String name, String signature) {
        requested.add(name);
        return new Kernel(name, signature, 0);
    }

    /** The names of this library's kernels that were looked up so far. */
    public Set<String> requested() {
        return Collections.unmodifiableSet(requested);
    }

    @Override
    public Kernel libraryKernel(KernelLibrary library, String name, String signature) {
        return new Kernel(name, signature, 0);
    }

    /** On the CPU those of this machine. */
    @Override
    public long packedBytes(DType type, int n, int k) {
        return kind == Kind.CPU ? CpuDevice.plannedPackedBytes(type, n, k) : 0;
    }

    @Override
    public Stream newStream() {
        return new PlanningStream(this);
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        throw refused();
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        throw refused();
    }

    @Override
    public Event newEvent() {
        throw refused();
    }

    @Override
    public long liveBytes() {
        return 0;
    }

    @Override
    public void close() {
        // Holds nothing.
    }

    static UnsupportedOperationException refused() {
        return new UnsupportedOperationException("A planning device only plans");
    }
}
