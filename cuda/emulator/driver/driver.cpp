// The driver's state, the gate that every call passes, and messages.

#include "driver.h"

#include <cstdio>

namespace emulator {

Driver& driver() {
  static Driver* const instance = new Driver;  // never destroyed: the JVM may call the driver while static objects go
  return *instance;
}

std::string text_v(const char* format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  std::string result(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, again)), '\0');
  va_end(again);
  std::vsnprintf(result.data(), result.size() + 1, format, arguments);
  return result;
}

std::string text(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string result = text_v(format, arguments);
  va_end(arguments);
  return result;
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::CONTEXT:
      return "context";
    case Kind::STREAM:
      return "stream";
    case Kind::EVENT:
      return "event";
    case Kind::MODULE:
      return "module";
    case Kind::FUNCTION:
      return "function";
    case Kind::POOL:
      return "memory pool";
    case Kind::GRAPH:
      return "graph";
    case Kind::GRAPH_EXEC:
      return "executable graph";
  }
  return "handle";
}

namespace {

// Calls `use` with the table that a handle is of; false if it is of none.
template <class Use>
bool with_table(uint64_t handle, Use use) {
  Driver& d = driver();
  switch (handle < kHandleBase ? Kind{} : static_cast<Kind>((handle - kHandleBase) >> 40)) {
    case Kind::CONTEXT:
      use(d.contexts);
      return true;
    case Kind::STREAM:
      use(d.streams);
      return true;
    case Kind::EVENT:
      use(d.events);
      return true;
    case Kind::MODULE:
      use(d.modules);
      return true;
    case Kind::FUNCTION:
      use(d.functions);
      return true;
    case Kind::POOL:
      use(d.pools);
      return true;
    case Kind::GRAPH:
      use(d.graphs);
      return true;
    case Kind::GRAPH_EXEC:
      use(d.graph_execs);
      return true;
  }
  return false;
}

}  // namespace

static std::string with_article(Kind kind) {
  return std::string(kind == Kind::EVENT || kind == Kind::GRAPH_EXEC ? "an " : "a ") + name_of(kind);
}

std::string describe_handle(uint64_t handle) {
  if (handle == 0) return "null";
  bool alive = false, destroyed = false;
  const bool known = with_table(handle, [&](const auto& table) {
    alive = table.find(handle) != nullptr;
    destroyed = table.destroyed(handle);
  });
  if (!known || (!alive && !destroyed)) return text("0x%llx, no handle that this driver gave out", static_cast<unsigned long long>(handle));
  const Kind kind = static_cast<Kind>((handle - kHandleBase) >> 40);
  const char* const gone = kind == Kind::MODULE || kind == Kind::FUNCTION ? " that was unloaded" : " that was destroyed";
  return with_article(kind) + (destroyed ? gone : "");
}

Result Call::fail(Result code, const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  log(std::string(name) + ": " + text_v(format, arguments));
  va_end(arguments);
  return code;
}

Result Call::bad_handle(uint64_t handle, Kind kind) const {
  const bool gone =
      (kind == Kind::STREAM && driver().streams.destroyed(handle)) || (kind == Kind::EVENT && driver().events.destroyed(handle));
  const std::string check = gone ? std::string(name_of(Check::STREAM)) + ": " : "";
  const std::string given = describe_handle(handle);
  return fail(INVALID_HANDLE, "%sexpected %s, was given %s", check.c_str(), with_article(kind).c_str(), given.c_str());
}

bool& in_host_function() {
  static thread_local bool inside = false;
  return inside;
}

Result exception_answer(const Call& call) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return call.fail(OUT_OF_MEMORY, "this machine has no memory left for the emulated driver; run fewer things at once");
  } catch (const std::exception& e) {
    return call.fail(UNKNOWN, "the emulated driver failed: %s", e.what());
  } catch (...) {
    return call.fail(UNKNOWN, "the emulated driver failed");
  }
}

void break_context(Context* context, Result reason) {
  // A copy that finds its memory freed when it runs is an access to an illegal address.
  if (reason == INVALID_VALUE) reason = ILLEGAL_ADDRESS;
  if (context->broken != SUCCESS) return;
  context->broken = reason;
  const char* const name = error_name(reason);
  log(text("The context is broken: every later call answers %s until the context ends.", name == nullptr ? "this error" : name));
  driver().scheduler.drop(context, reason);
}

}  // namespace emulator
