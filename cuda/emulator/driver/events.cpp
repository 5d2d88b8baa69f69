// Events: marks in streams, with the time at which they were reached.

#include <chrono>

#include "driver.h"

using namespace emulator;

namespace {

constexpr unsigned kDisableTiming = 2;
constexpr unsigned kFlags = 7;  // blocking wait, no timing, shared between processes

double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The event, or null under a switched-off check where a destroyed one is passed over in silence.
Result find_event(const Call& call, uint64_t handle, std::shared_ptr<Event>* event) {
  *event = driver().events.find(handle);
  if (*event != nullptr || (!on(Check::STREAM) && driver().events.destroyed(handle))) return SUCCESS;
  return call.bad_handle(handle, Kind::EVENT);
}

Result refuse_captured(const Call& call, const Event& event) {
  if (event.capture == nullptr) return SUCCESS;
  if (!event.capture->ended) spoil(*event.capture, kCapturedEvent);
  return call.fail(kCapturedEvent, "the event was last recorded in a stream that was captured, so it never happens by itself");
}

int record(const char* name, uint64_t event_handle, uint64_t stream_handle, unsigned flags) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Event> event;
    std::shared_ptr<Stream> stream;
    if (const Result r = find_event(call, event_handle, &event)) return r;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (event == nullptr) return SUCCESS;
    if (flags > 1) return call.fail(INVALID_VALUE, "the flags are %u; pass 0", flags);
    if (event->context != stream->context) return call.fail(INVALID_HANDLE, "the event and the stream belong to different contexts");
    if (stream->capture != nullptr) {
      if (flags != 0) {
        spoil(*stream->capture, STREAM_CAPTURE_UNSUPPORTED);
        return call.fail(STREAM_CAPTURE_UNSUPPORTED, "external event nodes are not part of the emulated driver");
      }
      if (stream->capture->invalid != SUCCESS) return call.fail(STREAM_CAPTURE_INVALIDATED, "the capture was spoilt by an earlier call");
      event->capture = stream->capture;
      event->nodes = stream->last;
      return SUCCESS;
    }
    const uint64_t serial = event->records + 1;
    const Body body = [event, serial](const Order&) {
      if (event->records == serial) event->milliseconds = now();
      return SUCCESS;
    };
    if (const Result r = refuse_on_capturing(call, *stream, "recording an event")) return r;
    event->records = serial;
    event->capture = nullptr;
    event->nodes.clear();
    // Under StreamPolicy::EARLY the body runs inside submit(), so the clock is set behind it.
    const Result result = submit(call, *stream, {"the record of an event", body, nullptr});
    event->clock = stream->queue->clock;
    return result;
  });
}

// A capturing stream joins what it waits for; a stream that waits for an event of a capture is drawn into it.
Result wait_in_capture(const Call& call, const std::shared_ptr<Stream>& stream, const Event& event) {
  Capture* const mine = stream->capture.get();
  if (event.capture == nullptr) {
    if (event.records == 0) return SUCCESS;
    spoil(*mine, kCaptureIsolation);
    return call.fail(kCaptureIsolation, "a stream that captures cannot wait for an event that was recorded outside the capture");
  }
  if (event.capture->ended) return call.fail(kCapturedEvent, "the event was last recorded in a capture that has ended; record it again");
  if (mine == nullptr) {
    if (stream->legacy) {
      spoil(*event.capture, kCaptureImplicit);
      return call.fail(kCaptureImplicit, "the NULL stream cannot be drawn into a capture; use a stream of its own");
    }
    stream->capture = event.capture;
    stream->last = event.nodes;
    event.capture->members.push_back(stream);
    return SUCCESS;
  }
  if (mine != event.capture.get()) {
    spoil(*mine, kCaptureMerge);
    spoil(*event.capture, kCaptureMerge);
    return call.fail(kCaptureMerge, "the event belongs to another capture, and two captures cannot be merged");
  }
  stream->last.insert(stream->last.end(), event.nodes.begin(), event.nodes.end());
  return SUCCESS;
}

int elapsed(const char* name, float* milliseconds, uint64_t start_handle, uint64_t end_handle) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (milliseconds == nullptr) return call.null("pMilliseconds");
    std::shared_ptr<Event> events[2];
    const uint64_t handles[2] = {start_handle, end_handle};
    for (int i = 0; i < 2; i++) {
      const char* const which = i == 0 ? "start" : "end";
      if (const Result r = find_event(call, handles[i], &events[i])) return r;
      if (events[i] == nullptr) return INVALID_HANDLE;
      if (const Result r = refuse_captured(call, *events[i])) return r;
      if ((events[i]->flags & kDisableTiming) != 0) {
        return call.fail(INVALID_HANDLE, "the %s event was created with CU_EVENT_DISABLE_TIMING", which);
      }
      if (events[i]->records == 0) return call.fail(INVALID_HANDLE, "the %s event was never recorded", which);
    }
    Scheduler& scheduler = driver().scheduler;
    if (!scheduler.done(events[0]->clock) || !scheduler.done(events[1]->clock)) return NOT_READY;
    *milliseconds = static_cast<float>(events[1]->milliseconds - events[0]->milliseconds);
    return SUCCESS;
  });
}

}  // namespace

EXPORT int cuEventCreate(uint64_t* handle, unsigned flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (handle == nullptr) return call.null("phEvent");
    if (flags > kFlags) return call.fail(INVALID_VALUE, "the flags are %u, of which only 1, 2 and 4 are known", flags);
    const auto event = std::make_shared<Event>();
    event->context = call.context;
    event->flags = flags;
    event->created_by = call.name;
    *handle = driver().events.add(event);
    return SUCCESS;
  });
}

// Returns at once; a record that is still queued runs.
EXPORT int cuEventDestroy_v2(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    std::shared_ptr<Event> event;
    if (const Result r = find_event(call, handle, &event)) return r;
    driver().events.erase(handle);
    return SUCCESS;
  });
}
ALIAS(cuEventDestroy, cuEventDestroy_v2);

EXPORT int cuEventRecord(uint64_t event, uint64_t stream) { return record(__func__, event, stream, 0); }
EXPORT int cuEventRecordWithFlags(uint64_t event, uint64_t stream, unsigned flags) { return record(__func__, event, stream, flags); }

EXPORT int cuStreamWaitEvent(uint64_t stream_handle, uint64_t event_handle, unsigned flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    std::shared_ptr<Event> event;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (const Result r = find_event(call, event_handle, &event)) return r;
    if (flags > 1) return call.fail(INVALID_VALUE, "the flags are %u; pass 0", flags);
    if (event == nullptr) return SUCCESS;
    if (stream->capture != nullptr && stream->capture->invalid != SUCCESS) {
      return call.fail(STREAM_CAPTURE_INVALIDATED, "the capture was spoilt by an earlier call");
    }
    if (stream->capture != nullptr || event->capture != nullptr) return wait_in_capture(call, stream, *event);
    if (const Result r = refuse_on_capturing(call, *stream, "waiting for an event")) return r;
    Clock seen = before(*stream);
    merge(seen, event->clock);
    driver().scheduler.submit(stream->queue, std::move(seen), [](const Order&) { return SUCCESS; }, nullptr, {});
    return SUCCESS;
  });
}

EXPORT int cuEventSynchronize(uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Event> event;
    if (const Result r = find_event(call, handle, &event)) return r;
    if (event == nullptr) return SUCCESS;
    if (const Result r = refuse_captured(call, *event)) return r;
    driver().scheduler.wait(event->clock);
    return call.context->broken;
  });
}

EXPORT int cuEventQuery(uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Event> event;
    if (const Result r = find_event(call, handle, &event)) return r;
    if (event == nullptr) return SUCCESS;
    if (const Result r = refuse_captured(call, *event)) return r;
    Scheduler& scheduler = driver().scheduler;
    if (scheduler.done(event->clock)) {
      scheduler.note_host(event->clock);
      return SUCCESS;
    }
    scheduler.step(event->clock);
    return call.context->broken != SUCCESS ? call.context->broken : NOT_READY;
  });
}

EXPORT int cuEventElapsedTime(float* milliseconds, uint64_t start, uint64_t end) { return elapsed(__func__, milliseconds, start, end); }
EXPORT int cuEventElapsedTime_v2(float* milliseconds, uint64_t start, uint64_t end) { return elapsed(__func__, milliseconds, start, end); }
