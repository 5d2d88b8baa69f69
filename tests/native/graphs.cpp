// Stream capture and graphs.
#include <set>
#include <thread>

#include "driver_test.h"

using namespace driver_test;

namespace {

// An executable graph of what `fill` gives to a stream.
template <class Fill>
CUgraphExec capture(CUstream stream, Fill fill) {
  CUgraph graph = nullptr;
  CUgraphExec result = nullptr;
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  fill();
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuGraphInstantiate(&result, graph, 0));
  OK(cuGraphDestroy(graph));
  return result;
}

// Two branches behind one node, joined or not ordered at all by what they touch.
struct Fork {
  Stream a, b;
  Event forked, joined;

  template <class Left, class Right>
  void operator()(Left left, Right right) const {
    OK(cuEventRecord(forked, a));
    OK(cuStreamWaitEvent(b, forked, 0));
    left();
    right();
    OK(cuEventRecord(joined, b));
    OK(cuStreamWaitEvent(a, joined, 0));
  }
};

CUstreamCaptureStatus status_of(CUstream stream) {
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  OK(cuStreamIsCapturing(stream, &status));
  return status;
}

}  // namespace

CASE(graphs, a_captured_graph_runs_when_it_is_launched) {
  const Card card;
  const Fork fork;
  const Floats y, z;
  PinnedFloats host;
  host[0] = 7;
  const int before = vicmae_emulator_launches();
  const CUgraphExec exec = capture(fork.a, [&] {
    OK(cuMemcpyHtoDAsync(y, host.data, 4, fork.a));
    fork([&] { OK(card.affine(fork.a, y, 2, 1, 1)); },
         [&] {
           OK(cuMemsetD32Async(z, 0x40400000, 1, fork.b));  // 3
           OK(card.affine(fork.b, z, 5, 0, 1));
         });
    OK(cuMemcpyDtoHAsync(host.data + 1, y, 4, fork.a));
    OK(cuMemcpyDtoHAsync(host.data + 2, z, 4, fork.a));
    EQ(status_of(fork.a), CU_STREAM_CAPTURE_STATUS_ACTIVE);
    EQ(status_of(fork.b), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  });
  EQ(status_of(fork.b), CU_STREAM_CAPTURE_STATUS_NONE);
  EQ(vicmae_emulator_launches(), before);
  EQ(value(z), 0);
  host[0] = 10;
  for (int i = 0; i < 5; i++) {
    OK(cuGraphLaunch(exec, fork.a));
    OK(cuStreamSynchronize(fork.a));
    EQ(host[1], 21);
    EQ(host[2], 15);
  }
  EQ(vicmae_emulator_launches(), before + 10);
  OK(cuGraphExecDestroy(exec));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuGraphLaunch(exec, fork.a));
  LOGGED("an executable graph that was destroyed");
}

CASE(graphs, nodes_are_counted) {
  const Card card;
  const Stream stream;
  const Floats y;
  CUgraph graph;
  CUgraphNode nodes[10] = {};
  size_t count = 0;
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  for (int i = 0; i < 3; i++) OK(card.affine(stream, y, 1, 1));
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuGraphGetNodes(graph, nullptr, &count));
  EQ(count, 3u);
  count = 10;
  OK(cuGraphGetNodes(graph, nodes, &count));
  EQ(count, 3u);
  EQ(std::set<CUgraphNode>(nodes, nodes + 3).size(), 3u);
  OK(cuGraphDestroy(graph));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuGraphDestroy(graph));
}

// Launches of one graph come one after the other, whatever their streams, and what follows in a stream comes after its graph.
CASE(graphs, launches_of_a_graph_are_in_order) {
  const Card card;
  const Stream a, b;
  const Floats y(1);
  const CUgraphExec exec = capture(a, [&] { OK(card.affine(a, y, 2, 1)); });
  OK(cuGraphLaunch(exec, a));
  OK(cuGraphLaunch(exec, b));
  OK(card.affine(b, y, 1, 100));
  OK(cuGraphExecDestroy(exec));  // what was launched still runs
  OK(cuStreamSynchronize(b));
  EQ(value(y), 107);
}

CASE(graphs, branches_run_in_both_orders) {
  configure("off=race_stream");
  const Card card;
  const Fork fork;
  std::set<float> seen;
  const Floats y(1);
  const CUgraphExec exec =
      capture(fork.a, [&] { fork([&] { OK(card.affine(fork.a, y, 1, 2)); }, [&] { OK(card.affine(fork.b, y, 3, 4)); }); });
  for (int i = 0; i < 20; i++) {
    OK(cuMemsetD32Async(y, 0x3f800000, kCount, fork.a));  // 1
    OK(cuGraphLaunch(exec, fork.a));
    OK(cuStreamSynchronize(fork.a));
    seen.insert(value(y));
  }
  CHECK(seen == (std::set<float>{9, 13}));
  OK(cuGraphExecDestroy(exec));
}

CASE(graphs, branches_race) {
  const Card card;
  const Fork fork;
  const Floats y(1);
  const CUgraphExec exec =
      capture(fork.a, [&] { fork([&] { OK(card.affine(fork.a, y, 1, 2)); }, [&] { OK(card.affine(fork.b, y, 3, 4)); }); });
  OK(cuGraphLaunch(exec, fork.a));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(fork.a));
  LOGGED("race_stream: kernel affine");
  cuGraphExecDestroy(exec);
}

CASE(graphs, a_graph_races_with_another_stream) {
  const Card card;
  const Stream a, b;
  const Floats y(1);
  const CUgraphExec exec = capture(a, [&] { OK(card.affine(a, y, 2, 1)); });
  OK(cuGraphLaunch(exec, a));
  OK(card.affine(b, y, 1, 1));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("race_stream: kernel affine");
  cuGraphExecDestroy(exec);
}

CASE(graphs, calls_that_no_capture_may_contain_spoil_it) {
  const Card card;
  const Stream a, b;
  const Event event, outside;
  const Floats y;
  CUgraph graph;
  CUdeviceptr p;
  float own = 0;
  const auto spoilt = [&](CUresult answer, auto call) {
    OK(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
    ANSWERS(answer, call());
    EQ(status_of(a), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, card.affine(a, y, 1, 1));
    ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(a, &graph));
    EQ(status_of(a), CU_STREAM_CAPTURE_STATUS_NONE);
  };
  const CUresult unsupported = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  spoilt(unsupported, [&] { return cuMemAlloc(&p, 4); });
  spoilt(unsupported, [&] { return cuMemAllocAsync(&p, 4, a); });
  spoilt(unsupported, [&] { return cuMemFree(y); });
  spoilt(unsupported, [&] { return cuStreamSynchronize(a); });
  spoilt(unsupported, [&] { return cuStreamQuery(a); });
  spoilt(unsupported, [&] { return cuCtxSynchronize(); });
  spoilt(unsupported, [&] { return cuMemcpyHtoDAsync(y, &own, 4, a); });
  spoilt(CUDA_ERROR_CAPTURED_EVENT, [&] {
    OK(cuEventRecord(event, a));
    return cuEventSynchronize(event);
  });
  spoilt(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, [&] {
    OK(cuEventRecord(outside, b));
    return cuStreamWaitEvent(a, outside, 0);
  });
  OK(cuCtxSynchronize());
}

CASE(graphs, captures_begin_and_end_as_they_should) {
  const Card card;
  const Stream a, b, blocking(CU_STREAM_DEFAULT);
  const Event event;
  const Floats y;
  CUgraph graph;
  ANSWERS(CUDA_ERROR_ILLEGAL_STATE, cuStreamEndCapture(a, &graph));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamBeginCapture(nullptr, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
  ANSWERS(CUDA_ERROR_ILLEGAL_STATE, cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuEventRecord(event, a));
  OK(cuStreamWaitEvent(b, event, 0));
  OK(card.affine(b, y, 1, 1));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cuStreamEndCapture(b, &graph));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(a, &graph));
  OK(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuEventRecord(event, a));
  OK(cuStreamWaitEvent(b, event, 0));
  OK(card.affine(b, y, 1, 1));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cuStreamEndCapture(a, &graph));
  OK(card.affine(b, y, 1, 1));
  OK(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuStreamBeginCapture(b, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuEventRecord(event, a));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_MERGE, cuStreamWaitEvent(b, event, 0));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(a, &graph));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(b, &graph));
  OK(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_RELAXED));
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, card.affine(nullptr, y, 1, 1));
  LOGGED("create that one with CU_STREAM_NON_BLOCKING");
  ANSWERS(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(blocking, &graph));
  CUstream gone;
  OK(cuStreamCreate(&gone, CU_STREAM_NON_BLOCKING));
  OK(cuStreamBeginCapture(gone, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuStreamDestroy(gone));
  OK(cuCtxSynchronize());
}

CASE(graphs, modes_say_what_threads_may_do_meanwhile) {
  const Card card;
  const Stream stream;
  CUgraph graph;
  const auto allocate = [] {
    CUdeviceptr p;
    const CUresult result = cuMemAlloc(&p, 4);
    if (result == CUDA_SUCCESS) OK(cuMemFree(p));
    return result;
  };
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(allocate());
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuGraphDestroy(graph));
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  std::thread([&] {
    OK(cuCtxSetCurrent(card.context));
    OK(allocate());
    ANSWERS(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, cuStreamEndCapture(stream, &graph));
  }).join();
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuGraphDestroy(graph));
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  OK(cuThreadExchangeStreamCaptureMode(&mode));
  OK(allocate());
  OK(cuThreadExchangeStreamCaptureMode(&mode));
  EQ(mode, CU_STREAM_CAPTURE_MODE_RELAXED);
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuGraphDestroy(graph));
}

CASE(graphs, host_functions_are_nodes) {
  const Card card;
  const Stream stream;
  int calls = 0;
  const CUgraphExec exec = capture(stream, [&] {
    OK(cuLaunchHostFunc(
        stream, [](void* count) { ++*static_cast<int*>(count); }, &calls));
  });
  EQ(calls, 0);
  OK(cuGraphLaunch(exec, stream));
  OK(cuGraphLaunch(exec, stream));
  OK(cuStreamSynchronize(stream));
  EQ(calls, 2);
  OK(cuGraphExecDestroy(exec));
}

CASE(graphs, a_fault_strikes_inside_a_graph) {
  configure("off=race_stream");
  const Card card;
  const Stream stream;
  const Floats y(1);
  PinnedFloats host;
  host[0] = 0;
  const CUgraphExec exec = capture(stream, [&] {
    OK(card.affine(stream, y, 1, 1));
    OK(cuMemcpyDtoHAsync(host.data, y, 4, stream));
    OK(card.affine(stream, y, 1, 1));
  });
  configure("fail_launch=4");
  OK(cuGraphLaunch(exec, stream));
  const CUresult second = cuGraphLaunch(exec, stream);
  CHECK(second == CUDA_SUCCESS);
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(stream));
  EQ(host[0], 4);
  LOGGED("failed, as the option fail_launch asked for");
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuGraphExecDestroy(exec));
}
