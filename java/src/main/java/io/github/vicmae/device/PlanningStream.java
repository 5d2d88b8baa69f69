package io.github.vicmae.device;

/** The stream of a {@link PlanningDevice}: it takes no work. */
final class PlanningStream extends Stream {
    private final Device device;

    PlanningStream(Device device) {
        this.device = device;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        throw PlanningDevice.refused();
    }

    @Override
    public boolean multiply(Product product) {
        throw PlanningDevice.refused();
    }

    @Override
    public void zero(Tensor tensor) {
        throw PlanningDevice.refused();
    }

    @Override
    public void upload(Tensor tensor, HostBuffer from, long offset) {
        throw PlanningDevice.refused();
    }

    @Override
    public void download(HostBuffer to, long offset, Tensor tensor) {
        throw PlanningDevice.refused();
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        throw PlanningDevice.refused();
    }

    @Override
    public Graph record(Runnable work) {
        throw PlanningDevice.refused();
    }

    @Override
    public void waitFor(Event event) {
        throw PlanningDevice.refused();
    }

    @Override
    public void synchronize() {
        // There is never anything to wait for.
    }
}
