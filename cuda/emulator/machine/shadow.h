// What is known of every four bytes that kernels can touch: who wrote them last, who read them last, and which of them were ever written.
//
// A tag names an access: the interval in which it happened (a thread block between two barriers, or one copy), the thread, and that thread's
// count of warp synchronisations. Two accesses of different threads are in order if their intervals are (same block, a barrier between; or
// operations of which one waited for the other), or within one warp and interval if __syncwarp stands between. Otherwise, where one of them
// writes, they race, whether or not this run shows it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../emulator.h"

namespace emulator {

struct Cell {
  uint64_t write, read;
  const void* write_at;
  const void* read_at;
};

// [63:32] interval, [31:20] clock, [19:10] thread, [9:6] bytes touched, [5:2] writes: bytes ever written; reads: see below,
// [1] by an atomic, [0] writes: the target of a cp.async that was not waited for.
constexpr uint64_t kAtomic = 2, kPending = 1;
constexpr uint64_t kManyLanes = 4, kManyWarps = 8, kManyBlocks = 16;
inline uint32_t interval_of(uint64_t tag) { return static_cast<uint32_t>(tag >> 32); }
inline uint32_t clock_of(uint64_t tag) { return tag >> 20 & 0xfff; }
inline uint32_t thread_of(uint64_t tag) { return tag >> 10 & 0x3ff; }
inline uint32_t bytes_of(uint64_t tag) { return tag >> 6 & 0xf; }
inline uint32_t written_of(uint64_t tag) { return tag >> 2 & 0xf; }

// A stretch of address space whose cells lie at a fixed distance.
struct Region {
  uintptr_t begin = 0;
  size_t bytes = 0;
  Cell* cells = nullptr;
  bool contains(uintptr_t address) const { return address - begin < bytes; }
  Cell* cell(uintptr_t address) const { return cells + (address - begin) / 4; }
};

struct Allocation {
  uintptr_t begin = 0, end = 0;
  uint32_t number = 0;
  bool live = false;
  bool in_parts = false;  // only its named parts may be touched
  const char* how = "";
};

// The device's memory. Addresses are never given out twice; each allocation has pages of its own.
constexpr size_t kPageBytes = 4096;
extern Region device_memory;
extern uint32_t* allocation_of_page;
extern uint8_t* named_words;  // 1 for each four bytes of a named part
const Allocation& allocation(uint32_t index);
// In words: "12 bytes behind allocation 3 (4096 bytes by cuMemAlloc)".
std::string describe_address(uintptr_t address);
// Whether kernels and copies may touch device memory now.
void open_memory();
void shut_memory();

// The operation that an interval before the running launch belonged to; what it was, in words.
struct PastOperation {
  uint32_t first_interval;
  Order order;
  std::string what;
};
// Starts an interval of the running operation, owned by `block` of a launch (or 0).
uint32_t new_interval(uint32_t block);
// First interval of the running operation; those before it belong to earlier ones.
extern uint32_t operation_first_interval;
extern uint32_t* interval_blocks;  // by interval - operation_first_interval
inline uint32_t block_of_interval(uint32_t interval) { return interval_blocks[interval - operation_first_interval]; }
// Whether all earlier operations happened before the running one; else the one of that interval must be asked for.
extern bool all_in_order;
bool in_order(uint32_t interval);
const PastOperation& operation_of(uint32_t interval);
// Whether the last to read it was an operation that the running one should come after, but does not.
inline bool unordered_read(const Cell& cell) {
  return cell.read != 0 && interval_of(cell.read) < operation_first_interval && on(Check::RACE_STREAM) && !in_order(interval_of(cell.read));
}

}  // namespace emulator
