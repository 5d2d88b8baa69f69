package io.github.vicmae.benchmarks;

import jcuda.driver.JCudaDriver;

/**
 * Work of a library on CUDA's default stream, where this library has no events: timed by the clock of this process, from a launch until the
 * context is idle.
 */
final class OnDefaultStream implements Workload {
    private final Bench bench;

    OnDefaultStream(Bench bench) {
        this.bench = bench;
    }

    @Override
    public void launch() {
        bench.launch();
    }

    @Override
    public void synchronize() {
        JCudaDriver.cuCtxSynchronize();
    }

    @Override
    public float[] result(String name) {
        return bench.result(name);
    }

    @Override
    public long memory() {
        return bench.memory();
    }

    @Override
    public double deviceSeconds(int launches) {
        synchronize();
        long start = System.nanoTime();
        for (int i = 0; i < launches; i++) {
            bench.launch();
        }
        synchronize();
        return (System.nanoTime() - start) / 1e9;
    }

    @Override
    public void close() {
        bench.close();
    }
}
