// What is known of every four bytes that kernels can touch: who wrote them last, who read them since, and whether they were ever written.
// Where single bytes of them were touched, each byte is known by itself.
//
// A tag names an access: the interval in which it happened (a thread block between two barriers, or one copy), the thread, and how many
// times its warp had synchronised. Two accesses of different threads are in order if their intervals are (same block, a barrier between; or
// operations of which one waited for the other), or within one warp and interval if __syncwarp stands between. Otherwise, where one of them
// writes, they race, whether or not this run shows it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../emulator.h"

namespace emulator {

// A write forgets the reads before it: what does not come after those does not come after the write either.
struct Cell {
  uint64_t write, read;
  const void* write_at;
  const void* read_at;
  uint32_t lanes;  // of the last reader's warp, those that read in its interval and are not known to be done
};

// [63:32] interval, [31:14] clock, [13:4] thread, [3:0] flags: by an atomic; of writes: not unwritten, and the target of a cp.async that
// was not waited for; of reads: what is summed up.
constexpr uint64_t kPending = 1, kAtomic = 2, kWritten = 4;
constexpr uint64_t kManyWarps = 4, kManyBlocks = 8;
constexpr uint32_t kClockMask = 0x3ffff;
// In place of a write's tag: the four bytes have cells of their own.
constexpr uint64_t kSplit = 1;
inline uint32_t interval_of(uint64_t tag) { return static_cast<uint32_t>(tag >> 32); }
inline uint32_t clock_of(uint64_t tag) { return tag >> 14 & kClockMask; }
inline uint32_t thread_of(uint64_t tag) { return tag >> 4 & 0x3ff; }
inline uint64_t tag_of(uint32_t interval, uint32_t clock, uint32_t thread) {
  return static_cast<uint64_t>(interval) << 32 | static_cast<uint64_t>(clock & kClockMask) << 14 | static_cast<uint64_t>(thread) << 4;
}

// A stretch of address space, a multiple of four bytes, whose cells lie at a fixed distance.
struct Region {
  uintptr_t begin = 0;
  size_t bytes = 0;
  Cell* cells = nullptr;
  Cell* byte_cells = nullptr;
  bool contains(uintptr_t address) const { return address - begin < bytes; }
  Cell* cell(uintptr_t address) const { return cells + (address - begin) / 4; }
  Cell* byte_cell(uintptr_t address) const { return byte_cells + (address - begin); }
};

// Calls body(cell, its first address, how many bytes it stands for) for those of the four bytes at `word` that are in the mask. `write`:
// body does the same to each.
template <class Body>
inline void for_cells(const Region& region, uintptr_t word, unsigned mask, bool write, Body body) {
  Cell& whole = *region.cell(word);
  if (__builtin_expect(mask == 0xf && whole.write != kSplit, 1)) {
    body(whole, word, 4);
    return;
  }
  Cell* const bytes = region.byte_cell(word);
  if (whole.write != kSplit) {
    std::fill_n(bytes, 4, whole);
    whole = {kSplit, 0, nullptr, nullptr, 0};
  }
  for (unsigned i = 0; i < 4; i++)
    if (mask >> i & 1) body(bytes[i], word + i, 1);
  if (mask == 0xf && write) whole = bytes[0];
}

// The same for a range of any alignment.
template <class Body>
inline void for_range(const Region& region, uintptr_t begin, size_t bytes, bool write, Body body) {
  const uintptr_t end = begin + bytes;
  for (uintptr_t next = begin; next < end;) {
    const uintptr_t word = next & ~uintptr_t{3};
    const unsigned last = end - word < 4 ? static_cast<unsigned>(end - word) : 4;
    for_cells(region, word, ((1u << last) - 1) & ~((1u << (next - word)) - 1), write, body);
    next = word + 4;
  }
}

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
