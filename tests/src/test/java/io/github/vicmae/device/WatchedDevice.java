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
public final class WatchedDevice extends ForwardingDevice {
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
        super(Device.open("cpu"));
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
        return (liveBytes() == 0 ? "" : liveBytes() + " bytes ")
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
    public Buffer allocate(String name, long bytes) {
        take(name);
        Buffer buffer = super.allocate(name, bytes);
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
        HostBuffer memory = super.hostBuffer(bytes);
        hostBuffers++;
        return new HostBuffer(memory.bytes(), () -> {
            hostBuffers--;
            memory.close();
        });
    }

    @Override
    public Stream newStream() {
        take("a stream");
        Stream stream = new WatchedStream(super.newStream());
        streams.add(stream);
        return stream;
    }

    @Override
    public Event newEvent() {
        take("an event");
        return super.newEvent();
    }

    @Override
    public Kernel kernel(String module, String name, String signature) {
        take("the kernel " + name);
        return super.kernel(module, name, signature);
    }

    @Override
    public void close() {
        closed = true;
        super.close();
    }

    /** Belongs to the watched device, so that what asks for its device finds that. */
    private final class WatchedStream extends ForwardingStream {
        WatchedStream(Stream to) {
            super(WatchedDevice.this, to);
        }

        @Override
        protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
            if (untilFailedLaunch > 0 && --untilFailedLaunch == 0) {
                throw new DeviceException(launched.name() + " was made to fail");
            }
            super.submit(launched, gridX, gridY, gridZ, threads, sharedBytes);
        }
    }
}
