// Contexts: the primary one and those that are created; each thread's stack of current ones; the end of a context and what it leaks.

#include <algorithm>

#include "driver.h"

using namespace emulator;

namespace {

// The handles of this thread's contexts, the current one last.
std::vector<uint64_t>& stack() {
  static thread_local std::vector<uint64_t> contexts;
  return contexts;
}

const std::shared_ptr<Context>& primary() {
  Driver& d = driver();
  if (d.primary == nullptr) {
    d.primary = std::make_shared<Context>();
    d.primary->primary = true;
    d.contexts.add(d.primary);
  }
  return d.primary;
}

bool any_alive() {
  for (const auto& [handle, context] : driver().contexts.live()) {
    if (context->alive) return true;
  }
  return false;
}

void begin_context(Context* context) {
  Driver& d = driver();
  if (!any_alive()) d.scheduler.reseed();  // a run that starts anew can be repeated
  context->alive = true;
  context->broken = SUCCESS;
  context->serial = ++d.context_serial;
}

// Counts and logs the objects of a table that belong to the context, and forgets them.
template <class T, Kind kind>
int leaked(Table<T, kind>* table, const Context* context, const char* by) {
  int count = 0;
  for (const auto& [handle, object] : table->live()) {
    if (object->context != context) continue;
    count++;
    std::string origin = by;
    if constexpr (requires { object->created_by; }) origin = object->created_by;
    if (on(Check::LEAK)) log(text("leaked: %s created by %s", name_of(kind), origin.c_str()));
  }
  table->erase_if([context](const T& object) { return object.context == context; });
  return count;
}

Result check_device(const Call& call, int device) {
  return device == 0 ? SUCCESS : call.fail(INVALID_DEVICE, "there is no device %d; the emulated driver has device 0 alone", device);
}

Result find_context(const Call& call, uint64_t handle, std::shared_ptr<Context>* context) {
  *context = driver().contexts.find(handle);
  if (*context != nullptr) return SUCCESS;
  return call.fail(INVALID_CONTEXT, "expected a context, was given %s", describe_handle(handle).c_str());
}

Result create(uint64_t* context, unsigned flags, int device, const char* name) {
  return static_cast<Result>(enter(name, Need::DRIVER, [&](Call& call) -> Result {
    if (context == nullptr) return call.null("pctx");
    if (const Result r = check_device(call, device)) return r;
    const auto created = std::make_shared<Context>();
    created->flags = flags;
    begin_context(created.get());
    *context = driver().contexts.add(created);
    stack().push_back(*context);
    return SUCCESS;
  }));
}

}  // namespace

namespace emulator {

Result admit(Call* call, Need need) {
  const Driver& d = driver();
  if (need == Need::NOTHING) return SUCCESS;
  if (in_host_function()) return call->fail(NOT_PERMITTED, "a host function of a stream must not call the driver");
  if (!d.initialized) return call->fail(NOT_INITIALIZED, "cuInit was not called");
  if (need == Need::HOST) return SUCCESS;
  if (need == Need::CONTEXT || need == Need::RELEASE) {
    if (stack().empty()) return call->fail(INVALID_CONTEXT, "this thread has no current context; call cuCtxSetCurrent");
    const auto context = d.contexts.find(stack().back());
    if (context == nullptr || !context->alive) {
      return call->fail(CONTEXT_IS_DESTROYED, "this thread's current context was ended; make another one current");
    }
    call->context = context.get();
    driver().scheduler.by_chance();
    if (!d.lost && context->broken != SUCCESS) return context->broken;
  }
  return d.lost ? UNKNOWN : SUCCESS;
}

void end_context(Context* context) {
  Driver& d = driver();
  end_captures(context);
  if (context->broken == SUCCESS && !d.lost) d.scheduler.wait(d.scheduler.everything(*context));
  d.scheduler.drop(context, context->broken);
  d.functions.erase_if([context](const Function& function) { return function.context == context; });
  int leaks = leaked(&d.streams, context, "cuStreamCreate");
  leaks += leaked(&d.events, context, "cuEventCreate");
  leaks += leaked(&d.graphs, context, "cuStreamEndCapture");
  leaks += leaked(&d.graph_execs, context, "cuGraphInstantiate");
  leaks += leaked(&d.modules, context, "cuModuleLoadData");
  context->alive = false;
  leaks += end_memory_of(context, !any_alive());
  d.scheduler.close(context);
  context->broken = SUCCESS;
  context->legacy.reset();
  context->per_thread.clear();
  d.leaks = on(Check::LEAK) ? leaks : 0;
  if (!any_alive()) d.lost = false;
}

}  // namespace emulator

// ---- the primary context --------------------------------------------------------------------------------------------------------------
EXPORT int cuDevicePrimaryCtxRetain(uint64_t* context, int device) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (context == nullptr) return call.null("pctx");
    if (const Result r = check_device(call, device)) return r;
    if (!primary()->alive) begin_context(primary().get());
    primary()->retained++;
    *context = primary()->handle;
    return SUCCESS;
  });
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (const Result r = check_device(call, device)) return r;
    if (primary()->retained == 0) return call.fail(INVALID_CONTEXT, "the primary context is released more often than it was retained");
    if (--primary()->retained == 0 && primary()->alive) end_context(primary().get());
    return SUCCESS;
  });
}
ALIAS(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2);

// What retained it still has to release it; a new retain starts it again.
EXPORT int cuDevicePrimaryCtxReset_v2(int device) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (const Result r = check_device(call, device)) return r;
    if (primary()->alive) end_context(primary().get());
    return SUCCESS;
  });
}
ALIAS(cuDevicePrimaryCtxReset, cuDevicePrimaryCtxReset_v2);

EXPORT int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (const Result r = check_device(call, device)) return r;
    primary()->flags = flags;
    return SUCCESS;
  });
}
ALIAS(cuDevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags_v2);

EXPORT int cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (const Result r = check_device(call, device)) return r;
    if (flags == nullptr || active == nullptr) return call.null(flags == nullptr ? "flags" : "active");
    *flags = primary()->flags;
    *active = primary()->alive;
    return SUCCESS;
  });
}

// ---- created contexts -----------------------------------------------------------------------------------------------------------------
EXPORT int cuCtxCreate_v2(uint64_t* context, unsigned flags, int device) { return create(context, flags, device, __func__); }
ALIAS(cuCtxCreate, cuCtxCreate_v2);
EXPORT int cuCtxCreate_v3(uint64_t* context, void*, int, unsigned flags, int device) { return create(context, flags, device, __func__); }
EXPORT int cuCtxCreate_v4(uint64_t* context, void*, unsigned flags, int device) { return create(context, flags, device, __func__); }

EXPORT int cuCtxDestroy_v2(uint64_t handle) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    std::shared_ptr<Context> context;
    if (const Result r = find_context(call, handle, &context)) return r;
    if (context->primary) return call.fail(INVALID_CONTEXT, "the primary context is not destroyed: call cuDevicePrimaryCtxRelease");
    end_context(context.get());
    driver().contexts.erase(handle);
    if (!stack().empty() && stack().back() == handle) stack().pop_back();
    return SUCCESS;
  });
}
ALIAS(cuCtxDestroy, cuCtxDestroy_v2);

// ---- the thread's current context -----------------------------------------------------------------------------------------------------
EXPORT int cuCtxPushCurrent_v2(uint64_t handle) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    std::shared_ptr<Context> context;
    if (const Result r = find_context(call, handle, &context)) return r;
    stack().push_back(handle);
    return SUCCESS;
  });
}
ALIAS(cuCtxPushCurrent, cuCtxPushCurrent_v2);

EXPORT int cuCtxPopCurrent_v2(uint64_t* handle) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (stack().empty()) return call.fail(INVALID_CONTEXT, "this thread has no current context");
    if (handle != nullptr) *handle = stack().back();
    stack().pop_back();
    return SUCCESS;
  });
}
ALIAS(cuCtxPopCurrent, cuCtxPopCurrent_v2);

// Touches no device, so that a program can still free what it holds on a broken or lost one.
EXPORT int cuCtxSetCurrent(uint64_t handle) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (handle == 0) {
      if (!stack().empty()) stack().pop_back();
      return SUCCESS;
    }
    std::shared_ptr<Context> context;
    if (const Result r = find_context(call, handle, &context)) return r;
    if (!context->alive) return call.fail(CONTEXT_IS_DESTROYED, "this context was released; retain it again before it is made current");
    if (stack().empty()) stack().push_back(handle);
    stack().back() = handle;
    return SUCCESS;
  });
}

EXPORT int cuCtxGetCurrent(uint64_t* handle) {
  return enter(__func__, Need::HOST, [&](Call& call) -> Result {
    if (handle == nullptr) return call.null("pctx");
    *handle = stack().empty() ? 0 : stack().back();
    return SUCCESS;
  });
}

EXPORT int cuCtxGetDevice(int* device) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (device == nullptr) return call.null("device");
    *device = 0;
    return SUCCESS;
  });
}

EXPORT int cuCtxSynchronize() {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (const Result r = refuse_while_capturing(call)) return r;
    Scheduler& scheduler = driver().scheduler;
    scheduler.wait(scheduler.everything(*call.context));
    return call.context->broken;
  });
}

// ---- settings that change nothing here ------------------------------------------------------------------------------------------------
EXPORT int cuCtxGetFlags(unsigned* flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (flags == nullptr) return call.null("flags");
    *flags = call.context->flags;
    return SUCCESS;
  });
}

EXPORT int cuCtxGetId(uint64_t handle, unsigned long long* id) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (id == nullptr) return call.null("ctxId");
    std::shared_ptr<Context> context;
    if (const Result r = find_context(call, handle == 0 ? call.context->handle : handle, &context)) return r;
    *id = context->serial;
    return SUCCESS;
  });
}

EXPORT int cuCtxGetApiVersion(uint64_t, unsigned* version) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (version == nullptr) return call.null("version");
    *version = 3020;
    return SUCCESS;
  });
}

EXPORT int cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  return enter(__func__, Need::CONTEXT, [&](Call&) -> Result {
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return SUCCESS;
  });
}

EXPORT int cuCtxGetCacheConfig(int* config) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (config == nullptr) return call.null("pconfig");
    *config = 0;
    return SUCCESS;
  });
}

EXPORT int cuCtxSetCacheConfig(int) {
  return enter(__func__, Need::CONTEXT, [](Call&) { return SUCCESS; });
}
