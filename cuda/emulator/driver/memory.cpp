// Device memory and pinned host memory.

#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

using namespace emulator;

namespace {

constexpr size_t kPage = 4096;
constexpr int kUnwritten = 0xff;                  // fresh pinned memory is NaN, as fresh device memory is
constexpr uint64_t kHostEnd = uint64_t{1} << 56;  // no address of the host lies beyond
constexpr unsigned kPortable = 1, kDeviceMap = 2, kWriteCombined = 4;

size_t rounded(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

int allocate_host(const char* name, void** address, size_t bytes, unsigned flags) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (address == nullptr) return call.null("pp");
    if (bytes == 0) return call.fail(INVALID_VALUE, "0 bytes were asked for; ask for at least 1");
    if (flags > (kPortable | kDeviceMap | kWriteCombined)) return call.fail(INVALID_VALUE, "the flags are %u, which are not known", flags);
    if (const Result r = refuse_while_capturing(call)) return r;
    if (const Result r = count_allocation(call, bytes)) return r;
    if (bytes > kHostEnd) return call.fail(OUT_OF_MEMORY, "%zu bytes are more than any machine has", bytes);
    // A page that cannot be touched follows, so that a large step beyond the end is a fault at once.
    void* const begin = mmap(nullptr, rounded(bytes) + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) return call.fail(OUT_OF_MEMORY, "this machine has no %zu bytes left", bytes);
    mprotect(static_cast<char*>(begin) + rounded(bytes), kPage, PROT_NONE);
    std::memset(begin, kUnwritten, bytes);
    add_host_range(begin, bytes);
    host_allocations()[reinterpret_cast<uintptr_t>(begin)] = {call.context, bytes, flags, name, false};
    *address = begin;
    return SUCCESS;
  });
}

// Takes pinned memory back once nothing that is queued can still use it.
Result remove_host(const Call& call, void* address, bool registered) {
  auto& all = host_allocations();
  const auto at = all.find(reinterpret_cast<uintptr_t>(address));
  const Result unknown = registered ? kHostMemoryNotRegistered : INVALID_VALUE;
  if (at == all.end() || at->second.registered != registered) {
    return call.fail(unknown, "%p is not the start of %s memory that is alive", address, registered ? "registered" : "pinned");
  }
  Scheduler& scheduler = driver().scheduler;
  scheduler.wait(scheduler.everything(*at->second.context));
  remove_host_range(address);
  const size_t bytes = at->second.bytes;
  all.erase(at);
  if (!registered) munmap(address, rounded(bytes) + kPage);
  return call.context->broken;
}

// The pinned memory around an address.
const std::pair<const uintptr_t, HostAllocation>* find_host(uint64_t address) {
  auto& all = host_allocations();
  auto at = all.upper_bound(address);
  if (at == all.begin()) return nullptr;
  --at;
  return address < at->first + at->second.bytes ? &*at : nullptr;
}

}  // namespace

namespace emulator {

std::map<uint64_t, DeviceAllocation>& allocations() {
  static auto* const all = new std::map<uint64_t, DeviceAllocation>;
  return *all;
}

std::map<uintptr_t, HostAllocation>& host_allocations() {
  static auto* const all = new std::map<uintptr_t, HostAllocation>;
  return *all;
}

Result count_allocation(const Call& call, size_t bytes) {
  Options& o = options();
  if (o.fail_allocation == 0 || --o.fail_allocation > 0) return SUCCESS;
  return call.fail(OUT_OF_MEMORY, "%zu bytes were refused, as the option fail_allocation asked for", bytes);
}

Result allocate_device(const Call& call, uint64_t* address, size_t bytes, std::shared_ptr<Pool> pool) {
  if (address == nullptr) return call.null("dptr");
  if (bytes == 0) return call.fail(INVALID_VALUE, "0 bytes were asked for; ask for at least 1");
  if (const Result r = count_allocation(call, bytes)) return r;
  if (pool != nullptr && pool->maximum > 0 && (pool->used > pool->maximum || bytes > pool->maximum - pool->used)) {
    return call.fail(OUT_OF_MEMORY, "%zu bytes were asked for, but the pool may hold %llu and %llu are used", bytes,
                     static_cast<unsigned long long>(pool->maximum), static_cast<unsigned long long>(pool->used));
  }
  uint64_t begin = 0;
  const Result r = allocate(&begin, bytes, call.name);
  if (r == OUT_OF_MEMORY) {
    return call.fail(r, "%zu bytes were asked for, but the card has %llu and %llu are used", bytes,
                     static_cast<unsigned long long>(options().memory), static_cast<unsigned long long>(used_memory()));
  }
  if (r != SUCCESS) return r;
  if (pool != nullptr) {
    pool->used += bytes;
    if (pool->used_high < pool->used) pool->used_high = pool->used;
  }
  allocations()[begin] = {call.context, bytes, call.name, std::move(pool)};
  *address = begin;
  return SUCCESS;
}

Result release_device(uint64_t address) {
  const auto at = allocations().find(address);
  if (at != allocations().end()) {
    if (at->second.pool != nullptr) at->second.pool->used -= at->second.bytes;
    allocations().erase(at);
  }
  return release(address);
}

int end_memory_of(Context* context, bool last) {
  Driver& d = driver();
  int leaks = 0;
  auto& host = host_allocations();
  for (auto at = host.begin(); at != host.end();) {
    if (at->second.context != context) {
      ++at;
      continue;
    }
    leaks++;
    void* const begin = reinterpret_cast<void*>(at->first);
    if (on(Check::LEAK)) log(text("leaked: %zu bytes of pinned memory at %p made by %s", at->second.bytes, begin, at->second.created_by));
    // It stays mapped: a program that forgot to free it may well forget that it is gone, and would take the JVM down.
    remove_host_range(begin);
    at = host.erase(at);
  }
  if (last && on(Check::LEAK)) leaks += end_memory();
  for (auto at = allocations().begin(); at != allocations().end();) {
    if (at->second.context != context) {
      ++at;
      continue;
    }
    if (!last || !on(Check::LEAK)) {
      leaks++;
      if (on(Check::LEAK)) {
        log(text("leaked: %zu bytes of device memory at 0x%llx made by %s", at->second.bytes, static_cast<unsigned long long>(at->first),
                 at->second.created_by));
      }
      release(at->first);
    }
    at = allocations().erase(at);
  }
  if (!last) return leaks;
  if (!on(Check::LEAK)) end_memory();
  for (const auto& [handle, pool] : d.pools.live()) {
    if (pool->is_default) continue;
    leaks++;
    if (on(Check::LEAK)) log("leaked: memory pool created by cuMemPoolCreate");
  }
  d.pools.erase_if([](const Pool&) { return true; });
  d.default_pool = d.current_pool = nullptr;
  return leaks;
}

}  // namespace emulator

// ---- device memory --------------------------------------------------------------------------------------------------------------------
EXPORT int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (const Result r = refuse_while_capturing(call)) return r;
    return allocate_device(call, address, bytes, nullptr);
  });
}
ALIAS(cuMemAlloc, cuMemAlloc_v2);

// Waits for the device, except for memory of a pool, whose owner has to know that it is done with.
EXPORT int cuMemFree_v2(uint64_t address) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    if (address == 0) return SUCCESS;
    if (const Result r = refuse_while_capturing(call)) return r;
    const auto at = allocations().find(address);
    if (at != allocations().end() && at->second.freeing) {
      return call.fail(INVALID_VALUE, "the memory at 0x%llx was freed already, by cuMemFreeAsync",
                       static_cast<unsigned long long>(address));
    }
    if (at == allocations().end() || at->second.pool == nullptr) {
      Scheduler& scheduler = driver().scheduler;
      scheduler.wait(scheduler.everything(*call.context));
    }
    const Result r = release_device(address);
    return call.context->broken != SUCCESS ? call.context->broken : r;
  });
}
ALIAS(cuMemFree, cuMemFree_v2);

EXPORT int cuMemGetInfo_v2(size_t* free, size_t* total) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (free == nullptr || total == nullptr) return call.null(free == nullptr ? "free" : "total");
    *total = options().memory;
    *free = *total - std::min(*total, static_cast<size_t>(used_memory()));
    return SUCCESS;
  });
}
ALIAS(cuMemGetInfo, cuMemGetInfo_v2);

EXPORT int cuMemGetAddressRange_v2(uint64_t* base, size_t* bytes, uint64_t address) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    uint64_t begin = 0;
    size_t size = 0;
    if (!find_allocation(address, &begin, &size)) {
      return call.fail(NOT_FOUND, "0x%llx lies in no allocation", static_cast<unsigned long long>(address));
    }
    if (base != nullptr) *base = begin;
    if (bytes != nullptr) *bytes = size;
    return SUCCESS;
  });
}
ALIAS(cuMemGetAddressRange, cuMemGetAddressRange_v2);

// ---- pinned host memory ---------------------------------------------------------------------------------------------------------------
EXPORT int cuMemHostAlloc(void** address, size_t bytes, unsigned flags) { return allocate_host(__func__, address, bytes, flags); }
EXPORT int cuMemAllocHost_v2(void** address, size_t bytes) { return allocate_host(__func__, address, bytes, 0); }
ALIAS(cuMemAllocHost, cuMemAllocHost_v2);

EXPORT int cuMemFreeHost(void* address) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    if (address == nullptr) return SUCCESS;
    if (const Result r = refuse_while_capturing(call)) return r;
    return remove_host(call, address, false);
  });
}

EXPORT int cuMemHostRegister_v2(void* address, size_t bytes, unsigned flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (address == nullptr || bytes == 0) return call.fail(INVALID_VALUE, "%zu bytes at %p cannot be registered", bytes, address);
    if (const Result r = refuse_while_capturing(call)) return r;
    const uint64_t begin = reinterpret_cast<uintptr_t>(address);
    if (begin >= kHostEnd || bytes > kHostEnd - begin) {
      return call.fail(INVALID_VALUE, "%zu bytes at %p are more than any machine has", bytes, address);
    }
    const auto after = host_allocations().lower_bound(begin);
    if (find_host(begin) != nullptr || (after != host_allocations().end() && after->first < begin + bytes)) {
      return call.fail(kHostMemoryAlreadyRegistered, "a part of the %zu bytes at %p is pinned already", bytes, address);
    }
    add_host_range(address, bytes);
    host_allocations()[begin] = {call.context, bytes, flags, call.name, true};
    return SUCCESS;
  });
}
ALIAS(cuMemHostRegister, cuMemHostRegister_v2);

EXPORT int cuMemHostUnregister(void* address) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    if (const Result r = refuse_while_capturing(call)) return r;
    return remove_host(call, address, true);
  });
}

EXPORT int cuMemHostGetDevicePointer_v2(uint64_t* device, void* address, unsigned flags) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (device == nullptr) return call.null("pdptr");
    if (flags != 0) return call.fail(INVALID_VALUE, "the flags are %u; pass 0", flags);
    if (find_host(reinterpret_cast<uintptr_t>(address)) == nullptr) return call.fail(INVALID_VALUE, "%p lies in no pinned memory", address);
    *device = reinterpret_cast<uintptr_t>(address);  // one address space
    return SUCCESS;
  });
}
ALIAS(cuMemHostGetDevicePointer, cuMemHostGetDevicePointer_v2);

EXPORT int cuMemHostGetFlags(unsigned* flags, void* address) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (flags == nullptr) return call.null("pFlags");
    const auto* const found = find_host(reinterpret_cast<uintptr_t>(address));
    if (found == nullptr) return call.fail(INVALID_VALUE, "%p lies in no pinned memory", address);
    *flags = found->second.flags | kDeviceMap;
    return SUCCESS;
  });
}

// ---- what an address is ---------------------------------------------------------------------------------------------------------------
EXPORT int cuPointerGetAttribute(void* data, int attribute, uint64_t address) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (data == nullptr) return call.null("data");
    uint64_t begin = 0;
    size_t bytes = 0;
    const bool device = find_allocation(address, &begin, &bytes);
    const auto* const host = device ? nullptr : find_host(address);
    if (!device && host == nullptr) {
      return call.fail(INVALID_VALUE, "0x%llx lies in no memory that CUDA knows", static_cast<unsigned long long>(address));
    }
    if (host != nullptr) {
      begin = host->first;
      bytes = host->second.bytes;
    }
    switch (attribute) {
      case 1:
        *static_cast<uint64_t*>(data) = host != nullptr ? host->second.context->handle : call.context->handle;
        return SUCCESS;
      case 2:  // CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_DEVICE
        *static_cast<unsigned*>(data) = host != nullptr ? 1 : 2;
        return SUCCESS;
      case 3:
        *static_cast<uint64_t*>(data) = address;
        return SUCCESS;
      case 4:
        if (host == nullptr) return call.fail(INVALID_VALUE, "device memory has no address for the host");
        *static_cast<uint64_t*>(data) = address;
        return SUCCESS;
      case 8:  // managed
        *static_cast<bool*>(data) = false;
        return SUCCESS;
      case 9:
        *static_cast<int*>(data) = 0;
        return SUCCESS;
      case 11:
        *static_cast<uint64_t*>(data) = begin;
        return SUCCESS;
      case 12:
        *static_cast<size_t*>(data) = bytes;
        return SUCCESS;
      case 13:  // mapped
        *static_cast<bool*>(data) = true;
        return SUCCESS;
      default:
        return call.fail(NOT_SUPPORTED, "the pointer attribute %d is not part of the emulated driver", attribute);
    }
  });
}
