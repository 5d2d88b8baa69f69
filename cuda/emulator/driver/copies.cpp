// Copies and fills. What the host gives and gets is read and written as CUDA documents it ("API synchronization behavior"): pinned memory
// when the operation runs, other memory during the call.

#include <cstring>

#include "driver.h"

using namespace emulator;

namespace {

// One end of a copy.
struct End {
  uint64_t address;
  bool device;

  void* host() const { return reinterpret_cast<void*>(address); }
};
End on_device(uint64_t address) { return {address, is_device(address) || !is_pinned(reinterpret_cast<void*>(address), 1)}; }
End on_host(const void* pointer) { return {reinterpret_cast<uintptr_t>(pointer), false}; }
End by_address(uint64_t address) { return {address, is_device(address)}; }

std::string name_of(const char* kind, const End& to, const End& from, size_t bytes, const Stream& stream) {
  return text("the %s of %zu bytes from %s0x%llx to %s0x%llx on %s", kind, bytes, from.device ? "" : "the host's ",
              static_cast<unsigned long long>(from.address), to.device ? "" : "the host's ", static_cast<unsigned long long>(to.address),
              stream.name.c_str());
}

Result check_end(const Call& call, const End& end, size_t bytes, const char* which) {
  if (end.device) return check_range(end.address, bytes, call.name);
  return end.address != 0 ? SUCCESS : call.fail(INVALID_VALUE, "the %s in the host's memory is null", which);
}

std::function<Result()> transfer(const End& to, const End& from, size_t bytes) {
  if (to.device && from.device) return [=] { return copy_on_device(to.address, from.address, bytes); };
  if (to.device) return [=] { return copy_to_device(to.address, from.host(), bytes); };
  if (from.device) return [=] { return copy_to_host(to.host(), from.address, bytes); };
  return [=] {
    std::memmove(to.host(), from.host(), bytes);
    return SUCCESS;
  };
}

Result copy(const Call& call, Stream& stream, const End& to, const End& from, size_t bytes, bool async) {
  if (bytes == 0) return SUCCESS;
  if (const Result r = check_end(call, to, bytes, "target")) return r;
  if (const Result r = check_end(call, from, bytes, "source")) return r;
  const bool to_pageable = !to.device && !is_pinned(to.host(), bytes);
  const bool from_pageable = !from.device && !is_pinned(from.host(), bytes);
  const std::string what = name_of("copy", to, from, bytes, stream);
  if (stream.capture != nullptr) {
    if (to_pageable || from_pageable) return refuse_on_capturing(call, stream, "a copy from or to memory that is not pinned");
    return submit(call, stream, {what, touching(what, transfer(to, from, bytes)), nullptr});
  }
  if (to.device && from_pageable) {
    // The source is read during the call, but the copy reaches the device when the stream comes to it, even if the call is no asynchronous
    // one: that only waits for what was queued before.
    if (!async) {
      if (const Result r = refuse_on_capturing(call, stream, "a copy")) return r;
      if (const Result r = wait_for(call, stream)) return r;
    }
    const auto taken = std::make_shared<std::string>(static_cast<const char*>(from.host()), bytes);
    const uint64_t target = to.address;
    return submit(call, stream, {what, touching(what, [=] { return copy_to_device(target, taken->data(), bytes); }), nullptr});
  }
  if (const Result r = submit(call, stream, {what, touching(what, transfer(to, from, bytes)), nullptr})) return r;
  const bool device_only = to.device && from.device;
  return to_pageable || from_pageable || (!async && !device_only) ? wait_for(call, stream) : SUCCESS;
}

int copy_on(const char* name, const End (*ends)(uint64_t, uint64_t, bool), uint64_t to, uint64_t from, size_t bytes, uint64_t stream_handle,
            bool async) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    return copy(call, *stream, ends(to, from, true), ends(to, from, false), bytes, async);
  });
}

// The two ends of each kind of copy.
const End to_device(uint64_t to, uint64_t from, bool target) {
  return target ? on_device(to) : on_host(reinterpret_cast<const void*>(from));
}
const End to_host(uint64_t to, uint64_t from, bool target) { return target ? on_host(reinterpret_cast<const void*>(to)) : on_device(from); }
const End within_device(uint64_t to, uint64_t from, bool target) { return on_device(target ? to : from); }
const End anywhere(uint64_t to, uint64_t from, bool target) { return by_address(target ? to : from); }

uint64_t number(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// A fill does not wait, with or without "Async" in its name.
int fill_on(const char* name, uint64_t to, uint32_t value, int width, size_t count, uint64_t stream_handle) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (count == 0) return SUCCESS;
    if (to % static_cast<unsigned>(width) != 0) {
      return call.fail(INVALID_VALUE, "0x%llx is no multiple of %d bytes", static_cast<unsigned long long>(to), width);
    }
    if (count > SIZE_MAX / static_cast<size_t>(width)) return call.fail(INVALID_VALUE, "%zu values are more than any memory holds", count);
    if (const Result r = check_range(to, count * static_cast<size_t>(width), name)) return r;
    const std::string what = text("the fill of %zu bytes at 0x%llx on %s", count * static_cast<size_t>(width),
                                  static_cast<unsigned long long>(to), stream->name.c_str());
    return submit(call, *stream, {what, touching(what, [=] { return fill(to, value, width, count); }), nullptr});
  });
}

}  // namespace

// ---- copies that the host waits for ---------------------------------------------------------------------------------------------------
EXPORT int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  return copy_on(__func__, to_device, to, number(from), bytes, 0, false);
}
ALIAS(cuMemcpyHtoD, cuMemcpyHtoD_v2);
EXPORT int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) { return copy_on(__func__, to_host, number(to), from, bytes, 0, false); }
ALIAS(cuMemcpyDtoH, cuMemcpyDtoH_v2);
EXPORT int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) { return copy_on(__func__, within_device, to, from, bytes, 0, false); }
ALIAS(cuMemcpyDtoD, cuMemcpyDtoD_v2);
EXPORT int cuMemcpy(uint64_t to, uint64_t from, size_t bytes) { return copy_on(__func__, anywhere, to, from, bytes, 0, false); }

// ---- asynchronous copies --------------------------------------------------------------------------------------------------------------
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, uint64_t stream) {
  return copy_on(__func__, to_device, to, number(from), bytes, stream, true);
}
ALIAS(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2);
EXPORT int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, uint64_t stream) {
  return copy_on(__func__, to_host, number(to), from, bytes, stream, true);
}
ALIAS(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2);
EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, uint64_t stream) {
  return copy_on(__func__, within_device, to, from, bytes, stream, true);
}
ALIAS(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2);
EXPORT int cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, uint64_t stream) {
  return copy_on(__func__, anywhere, to, from, bytes, stream, true);
}

// ---- fills ----------------------------------------------------------------------------------------------------------------------------
EXPORT int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t count) { return fill_on(__func__, to, value, 1, count, 0); }
ALIAS(cuMemsetD8, cuMemsetD8_v2);
EXPORT int cuMemsetD16_v2(uint64_t to, unsigned short value, size_t count) { return fill_on(__func__, to, value, 2, count, 0); }
ALIAS(cuMemsetD16, cuMemsetD16_v2);
EXPORT int cuMemsetD32_v2(uint64_t to, unsigned value, size_t count) { return fill_on(__func__, to, value, 4, count, 0); }
ALIAS(cuMemsetD32, cuMemsetD32_v2);
EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, uint64_t stream) {
  return fill_on(__func__, to, value, 1, count, stream);
}
EXPORT int cuMemsetD16Async(uint64_t to, unsigned short value, size_t count, uint64_t stream) {
  return fill_on(__func__, to, value, 2, count, stream);
}
EXPORT int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, uint64_t stream) {
  return fill_on(__func__, to, value, 4, count, stream);
}
