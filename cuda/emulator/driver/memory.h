// What the driver half remembers of the memory that it gave out.
#pragma once

#include <map>

#include "driver.h"

namespace emulator {

struct DeviceAllocation {
  Context* context;
  size_t bytes;
  const char* created_by;
  std::shared_ptr<Pool> pool;  // null: not from a pool
  bool freeing = false;        // cuMemFreeAsync is queued
};

struct HostAllocation {
  Context* context;
  size_t bytes;
  unsigned flags;
  const char* created_by;
  bool registered;  // the caller's own memory
};

std::map<uint64_t, DeviceAllocation>& allocations();
std::map<uintptr_t, HostAllocation>& host_allocations();

// Counts an allocation against the injected faults; OUT_OF_MEMORY when its turn has come.
Result count_allocation(const Call& call, size_t bytes);
Result allocate_device(const Call& call, uint64_t* address, size_t bytes, std::shared_ptr<Pool> pool);
// Gives memory back at once.
Result release_device(uint64_t address);

}  // namespace emulator
