package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Event;
import io.github.vicmae.device.Stream;
import jcuda.driver.CUevent;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** A CUDA event that keeps time. */
final class CudaEvent implements Event {
    private final CudaDevice device;
    private final CUevent event = new CUevent();
    private boolean recorded;
    private boolean closed;

    CudaEvent(CudaDevice device) {
        this.device = device;
        device.check(JCudaDriver.cuEventCreate(event, 0), "cuEventCreate");
    }

    CUevent handle() {
        return event;
    }

    @Override
    public void record(Stream stream) {
        device.bind();
        device.check(JCudaDriver.cuEventRecord(event, ((CudaStream) stream).handle()), "cuEventRecord");
        recorded = true;
    }

    @Override
    public boolean isReached() {
        device.bind();
        int answer = JCudaDriver.cuEventQuery(event);
        if (answer == CUresult.CUDA_ERROR_NOT_READY) {
            return false;
        }
        device.check(answer, "cuEventQuery");
        return true;
    }

    @Override
    public void synchronize() {
        device.bind();
        device.check(JCudaDriver.cuEventSynchronize(event), "cuEventSynchronize");
    }

    @Override
    public double millisecondsSince(Event start) {
        if (!recorded || !((CudaEvent) start).recorded) {
            throw new IllegalStateException("The time between two events was asked for, but one was never recorded");
        }
        device.bind();
        float[] milliseconds = new float[1];
        device.check(
                JCudaDriver.cuEventElapsedTime(milliseconds, ((CudaEvent) start).event, event), "cuEventElapsedTime");
        return milliseconds[0];
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.giveBack(() -> JCudaDriver.cuEventDestroy(event), "cuEventDestroy");
        }
    }
}
