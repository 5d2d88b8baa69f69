package io.github.vicmae.device;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.lwjgl.system.MemoryUtil;

/**
 * The CPU device for tests of what surrounds it: fresh memory is NaN, tensors can be kept apart, what was taken and not given back is known,
 * and the n-th allocation or launch can be made to fail.
 */
public final class WatchedDevice implements Device {
    private final Device inner = Device.open("cpu");
    private final long gap;
    private final List<Stream> streams = new ArrayList<>();
    private final Map<Long, String> named = new TreeMap<>();
    private int hostBuffers;
    private int untilFailedTaking;
    private int untilFailedLaunch;
    private boolean closed;

    public WatchedDevice() {
        this(0);
    }

    /**
     * @param gap bytes between the tensors of an arena
     */
    public WatchedDevice(long gap) {
        this.gap = gap;
    }

    /** Lets the n-th buffer, host buffer, kernel, event or stream from now on fail; 0 for none. */
    public WatchedDevice failTaking(int n) {
        untilFailedTaking = n;
        return this;
    }

    /** Lets the n-th launch from now on fail; 0 for none. */
    public WatchedDevice failLaunch(int n) {
        untilFailedLaunch = n;
        return this;
    }

    private void take(String what) {
        if (untilFailedTaking > 0 && --untilFailedTaking == 0) {
            throw new DeviceException("There is no room for " + what);
        }
    }

    /** What was taken and not given back; empty if nothing. */
    public String left() {
        long open = streams.stream().filter(s -> !s.isClosed()).count();
        return (inner.liveBytes() == 0 ? "" : inner.liveBytes() + " bytes ")
                + (hostBuffers == 0 ? "" : hostBuffers + " host buffers ")
                + (open == 0 ? "" : open + " streams");
    }

    /** The tensors' names by address. */
    public Map<Long, String> named() {
        return named;
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public Kind kind() {
        return inner.kind();
    }

    @Override
    public String description() {
        return inner.description();
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        take(name);
        Buffer buffer = inner.allocate(name, bytes);
        MemoryUtil.memSet(buffer.address(), 0xFF, bytes);
        return buffer;
    }

    @Override
    public long tensorGap() {
        return gap;
    }

    @Override
    public void nameTensor(Tensor tensor) {
        named.put(tensor.address(), tensor.name());
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        take("a host buffer");
        HostBuffer memory = inner.hostBuffer(bytes);
        hostBuffers++;
        return new HostBuffer(memory.bytes(), () -> {
            hostBuffers--;
            memory.close();
        });
    }

    @Override
    public Stream newStream() {
        take("a stream");
        Stream stream = new WatchedStream(inner.newStream());
        streams.add(stream);
        return stream;
    }

    @Override
    public Event newEvent() {
        take("an event");
        return inner.newEvent();
    }

    @Override
    public Kernel kernel(String module, String name, String signature) {
        take("the kernel " + name);
        return inner.kernel(module, name, signature);
    }

    @Override
    public int partialBlocks() {
        return inner.partialBlocks();
    }

    @Override
    public long liveBytes() {
        return inner.liveBytes();
    }

    @Override
    public void close() {
        closed = true;
        inner.close();
    }

    /** Hands everything on to the CPU's stream; belongs to the watched device, so that what asks for its device finds that. */
    private final class WatchedStream extends Stream {
        private final Stream to;

        WatchedStream(Stream to) {
            this.to = to;
        }

        @Override
        public Device device() {
            return WatchedDevice.this;
        }

        @Override
        protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
            if (untilFailedLaunch > 0 && --untilFailedLaunch == 0) {
                throw new DeviceException(launched.name() + " was made to fail");
            }
            long slots = MemoryUtil.memGetAddress(argumentTable());
            MemoryUtil.memCopy(slots, MemoryUtil.memGetAddress(to.argumentTable()), ARGUMENT_TABLE_BYTES);
            to.submit(launched, gridX, gridY, gridZ, threads, sharedBytes);
        }

        @Override
        public boolean gemm(
                boolean transA, boolean transB, int m, int n, int k, Tensor a, Tensor b, float beta, Tensor c) {
            return to.gemm(transA, transB, m, n, k, a, b, beta, c);
        }

        @Override
        public void zero(Tensor tensor) {
            to.zero(tensor);
        }

        @Override
        public void upload(Tensor tensor, HostBuffer from, long offset) {
            to.upload(tensor, from, offset);
        }

        @Override
        public void download(HostBuffer target, long offset, Tensor tensor) {
            to.download(target, offset, tensor);
        }

        @Override
        public void copy(Tensor target, Tensor from) {
            to.copy(target, from);
        }

        @Override
        public void waitFor(Event event) {
            to.waitFor(event);
        }

        @Override
        public void synchronize() {
            to.synchronize();
        }

        @Override
        public void close() {
            super.close();
            to.close();
        }
    }
}
