package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Closing;

/** Work on the host: done when its launch returns, and without memory of the device's. */
abstract class HostWork implements Workload {
    private final AutoCloseable[] owned;

    /** @param owned closed with the work, in this order */
    HostWork(AutoCloseable... owned) {
        this.owned = owned.clone();
    }

    @Override
    public final void synchronize() {
        // Done when launch returns.
    }

    @Override
    public final long memory() {
        return -1;
    }

    @Override
    public final double deviceSeconds(int launches) {
        return Double.NaN;
    }

    @Override
    public final void close() {
        Closing.all(owned);
    }
}
