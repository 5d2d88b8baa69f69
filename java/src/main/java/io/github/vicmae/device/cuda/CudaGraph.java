package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Graph;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/** A CUDA graph, captured from a stream. */
final class CudaGraph implements Graph {
    private final CudaDevice device;
    private final CudaStream stream;
    private final CUgraphExec executable = new CUgraphExec();
    private boolean closed;

    private CudaGraph(CudaDevice device, CudaStream stream, CUgraph captured) {
        this.device = device;
        this.stream = stream;
        device.check(JCudaDriver.cuGraphInstantiate(executable, captured, 0), "cuGraphInstantiate");
    }

    /** Captures what {@code work} gives to the stream. If that fails, the stream is left as it was before. */
    static CudaGraph capture(CudaDevice device, CudaStream stream, Runnable work) {
        device.bind();
        device.check(
                JCudaDriver.cuStreamBeginCapture(
                        stream.handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        CUgraph captured = new CUgraph();
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            // The capture has to end in any case; that it failed is known.
            if (JCudaDriver.cuStreamEndCapture(stream.handle(), captured) == 0) {
                JCudaDriver.cuGraphDestroy(captured);
            }
            throw e;
        }
        device.check(JCudaDriver.cuStreamEndCapture(stream.handle(), captured), "cuStreamEndCapture");
        try {
            return new CudaGraph(device, stream, captured);
        } finally {
            device.giveBack(() -> JCudaDriver.cuGraphDestroy(captured), "cuGraphDestroy");
        }
    }

    @Override
    public void launch() {
        device.bind();
        device.check(JCudaDriver.cuGraphLaunch(executable, stream.handle()), "cuGraphLaunch");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.giveBack(() -> JCudaDriver.cuGraphExecDestroy(executable), "cuGraphExecDestroy");
        }
    }
}
