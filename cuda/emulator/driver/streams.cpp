// Streams: creation, order, waiting, and host functions.

#include "driver.h"

using namespace emulator;

namespace {

void open_stream(Stream* stream, Context* context, unsigned flags) {
  Driver& d = driver();
  stream->context = context;
  stream->flags = flags;
  stream->serial = ++d.stream_serial;
  stream->name = text("stream %llu", static_cast<unsigned long long>(stream->serial));
  stream->queue = d.scheduler.open(context, (flags & kNonBlocking) == 0);
}

const std::shared_ptr<Stream>& legacy_stream(Context* context) {
  if (context->legacy == nullptr) {
    context->legacy = std::make_shared<Stream>();
    open_stream(context->legacy.get(), context, 0);
    context->legacy->legacy = true;
    context->legacy->name = "the NULL stream";
    context->legacy->queue->blocking = false;  // it waits for the others by itself: before()
  }
  return context->legacy;
}

const std::shared_ptr<Stream>& thread_stream(Context* context) {
  std::shared_ptr<Stream>& stream = context->per_thread[std::this_thread::get_id()];
  if (stream == nullptr) {
    stream = std::make_shared<Stream>();
    open_stream(stream.get(), context, 0);
    stream->name = "a thread's default stream";
  }
  return stream;
}

int create(uint64_t* handle, unsigned flags, int priority, const char* name) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (handle == nullptr) return call.null("phStream");
    if (flags > kNonBlocking) return call.fail(INVALID_VALUE, "the flags are %u; pass CU_STREAM_DEFAULT or CU_STREAM_NON_BLOCKING", flags);
    const auto stream = std::make_shared<Stream>();
    open_stream(stream.get(), call.context, flags);
    stream->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;
    stream->created_by = name;
    *handle = driver().streams.add(stream);
    return SUCCESS;
  });
}

// Runs `work(call, stream)` for calls that ask for a stream's property.
template <class Work>
int ask(const char* name, uint64_t handle, const void* out, Work work) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (out == nullptr) return call.null("for the answer");
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    work(*stream);
    return SUCCESS;
  });
}

class InHostFunction {
 public:
  InHostFunction() { in_host_function() = true; }
  ~InHostFunction() { in_host_function() = false; }
};

}  // namespace

namespace emulator {

Result find_stream(const Call& call, uint64_t handle, std::shared_ptr<Stream>* stream) {
  if (handle == 0 || handle == kLegacyStream) {
    *stream = legacy_stream(call.context);
    return SUCCESS;
  }
  if (handle == kPerThreadStream) {
    *stream = thread_stream(call.context);
    return SUCCESS;
  }
  *stream = driver().streams.find(handle);
  if (*stream != nullptr) return SUCCESS;
  if (!on(Check::STREAM) && driver().streams.destroyed(handle)) {
    *stream = legacy_stream(call.context);
    return SUCCESS;
  }
  return call.bad_handle(handle, Kind::STREAM);
}

// The legacy NULL stream waits for all blocking streams of its context, and each of them for it.
Clock before(const Stream& stream) {
  Scheduler& scheduler = driver().scheduler;
  Clock clock = scheduler.before(*stream.queue);
  if (stream.legacy) {
    merge(clock, scheduler.blocking(*stream.context));
  } else if ((stream.flags & kNonBlocking) == 0 && stream.context->legacy != nullptr) {
    merge(clock, stream.context->legacy->queue->clock);
  }
  return clock;
}

Result submit(const Call& call, Stream& stream, Submission submission) {
  if (stream.capture != nullptr) return add_node(call, stream, std::move(submission));
  if (const Result r = refuse_on_capturing(call, stream, "an operation")) return r;
  driver().scheduler.submit(stream.queue, before(stream), std::move(submission.body), std::move(submission.dropped), {});
  return SUCCESS;
}

Result wait_for(const Call& call, const Stream& stream) {
  driver().scheduler.wait(stream.legacy ? before(stream) : stream.queue->clock);
  return call.context->broken != SUCCESS ? call.context->broken : stream.context->broken;
}

Body touching(std::string what, std::function<Result()> work) {
  return [what = std::move(what), work = std::move(work)](const Order& order) {
    begin_operation(order, what);
    const Result result = work();
    end_operation();
    return result;
  };
}

}  // namespace emulator

// ---- creation and end -----------------------------------------------------------------------------------------------------------------
EXPORT int cuStreamCreate(uint64_t* stream, unsigned flags) { return create(stream, flags, 0, __func__); }
EXPORT int cuStreamCreateWithPriority(uint64_t* stream, unsigned flags, int priority) { return create(stream, flags, priority, __func__); }

// Returns at once; what the stream holds still runs.
EXPORT int cuStreamDestroy_v2(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    const std::shared_ptr<Stream> stream = driver().streams.find(handle);
    if (stream == nullptr) {
      if (!on(Check::STREAM) && driver().streams.destroyed(handle)) return SUCCESS;
      return call.bad_handle(handle, Kind::STREAM);
    }
    leave_capture(*stream);
    driver().scheduler.retire(stream->queue);
    driver().streams.erase(handle);
    return SUCCESS;
  });
}
ALIAS(cuStreamDestroy, cuStreamDestroy_v2);

// ---- waiting --------------------------------------------------------------------------------------------------------------------------
EXPORT int cuStreamSynchronize(uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    if (const Result r = refuse_on_capturing(call, *stream, "waiting for the stream")) return r;
    return wait_for(call, *stream);
  });
}

EXPORT int cuStreamQuery(uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    if (const Result r = refuse_on_capturing(call, *stream, "asking for the stream's state")) return r;
    Scheduler& scheduler = driver().scheduler;
    const Clock need = stream->legacy ? before(*stream) : stream->queue->clock;
    if (scheduler.done(need)) {
      scheduler.note_host(need);
      return SUCCESS;
    }
    scheduler.step(need);
    return call.context->broken != SUCCESS ? call.context->broken : NOT_READY;
  });
}

// ---- host functions -------------------------------------------------------------------------------------------------------------------
// They run on the thread that makes the stream go on, with the driver's lock held: they must not wait for a thread that calls the driver.
EXPORT int cuLaunchHostFunc(uint64_t handle, void (*function)(void*), void* data) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (function == nullptr) return call.null("fn");
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    const Body body = [function, data](const Order&) {
      const InHostFunction inside;
      function(data);
      return SUCCESS;
    };
    return submit(call, *stream, {"a host function", body, nullptr});
  });
}

EXPORT int cuStreamAddCallback(uint64_t handle, void (*function)(uint64_t, int, void*), void* data, unsigned flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (function == nullptr) return call.null("callback");
    if (flags != 0) return call.fail(INVALID_VALUE, "the flags are %u; pass 0", flags);
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, handle, &stream)) return r;
    if (stream->capture != nullptr) {
      spoil(*stream->capture, STREAM_CAPTURE_UNSUPPORTED);
      return call.fail(STREAM_CAPTURE_UNSUPPORTED, "a capture cannot hold callbacks; use cuLaunchHostFunc");
    }
    const auto tell = [function, handle, data](Result status) {
      const InHostFunction inside;
      function(handle, status, data);
    };
    const Body body = [tell](const Order&) {
      tell(SUCCESS);
      return SUCCESS;
    };
    return submit(call, *stream, {"a callback", body, tell});
  });
}

// ---- properties -----------------------------------------------------------------------------------------------------------------------
EXPORT int cuStreamGetFlags(uint64_t handle, unsigned* flags) {
  return ask(__func__, handle, flags, [flags](const Stream& stream) { *flags = stream.flags; });
}

EXPORT int cuStreamGetPriority(uint64_t handle, int* priority) {
  return ask(__func__, handle, priority, [priority](const Stream& stream) { *priority = stream.priority; });
}

EXPORT int cuStreamGetId(uint64_t handle, unsigned long long* id) {
  return ask(__func__, handle, id, [id](const Stream& stream) { *id = stream.serial; });
}

EXPORT int cuStreamGetCtx(uint64_t handle, uint64_t* context) {
  return ask(__func__, handle, context, [context](const Stream& stream) { *context = stream.context->handle; });
}
