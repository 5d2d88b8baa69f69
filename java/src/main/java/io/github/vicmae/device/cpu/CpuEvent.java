package io.github.vicmae.device.cpu;

import io.github.vicmae.device.Event;
import io.github.vicmae.device.Stream;

/** The moment of the call: on the CPU everything before it is done by then. */
final class CpuEvent implements Event {
    private long nanos;
    private boolean recorded;

    @Override
    public void record(Stream stream) {
        nanos = System.nanoTime();
        recorded = true;
    }

    @Override
    public boolean isReached() {
        return true;
    }

    @Override
    public void synchronize() {
        // Nothing is ever outstanding.
    }

    @Override
    public double millisecondsSince(Event start) {
        if (!recorded || !((CpuEvent) start).recorded) {
            throw new IllegalStateException("The time between two events was asked for, but one was never recorded");
        }
        return (nanos - ((CpuEvent) start).nanos) / 1e6;
    }

    @Override
    public void close() {
        // Holds nothing.
    }
}
