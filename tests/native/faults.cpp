// Errors that stay, and faults that are injected.
#include "driver_test.h"

using namespace driver_test;

// After a kernel has failed every call answers its error until the context ends; what is given back is given back all the same.
CASE(faults, a_failed_launch_breaks_the_context) {
  const Card card;
  const Stream stream;
  const Event event;
  CUdeviceptr y, x;
  CUstream another;
  CUevent mark;
  void* pinned;
  size_t available, total;
  OK(cuMemAlloc(&y, 40));
  OK(cuMemAlloc(&x, 40));
  OK(cuMemHostAlloc(&pinned, 8, 0));
  OK(cuMemsetD32(x, 0, 10));
  OK(cuCtxSynchronize());
  OK(card.plain(stream, y, x, 11));
  const CUresult wrong = CUDA_ERROR_ILLEGAL_ADDRESS;
  ANSWERS(wrong, cuStreamSynchronize(stream));
  LOGGED("every later call answers CUDA_ERROR_ILLEGAL_ADDRESS until the context ends");
  ANSWERS(wrong, cuMemAlloc(&x, 4));
  ANSWERS(wrong, card.plain(stream, y, x, 1));
  ANSWERS(wrong, cuCtxSynchronize());
  ANSWERS(wrong, cuStreamCreate(&another, 0));
  ANSWERS(wrong, cuEventCreate(&mark, 0));
  ANSWERS(wrong, cuEventQuery(event));
  ANSWERS(wrong, cuStreamQuery(stream));
  ANSWERS(wrong, cuMemcpyDtoH(&total, y, 4));
  ANSWERS(wrong, cuMemGetInfo(&available, &total));
  OK(cuCtxSetCurrent(card.context));
  ANSWERS(wrong, cuMemFree(y));
  ANSWERS(wrong, cuMemFree(x));
  ANSWERS(wrong, cuMemFreeHost(pinned));
}

CASE(faults, the_next_context_is_whole) {
  const Card card;
  const Floats x(1), y;
  OK(card.plain(nullptr, y, x));
  EQ(value(y), 2);
}

CASE(faults, what_is_queued_behind_a_failure_does_not_run) {
  configure("streams=late");
  const Card card;
  const Stream stream;
  const Floats x(1);
  PinnedFloats host;
  CUdeviceptr y, pooled;
  host[0] = 7;
  OK(cuMemAlloc(&y, 40));
  OK(cuMemAllocAsync(&pooled, 40, stream));
  OK(card.plain(stream, y, x, 11));
  OK(cuMemcpyDtoHAsync(host.data, x, 4, stream));
  OK(cuMemFreeAsync(pooled, stream));  // freed nevertheless, or the card would say that it leaks
  ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
  EQ(host[0], 7);
  cuMemFree(y);
}

CASE(faults, the_nth_allocation_fails) {
  const Card card;
  CUdeviceptr p, q;
  void* host;
  configure("fail_allocation=3");
  OK(cuMemAlloc(&p, 4));
  OK(cuMemHostAlloc(&host, 8, 0));
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&q, 4));
  LOGGED("4 bytes were refused, as the option fail_allocation asked for");
  OK(cuMemAlloc(&q, 4));
  OK(cuMemFree(q));
  configure("fail_allocation=1");
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocAsync(&q, 4, nullptr));
  configure("fail_allocation=1");
  void* refused;
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemHostAlloc(&refused, 8, 0));
  OK(cuMemFree(p));
  OK(cuMemFreeHost(host));
}

CASE(faults, the_nth_launch_fails) {
  configure("off=race_stream");
  const Card card;
  const Stream stream;
  const Floats y(1);
  PinnedFloats host;
  host[0] = 0;
  OK(card.affine(stream, y, 1, 1));
  OK(cuMemcpyDtoHAsync(host.data, y, 4, stream));
  configure("fail_launch=1");
  OK(card.affine(stream, y, 1, 1));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(stream));
  LOGGED("the kernel 'affine' of " + stream.name + " failed, as the option fail_launch asked for");
  EQ(host[0], 2);
}

CASE(faults, the_device_is_lost_for_good) {
  CUcontext context;
  int count = 0;
  {
    Card card;
    const Stream stream;
    const Floats y(1);
    configure("lose_device=2");
    OK(card.affine(stream, y, 1, 1));
    ANSWERS(CUDA_ERROR_UNKNOWN, card.affine(stream, y, 1, 1));
    LOGGED("the device was lost, as the option lose_device asked for");
    ANSWERS(CUDA_ERROR_UNKNOWN, cuStreamSynchronize(stream));
    ANSWERS(CUDA_ERROR_UNKNOWN, cuDeviceGetCount(&count));
    ANSWERS(CUDA_ERROR_UNKNOWN, cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(card.context));
    const char* text;
    OK(cuGetErrorString(CUDA_ERROR_UNKNOWN, &text));
  }                              // everything can be given back
  OK(cuDeviceGetCount(&count));  // a program that starts anew finds the card again
  EQ(count, 1);
  const Card card;
  const Floats x(1), y;
  OK(card.plain(nullptr, y, x));
  EQ(value(y), 2);
}
