// Memory that is allocated and freed in the order of a stream, and the pools that it comes from. Nothing is kept for reuse: what a pool
// holds is what is in use, and an address that was freed is never given out again.

#include <cstring>

#include "memory.h"

using namespace emulator;

namespace {

// CUmemPool_attribute
constexpr int kLastReuse = 3, kReleaseThreshold = 4, kReserved = 5, kReservedHigh = 6, kUsed = 7, kUsedHigh = 8;
constexpr size_t kPropertiesMaximum = 24;  // where CUmemPoolProps holds maxSize

const std::shared_ptr<Pool>& default_pool() {
  Driver& d = driver();
  if (d.default_pool == nullptr) {
    d.default_pool = std::make_shared<Pool>();
    d.default_pool->is_default = true;
    d.pools.add(d.default_pool);
  }
  return d.default_pool;
}

const std::shared_ptr<Pool>& current_pool() {
  Driver& d = driver();
  if (d.current_pool == nullptr) d.current_pool = default_pool();
  return d.current_pool;
}

Result find_pool(const Call& call, uint64_t handle, std::shared_ptr<Pool>* pool) {
  *pool = driver().pools.find(handle);
  return *pool != nullptr ? SUCCESS : call.bad_handle(handle, Kind::POOL);
}

Result allocate_in_order(const Call& call, uint64_t* address, size_t bytes, const std::shared_ptr<Pool>& pool, uint64_t stream_handle) {
  std::shared_ptr<Stream> stream;
  if (const Result r = find_stream(call, stream_handle, &stream)) return r;
  if (const Result r = refuse_on_capturing(call, *stream, "an allocation")) return r;
  return allocate_device(call, address, bytes, pool);
}

int device_pool(const char* name, uint64_t* pool, int device, bool current) {
  return enter(name, Need::DRIVER, [&](Call& call) -> Result {
    if (pool == nullptr) return call.null("pool");
    if (device != 0) return call.fail(INVALID_DEVICE, "there is no device %d; the emulated driver has device 0 alone", device);
    *pool = (current ? current_pool() : default_pool())->handle;
    return SUCCESS;
  });
}

}  // namespace

EXPORT int cuMemAllocAsync(uint64_t* address, size_t bytes, uint64_t stream) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) { return allocate_in_order(call, address, bytes, current_pool(), stream); });
}

EXPORT int cuMemAllocFromPoolAsync(uint64_t* address, size_t bytes, uint64_t pool_handle, uint64_t stream) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Pool> pool;
    if (const Result r = find_pool(call, pool_handle, &pool)) return r;
    return allocate_in_order(call, address, bytes, pool, stream);
  });
}

// The memory goes when the stream comes to it.
EXPORT int cuMemFreeAsync(uint64_t address, uint64_t stream_handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (const Result r = refuse_on_capturing(call, *stream, "freeing memory")) return r;
    if (address == 0) return SUCCESS;
    const auto at = allocations().find(address);
    if (at == allocations().end()) return release(address);  // answers what is wrong with it
    if (at->second.freeing) {
      return call.fail(INVALID_VALUE, "the memory at 0x%llx was freed already", static_cast<unsigned long long>(address));
    }
    if (call.context->broken != SUCCESS) return release_device(address);  // nothing of the stream will run
    at->second.freeing = true;
    const Body body = [address](const Order&) { return release_device(address); };
    const Dropped dropped = [address](Result) { release_device(address); };
    return submit(call, *stream, {"the free of memory", body, dropped});
  });
}

// ---- pools ----------------------------------------------------------------------------------------------------------------------------
EXPORT int cuDeviceGetDefaultMemPool(uint64_t* pool, int device) { return device_pool(__func__, pool, device, false); }
EXPORT int cuDeviceGetMemPool(uint64_t* pool, int device) { return device_pool(__func__, pool, device, true); }

EXPORT int cuDeviceSetMemPool(int device, uint64_t handle) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (device != 0) return call.fail(INVALID_DEVICE, "there is no device %d; the emulated driver has device 0 alone", device);
    std::shared_ptr<Pool> pool;
    if (const Result r = find_pool(call, handle, &pool)) return r;
    driver().current_pool = pool;
    return SUCCESS;
  });
}

EXPORT int cuMemPoolCreate(uint64_t* handle, const void* properties) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (handle == nullptr || properties == nullptr) return call.null(handle == nullptr ? "pool" : "poolProps");
    const auto pool = std::make_shared<Pool>();
    std::memcpy(&pool->maximum, static_cast<const char*>(properties) + kPropertiesMaximum, sizeof pool->maximum);
    *handle = driver().pools.add(pool);
    return SUCCESS;
  });
}

// What was allocated from it lives on.
EXPORT int cuMemPoolDestroy(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    std::shared_ptr<Pool> pool;
    if (const Result r = find_pool(call, handle, &pool)) return r;
    if (pool->is_default) return call.fail(INVALID_VALUE, "the default pool cannot be destroyed");
    if (driver().current_pool == pool) driver().current_pool = nullptr;
    driver().pools.erase(handle);
    return SUCCESS;
  });
}

EXPORT int cuMemPoolTrimTo(uint64_t handle, size_t) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Pool> pool;
    return find_pool(call, handle, &pool);
  });
}

EXPORT int cuMemPoolGetAttribute(uint64_t handle, int attribute, void* value) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (value == nullptr) return call.null("value");
    std::shared_ptr<Pool> pool;
    if (const Result r = find_pool(call, handle, &pool)) return r;
    if (attribute >= 1 && attribute <= kLastReuse) {
      *static_cast<int*>(value) = pool->reuse[attribute - 1];
    } else if (attribute == kReleaseThreshold) {
      *static_cast<uint64_t*>(value) = pool->release_threshold;
    } else if (attribute == kReserved || attribute == kUsed) {
      *static_cast<uint64_t*>(value) = pool->used;
    } else if (attribute == kReservedHigh || attribute == kUsedHigh) {
      *static_cast<uint64_t*>(value) = pool->used_high;
    } else {
      return call.fail(INVALID_VALUE, "there is no pool attribute %d", attribute);
    }
    return SUCCESS;
  });
}

EXPORT int cuMemPoolSetAttribute(uint64_t handle, int attribute, const void* value) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (value == nullptr) return call.null("value");
    std::shared_ptr<Pool> pool;
    if (const Result r = find_pool(call, handle, &pool)) return r;
    if (attribute >= 1 && attribute <= kLastReuse) {
      pool->reuse[attribute - 1] = *static_cast<const int*>(value);
      return SUCCESS;
    }
    if (attribute == kReleaseThreshold) {
      pool->release_threshold = *static_cast<const uint64_t*>(value);
      return SUCCESS;
    }
    if ((attribute == kReservedHigh || attribute == kUsedHigh) && *static_cast<const uint64_t*>(value) == 0) {
      pool->used_high = pool->used;
      return SUCCESS;
    }
    return call.fail(INVALID_VALUE, "the pool attribute %d cannot be set to this value", attribute);
  });
}
