// Streams and events: order, lateness, waiting, handles that are gone, host functions.
#include <atomic>
#include <set>

#include "driver_test.h"

using namespace driver_test;

CASE(streams, properties_are_kept) {
  const Card card;
  CUstream stream;
  CUcontext context;
  int priority = 0;
  unsigned flags = 0;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(&stream, 8));
  OK(cuStreamCreateWithPriority(&stream, CU_STREAM_NON_BLOCKING, -9));
  OK(cuStreamGetPriority(stream, &priority));
  EQ(priority, -5);
  OK(cuStreamGetFlags(stream, &flags));
  EQ(flags, CU_STREAM_NON_BLOCKING);
  OK((cuStreamGetCtx)(stream, &context));
  CHECK(context == card.context);
  OK(cuStreamDestroy(stream));
}

// y = (1 + 2) 3 + 4 and nothing else.
CASE(streams, a_stream_keeps_its_order) {
  const Card card;
  const Floats y(1);
  const Stream stream;
  OK(card.affine(stream, y, 1, 2));
  OK(card.affine(stream, y, 3, 4));
  OK(cuStreamSynchronize(stream));
  EQ(value(y), 13);
}

CASE(streams, work_runs_as_late_as_it_may) {
  configure("off=race_stream");
  const Card card;
  const Floats y(1), z(1);
  const Stream a, b;
  OK(card.affine(a, y, 1, 1));
  OK(card.affine(b, z, 1, 1));
  if (late()) EQ(peek(y), 1);
  if (early()) EQ(peek(y), 2);
  OK(cuStreamSynchronize(b));
  if (late()) EQ(peek(y), 1);  // nobody waited for this one
  EQ(peek(z), 2);
  OK(cuStreamSynchronize(a));
  EQ(peek(y), 2);
}

// Without an event either order may be seen, and the same seed gives the same one.
CASE(streams, independent_streams_run_in_both_orders) {
  configure("off=race_stream");
  std::set<float> seen;
  for (int seed = 1; seed <= 12; seed++) {
    float last = 0;
    for (int again = 0; again < 2; again++) {
      configure("streams=late,seed=" + std::to_string(seed));
      const Card card;
      const Floats y(1);
      const Stream a, b;
      OK(card.affine(a, y, 1, 2));
      OK(card.affine(b, y, 3, 4));
      OK(cuCtxSynchronize());
      const float now = value(y);
      CHECK(now == 13 || now == 9);
      if (again > 0) EQ(now, last);
      last = now;
      seen.insert(now);
    }
  }
  EQ(seen.size(), 2u);
}

CASE(streams, an_event_orders_two_streams) {
  const Card card;
  for (int i = 0; i < 8; i++) {
    const Floats y(1);
    const Stream a, b;
    const Event event(CU_EVENT_DISABLE_TIMING);
    OK(card.affine(a, y, 1, 2));
    OK(cuEventRecord(event, a));
    OK(cuStreamWaitEvent(b, event, 0));
    OK(card.affine(b, y, 3, 4));
    OK(cuStreamSynchronize(b));
    EQ(value(y), 13);
    OK(cuStreamQuery(a));
    OK(cuEventQuery(event));
  }
}

// A wait is for the record that was the last one when it was asked for.
CASE(streams, a_wait_is_for_the_last_record_before_it) {
  configure("off=race_stream");
  const Card card;
  const Floats y(1);
  const Stream a, b;
  const Event event;
  OK(cuEventRecord(event, a));
  OK(card.affine(a, y, 1, 1));
  OK(cuStreamWaitEvent(b, event, 0));
  OK(cuStreamSynchronize(b));
  if (late()) EQ(peek(y), 1);
  OK(cuEventSynchronize(event));
  if (late()) EQ(peek(y), 1);
  OK(cuEventRecord(event, a));
  OK(cuEventSynchronize(event));
  EQ(peek(y), 2);
}

CASE(streams, blocking_streams_and_the_null_stream_wait_for_each_other) {
  const Card card;
  for (int i = 0; i < 8; i++) {
    const Floats y(1);
    const Stream a(CU_STREAM_DEFAULT), b(CU_STREAM_DEFAULT);
    OK(card.affine(a, y, 1, 2));
    OK(card.affine(nullptr, y, 3, 4));
    OK(card.affine(b, y, 2, 1));
    OK(card.affine(CU_STREAM_LEGACY, y, 1, 5));
    OK(card.affine(CU_STREAM_PER_THREAD, y, 2, 0));
    EQ(value(y), 64);
  }
}

CASE(streams, polling_comes_to_an_end) {
  const Card card;
  const Floats y(1);
  const Stream stream;
  const Event event;
  for (int i = 0; i < 3; i++) OK(card.affine(stream, y, 1, 1));
  OK(cuEventRecord(event, stream));
  const auto polls = [](auto query) {
    int count = 0;
    CUresult result;
    while ((result = query()) == CUDA_ERROR_NOT_READY && count < 100) count++;
    OK(result);
    return count;
  };
  const int first = polls([&] { return cuStreamQuery(stream); });
  if (late()) EQ(first, 4);
  if (early()) EQ(first, 0);
  EQ(polls([&] { return cuEventQuery(event); }), 0);
  EQ(value(y), 4);
}

CASE(streams, events_have_times) {
  const Card card;
  const Floats y(1);
  const Stream stream;
  const Event start, end(CU_EVENT_BLOCKING_SYNC), untimed(CU_EVENT_DISABLE_TIMING);
  CUevent wrong;
  float milliseconds = -1;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&wrong, 16));
  OK(cuEventQuery(start));
  OK(cuEventSynchronize(start));
  OK(cuStreamWaitEvent(stream, start, 0));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&milliseconds, start, end));
  LOGGED("the start event was never recorded");
  OK(cuEventRecord(start, stream));
  OK(card.affine(stream, y, 1, 1));
  OK(cuEventRecord(end, stream));
  if (late()) ANSWERS(CUDA_ERROR_NOT_READY, cuEventElapsedTime(&milliseconds, start, end));
  OK(cuEventSynchronize(end));
  OK(cuEventElapsedTime(&milliseconds, start, end));
  CHECK(milliseconds >= 0);
  OK(cuEventRecord(untimed, stream));
  OK(cuStreamSynchronize(stream));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&milliseconds, start, untimed));
  LOGGED("CU_EVENT_DISABLE_TIMING");
}

CASE(streams, what_a_destroyed_stream_holds_still_runs) {
  const Card card;
  const Floats y(1);
  CUstream stream;
  OK(cuStreamCreate(&stream, 0));
  OK(card.affine(stream, y, 1, 99));
  OK(cuStreamDestroy(stream));
  EQ(value(y), 100);
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, card.affine(stream, y, 1, 1));
  LOGGED("cuLaunchKernel: expected a stream, was given a stream that was destroyed");
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy(stream));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy(nullptr));
  configure("off=stream");
  vicmae_emulator_clear_log();
  OK(card.affine(stream, y, 1, 1));
  OK(cuStreamSynchronize(stream));
  OK(cuStreamDestroy(stream));
  EQ(value(y), 101);
  NOT_LOGGED("stream");
}

CASE(streams, a_destroyed_event_is_known) {
  const Card card;
  const Stream stream;
  CUevent event;
  OK(cuEventCreate(&event, 0));
  OK(cuEventRecord(event, stream));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(reinterpret_cast<CUstream>(event)));
  LOGGED("expected a stream, was given an event");
  OK(cuEventDestroy(event));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(event, stream));
  LOGGED("expected an event, was given an event that was destroyed");
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuStreamWaitEvent(stream, event, 0));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuEventQuery(event));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuEventDestroy(event));
}

namespace {

struct Seen {
  int calls = 0;
  CUresult inner = CUDA_SUCCESS, status = CUDA_SUCCESS;
};

void count_call(void* data) {
  Seen* const seen = static_cast<Seen*>(data);
  seen->calls++;
  CUdeviceptr p;
  seen->inner = cuMemAlloc(&p, 4);
}

void note_status(CUstream, CUresult status, void* data) {
  static_cast<Seen*>(data)->calls++;
  static_cast<Seen*>(data)->status = status;
}

}  // namespace

CASE(streams, a_host_function_runs_in_its_place) {
  const Card card;
  const Stream stream;
  const Floats y(1);
  Seen seen, told;
  OK(card.affine(stream, y, 1, 1));
  OK(cuLaunchHostFunc(stream, count_call, &seen));
  if (late()) EQ(seen.calls, 0);
  OK(cuStreamSynchronize(stream));
  EQ(seen.calls, 1);
  EQ(seen.inner, CUDA_ERROR_NOT_PERMITTED);
  LOGGED("a host function of a stream must not call the driver");
  OK(cuStreamAddCallback(stream, note_status, &told, 0));
  OK(cuStreamSynchronize(stream));
  EQ(told.calls, 1);
  EQ(told.status, CUDA_SUCCESS);
}

// As documented: behind an error a host function does not run, but a callback is told.
CASE(streams, a_callback_is_told_of_a_failure) {
  configure("fail_launch=1");
  const Card card;
  const Stream stream;
  const Floats y(1);
  Seen seen, told;
  configure("streams=late");  // so that both are queued when the launch fails
  OK(card.affine(stream, y, 1, 1));
  OK(cuLaunchHostFunc(stream, count_call, &seen));
  OK(cuStreamAddCallback(stream, note_status, &told, 0));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(stream));
  EQ(seen.calls, 0);
  EQ(told.calls, 1);
  EQ(told.status, CUDA_ERROR_LAUNCH_FAILED);
}

// A program that never waits does not fill the memory.
CASE(streams, a_full_queue_runs) {
  configure("off=race_stream");
  const Card card;
  const Floats y(0);
  const Stream stream;
  for (int i = 0; i < 5000; i++) OK(cuMemsetD32Async(y, i < 800 ? 1 : 2, 1, stream));
  const float now = peek(y);
  unsigned bits;
  __builtin_memcpy(&bits, &now, sizeof bits);
  EQ(bits, 2u);
}

CASE(streams, stream_numbers_are_used_again) {
  const Card card;
  const Floats y(0);
  const Event event;
  for (int i = 0; i < 200; i++) {
    CUstream stream;
    OK(cuStreamCreate(&stream, 0));
    OK(cuStreamWaitEvent(stream, event, 0));
    OK(card.affine(stream, y, 1, 1, 1));
    OK(cuEventRecord(event, stream));
    if (i % 3 != 0) OK(cuStreamSynchronize(stream));
    OK(cuStreamDestroy(stream));
  }
  EQ(value(y), 200);
}
