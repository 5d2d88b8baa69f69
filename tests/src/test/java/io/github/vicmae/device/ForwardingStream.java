package io.github.vicmae.device;

import org.lwjgl.system.MemoryUtil;

/** Hands everything on to another stream, for devices of tests that change something on the way. */
class ForwardingStream extends Stream {
    private final Device device;
    private final Stream to;

    ForwardingStream(Device device, Stream to) {
        this.device = device;
        this.to = to;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        long slots = MemoryUtil.memGetAddress(argumentTable());
        MemoryUtil.memCopy(slots, MemoryUtil.memGetAddress(to.argumentTable()), ARGUMENT_TABLE_BYTES);
        to.submit(launched, gridX, gridY, gridZ, threads, sharedBytes);
    }

    @Override
    public void pack(Tensor packed, Tensor weight, int n, int k) {
        to.pack(packed, weight, n, k);
    }

    @Override
    public boolean multiply(Product product) {
        return to.multiply(product);
    }

    @Override
    public boolean hasVendorGemm() {
        return to.hasVendorGemm();
    }

    @Override
    public boolean isCapturing() {
        return to.isCapturing();
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
    public Graph record(Runnable work) {
        return to.record(work);
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
