package io.github.vicmae.device;

/** Hands everything on to another device, for those of tests that change something on the way. */
class ForwardingDevice implements Device {
    private final Device to;

    /**
     * @param to closed with this one
     */
    ForwardingDevice(Device to) {
        this.to = to;
    }

    @Override
    public Kind kind() {
        return to.kind();
    }

    @Override
    public String description() {
        return to.description();
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        return to.allocate(name, bytes);
    }

    @Override
    public long packedBytes(DType type, int n, int k) {
        return to.packedBytes(type, n, k);
    }

    @Override
    public long tensorGap() {
        return to.tensorGap();
    }

    @Override
    public void nameTensor(Tensor tensor) {
        to.nameTensor(tensor);
    }

    @Override
    public HostBuffer hostBuffer(long bytes) {
        return to.hostBuffer(bytes);
    }

    @Override
    public Stream newStream() {
        return to.newStream();
    }

    @Override
    public Event newEvent() {
        return to.newEvent();
    }

    @Override
    public Kernel libraryKernel(KernelLibrary library, String name, String signature) {
        return to.libraryKernel(library, name, signature);
    }

    @Override
    public Kernel kernel(String module, String name, String signature) {
        return to.kernel(module, name, signature);
    }

    @Override
    public int processors() {
        return to.processors();
    }

    @Override
    public int sharedBytes() {
        return to.sharedBytes();
    }

    @Override
    public boolean isLost() {
        return to.isLost();
    }

    @Override
    public long liveBytes() {
        return to.liveBytes();
    }

    @Override
    public void close() {
        to.close();
    }
}
