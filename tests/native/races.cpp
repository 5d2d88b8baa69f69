// Operations of streams that do not wait for each other, and memory that goes while it is used: found whatever the order was.
#include "driver_test.h"

using namespace driver_test;

CASE(races, two_kernels_write_one_place) {
  const Card card;
  const Floats y(1);
  const Stream a, b;
  OK(card.affine(a, y, 1, 2));
  OK(card.affine(b, y, 3, 4));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("race_stream: kernel affine of (2,1,1) blocks of (32,1,1) threads");
  LOGGED("without waiting for the other stream");
  const std::string log = vicmae_emulator_log();
  const auto by = [&log](const Stream& stream) {
    return log.find("the kernel 'affine' of " + stream.name + " wrote it\n") != std::string::npos;
  };
  CHECK(by(a) != by(b));
  // Both lines of source, or places in the library where the compiler cannot tell lines.
  const size_t first = log.find("\n    at "), second = log.find("\n    at ", first + 1);
  CHECK(first != std::string::npos && second != std::string::npos);
  CHECK(log.find("affine.cu:5", first) < second || log.find("+0x", first) < second);
}

// Whichever runs first: the writer of x reads it too, which must not hide that the other did.
CASE(races, a_kernel_reads_what_another_writes) {
  for (int seed = 1; seed <= 6; seed++) {
    configure("seed=" + std::to_string(seed));
    const Card card;
    const Floats x(1), y, z;
    const Stream a, b;
    OK(card.affine(a, x, 3, 4));
    OK(card.plain(b, y, x));
    ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
    LOGGED("race_stream: kernel ");
    LOGGED("the kernel 'affine' of " + a.name);
    LOGGED("the kernel 'plain' of " + b.name);
  }
}

CASE(races, two_readers_do_not_race) {
  const Card card;
  const Floats x(1), y, z;
  const Stream a, b;
  OK(card.plain(a, y, x));
  OK(card.plain(b, z, x));
  OK(cuCtxSynchronize());
  EQ(value(y), 2);
  EQ(value(z), 2);
}

CASE(races, parts_of_one_allocation_do_not_race) {
  const Card card;
  const Floats x(1);
  const Stream a, b;
  OK(card.affine(a, x, 1, 1, kCount / 2));
  OK(card.affine(b, x + kCount / 2 * sizeof(float), 1, 2, kCount / 2));
  OK(cuCtxSynchronize());
  EQ(value(x), 2);
  EQ(value(x + kCount / 2 * sizeof(float)), 3);
}

CASE(races, an_upload_races_with_a_kernel) {
  const Card card;
  const Floats x(1), y;
  const Stream a, b;
  PinnedFloats host;
  OK(cuMemcpyHtoDAsync(x, host.data, 256, a));
  OK(card.plain(b, y, x));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("race_stream: ");
  LOGGED("the copy of 256 bytes from the host's 0x");
  LOGGED("without waiting for the other stream");
}

CASE(races, a_download_races_with_a_kernel) {
  for (int seed = 1; seed <= 6; seed++) {
    configure("seed=" + std::to_string(seed));
    const Card card;
    const Floats x(1);
    const Stream a, b;
    PinnedFloats host;
    OK(card.affine(a, x, 1, 1));
    OK(cuMemcpyDtoHAsync(host.data, x, 256, b));
    ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
    LOGGED("race_stream: ");
    LOGGED("to the host's 0x");
  }
}

CASE(races, copies_and_fills_race_with_each_other) {
  const Card card;
  const Floats x(1), y(2);
  const Stream a, b;
  OK(cuMemcpyDtoDAsync(y, x, 256, a));
  OK(cuMemsetD32Async(x, 0, 1, b));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("race_stream: the ");
  LOGGED("the fill of 4 bytes at 0x");
  LOGGED("the copy of 256 bytes from 0x");
}

// The NULL stream waits for blocking streams alone.
CASE(races, a_non_blocking_stream_races_with_the_null_stream) {
  const Card card;
  const Floats y(1);
  const Stream a;
  OK(card.affine(a, y, 1, 2));
  OK(card.affine(nullptr, y, 3, 4));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("the kernel 'affine' of the NULL stream");
  LOGGED("the kernel 'affine' of " + a.name);
}

CASE(races, an_event_that_is_recorded_too_early_orders_nothing) {
  const Card card;
  const Floats y(1);
  const Stream a, b;
  const Event event;
  OK(cuEventRecord(event, a));
  OK(card.affine(a, y, 1, 2));
  OK(cuStreamWaitEvent(b, event, 0));
  OK(card.affine(b, y, 3, 4));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("race_stream");
}

CASE(races, waiting_silences_them) {
  const Card card;
  const Floats y(1);
  const Stream a, b;
  const Event event;
  OK(card.affine(a, y, 1, 2));
  OK(cuEventRecord(event, a));
  OK(cuStreamWaitEvent(b, event, 0));  // a wait of the stream
  OK(card.affine(b, y, 3, 4));
  OK(cuStreamSynchronize(b));  // a wait of the host
  OK(card.affine(a, y, 1, 1));
  OK(cuEventRecord(event, a));
  OK(cuEventSynchronize(event));  // for an event
  OK(card.affine(b, y, 1, 1));
  CUresult polled;
  while ((polled = cuStreamQuery(b)) == CUDA_ERROR_NOT_READY) {
  }
  OK(polled);  // or by asking again and again
  OK(card.affine(a, y, 1, 1));
  OK(cuCtxSynchronize());
  OK(card.affine(b, y, 1, 1));
  OK(cuCtxSynchronize());
  EQ(value(y), 17);
}

// By a third stream, too.
CASE(races, order_passes_through_streams) {
  const Card card;
  const Floats y(1);
  const Stream a, b, c;
  const Event first, second;
  OK(card.affine(a, y, 1, 2));
  OK(cuEventRecord(first, a));
  OK(cuStreamWaitEvent(b, first, 0));
  OK(cuEventRecord(second, b));
  OK(cuStreamWaitEvent(c, second, 0));
  OK(card.affine(c, y, 3, 4));
  OK(cuCtxSynchronize());
  EQ(value(y), 13);
}

// Memory of a pool is freed without a wait; its owner has to know that it is done with.
CASE(races, a_queued_launch_uses_freed_memory) {
  configure("streams=late");
  const Card card;
  const Floats x(1);
  const Stream stream;
  CUdeviceptr y;
  OK(cuMemAllocAsync(&y, kCount * sizeof(float), stream));
  OK(card.plain(stream, y, x));
  OK(cuMemFree(y));
  ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
  LOGGED("freed: kernel plain of (1,1,1) blocks");
  LOGGED("(256 bytes by cuMemAllocAsync, freed)");
}

CASE(races, a_queued_copy_uses_freed_memory) {
  configure("streams=late");
  for (int kind = 0; kind < 4; kind++) {
    const Card card;
    const Floats x(1);
    const Stream stream;
    PinnedFloats host;
    CUdeviceptr y;
    OK(cuMemAllocAsync(&y, kCount * sizeof(float), stream));
    if (kind == 0) OK(cuMemsetD32Async(y, 3, kCount, stream));
    if (kind == 1) OK(cuMemcpyHtoDAsync(y, host.data, 256, stream));
    if (kind == 2) OK(cuMemcpyDtoHAsync(host.data, y, 256, stream));
    if (kind == 3) OK(cuMemcpyDtoDAsync(y, x, 256, stream));
    OK(cuMemFree(y));
    ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
    LOGGED("freed: the ");
    LOGGED("(256 bytes by cuMemAllocAsync, freed)");
  }
}

CASE(races, a_freed_address_is_illegal_to_a_kernel) {
  const Card card;
  const Floats x(1);
  CUdeviceptr y;
  OK(cuMemAlloc(&y, kCount * sizeof(float)));
  OK(cuMemFree(y));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoD(y, x, 4));
  OK(card.plain(nullptr, y, x));
  ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
  LOGGED("freed: kernel plain");
  LOGGED("byte 0 of allocation ");
}

CASE(races, gaps_between_named_parts_are_out_of_bounds) {
  const Card card;
  CUdeviceptr p;
  const Floats x(1);
  OK(cuMemAlloc(&p, 1024));
  OK(cuMemsetD8(p, 0, 1024));
  OK(vicmae_emulator_name(p, 128, "mean"));
  OK(vicmae_emulator_name(p + 512, 256, "variance"));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, vicmae_emulator_name(p + 1000, 100, "too long"));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, vicmae_emulator_name(p, 4, nullptr));
  OK(card.plain(nullptr, p + 512, x));
  OK(card.plain(nullptr, p, x, 32));
  OK(cuCtxSynchronize());
  OK(card.plain(nullptr, p, x, 33));
  ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
  LOGGED("global_bounds: kernel plain");
  LOGGED("right behind the end of 'mean' (128 bytes)");
  cuMemFree(p);
}
