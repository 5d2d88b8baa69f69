// Stream capture: what is given to a capturing stream is noted as a node of a graph instead of being run.

#include <algorithm>

#include "driver.h"

using namespace emulator;

namespace {

constexpr int kNotCapturing = 0, kCapturing = 1, kSpoilt = 2;

// What this thread may do while others capture (cuThreadExchangeStreamCaptureMode).
int& thread_mode() {
  static thread_local int mode = kCaptureGlobal;
  return mode;
}

void end(Capture& capture) {
  capture.ended = true;
  for (const auto& member : capture.members) {
    member->capture = nullptr;
    member->last.clear();
  }
  std::vector<std::shared_ptr<Capture>>& all = driver().captures;
  all.erase(std::remove_if(all.begin(), all.end(), [](const auto& each) { return each->ended; }), all.end());
}

// Whether every node lies before the end of the capture's first stream.
bool joined(const Capture& capture) {
  std::vector<bool> before(capture.graph->nodes.size(), false);
  for (int node : capture.origin->last) before[node] = true;
  for (int i = static_cast<int>(before.size()) - 1; i >= 0; i--) {
    if (!before[i]) return false;
    for (int node : capture.graph->nodes[i].after) before[node] = true;
  }
  return true;
}

int begin_capture(const char* name, uint64_t handle, int mode) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    if (mode < kCaptureGlobal || mode > kCaptureRelaxed) return call.fail(INVALID_VALUE, "there is no capture mode %d", mode);
    if (stream->legacy) return call.fail(STREAM_CAPTURE_UNSUPPORTED, "the NULL stream cannot be captured; create a stream");
    if (stream->capture != nullptr) return call.fail(kIllegalState, "%s captures already", stream->name.c_str());
    static uint64_t serial = 0;
    const auto capture = std::make_shared<Capture>();
    capture->id = ++serial;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->context = call.context;
    capture->origin = stream;
    capture->members.push_back(stream);
    capture->graph = std::make_shared<Graph>();
    capture->graph->context = call.context;
    stream->capture = capture;
    stream->last.clear();
    driver().captures.push_back(capture);
    return SUCCESS;
  });
}

int info(const char* name, uint64_t handle, int* status, uint64_t* id, uint64_t* graph, const void** nodes, size_t* count) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (status == nullptr) return call.null("captureStatus_out");
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    const Capture* const capture = stream->capture.get();
    *status = capture == nullptr ? kNotCapturing : capture->invalid != SUCCESS ? kSpoilt : kCapturing;
    // The graph in the making is not handed out: nodes can only be added by capturing.
    if (id != nullptr) *id = capture == nullptr ? 0 : capture->id;
    if (graph != nullptr) *graph = 0;
    if (nodes != nullptr) *nodes = nullptr;
    if (count != nullptr) *count = 0;
    return SUCCESS;
  });
}

}  // namespace

namespace emulator {

void spoil(Capture& capture, Result reason) {
  if (capture.invalid == SUCCESS) capture.invalid = reason;
}

void leave_capture(const Stream& stream) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture == nullptr) return;
  spoil(*capture, STREAM_CAPTURE_INVALIDATED);
  if (capture->origin.get() == &stream) end(*capture);
}

void end_captures(Context* context) {
  const std::vector<std::shared_ptr<Capture>> all = driver().captures;
  for (const auto& capture : all) {
    if (capture->context == context) end(*capture);
  }
}

Result refuse_while_capturing(const Call& call) {
  if (thread_mode() == kCaptureRelaxed) return SUCCESS;
  Result result = SUCCESS;
  for (const auto& capture : driver().captures) {
    const bool here = capture->mode != kCaptureRelaxed && capture->thread == std::this_thread::get_id();
    if (!here && (capture->mode != kCaptureGlobal || thread_mode() != kCaptureGlobal)) continue;
    spoil(*capture, STREAM_CAPTURE_UNSUPPORTED);
    result = call.fail(STREAM_CAPTURE_UNSUPPORTED, "%s is being captured; call this before the capture or after it",
                       capture->origin->name.c_str());
  }
  return result;
}

Result refuse_on_capturing(const Call& call, const Stream& stream, const char* what) {
  if (stream.capture != nullptr) {
    spoil(*stream.capture, STREAM_CAPTURE_UNSUPPORTED);
    return call.fail(STREAM_CAPTURE_UNSUPPORTED, "%s is being captured, which %s cannot be part of", stream.name.c_str(), what);
  }
  if (!stream.legacy) return SUCCESS;
  for (const auto& capture : driver().captures) {
    if (capture->context != stream.context) continue;
    for (const auto& member : capture->members) {
      if ((member->flags & kNonBlocking) != 0) continue;
      spoil(*capture, kCaptureImplicit);
      return call.fail(kCaptureImplicit,
                       "the NULL stream waits for %s, which is being captured; create that one with CU_STREAM_NON_BLOCKING",
                       member->name.c_str());
    }
  }
  return SUCCESS;
}

Result add_node(const Call& call, Stream& stream, Submission submission) {
  Capture& capture = *stream.capture;
  if (capture.invalid != SUCCESS) {
    return call.fail(STREAM_CAPTURE_INVALIDATED, "the capture of %s was spoilt by an earlier call", capture.origin->name.c_str());
  }
  int lane = 0;
  while (capture.members[lane].get() != &stream) lane++;
  std::vector<Node>& nodes = capture.graph->nodes;
  nodes.push_back({std::move(submission.what), std::move(submission.body), stream.last, lane, submission.launch});
  stream.last = {static_cast<int>(nodes.size()) - 1};
  return SUCCESS;
}

}  // namespace emulator

EXPORT int cuStreamBeginCapture_v2(uint64_t stream, int mode) { return begin_capture(__func__, stream, mode); }
EXPORT int cuStreamBeginCapture(uint64_t stream) { return begin_capture(__func__, stream, kCaptureGlobal); }

EXPORT int cuStreamEndCapture(uint64_t handle, uint64_t* graph) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (graph == nullptr) return call.null("phGraph");
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (capture == nullptr) return call.fail(kIllegalState, "%s is not being captured", stream->name.c_str());
    if (capture->mode != kCaptureRelaxed && capture->thread != std::this_thread::get_id()) {
      return call.fail(STREAM_CAPTURE_WRONG_THREAD, "the capture was begun by another thread, which has to end it");
    }
    *graph = 0;
    if (capture->origin != stream) {
      spoil(*capture, kCaptureUnmatched);
      return call.fail(kCaptureUnmatched, "the capture was begun on %s and has to end there", capture->origin->name.c_str());
    }
    const bool complete = capture->invalid == SUCCESS && joined(*capture);
    end(*capture);
    if (capture->invalid != SUCCESS) {
      const char* const name = error_name(capture->invalid);
      return call.fail(STREAM_CAPTURE_INVALIDATED, "the capture was spoilt by an earlier call, which was answered %s",
                       name == nullptr ? "with an error" : name);
    }
    if (!complete) {
      return call.fail(kCaptureUnjoined, "a stream of the capture was not joined back: record an event there and let %s wait for it",
                       stream->name.c_str());
    }
    capture->graph->lanes = static_cast<int>(capture->members.size());
    *graph = driver().graphs.add(capture->graph);
    return SUCCESS;
  });
}

EXPORT int cuStreamIsCapturing(uint64_t stream, int* status) { return info(__func__, stream, status, nullptr, nullptr, nullptr, nullptr); }

EXPORT int cuStreamGetCaptureInfo(uint64_t stream, int* status, uint64_t* id) {
  return info(__func__, stream, status, id, nullptr, nullptr, nullptr);
}

EXPORT int cuStreamGetCaptureInfo_v2(uint64_t stream, int* status, uint64_t* id, uint64_t* graph, const void** nodes, size_t* count) {
  return info(__func__, stream, status, id, graph, nodes, count);
}

EXPORT int cuStreamGetCaptureInfo_v3(uint64_t stream, int* status, uint64_t* id, uint64_t* graph, const void** nodes, const void** edges,
                                     size_t* count) {
  if (edges != nullptr) *edges = nullptr;
  return info(__func__, stream, status, id, graph, nodes, count);
}

EXPORT int cuThreadExchangeStreamCaptureMode(int* mode) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (mode == nullptr) return call.null("mode");
    if (*mode < kCaptureGlobal || *mode > kCaptureRelaxed) return call.fail(INVALID_VALUE, "there is no capture mode %d", *mode);
    std::swap(*mode, thread_mode());
    return SUCCESS;
  });
}
