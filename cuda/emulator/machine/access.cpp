// Every access that a kernel makes to memory. The compiler puts the calls in (-fsanitize=thread, whose runtime library this file takes the
// place of): bounds, alignment, reads of what was never written, and races are looked for in each.
#include "block.h"

namespace emulator {

namespace {

const char* verb(bool write, bool atomic) { return atomic ? "changes atomically" : (write ? "writes" : "reads"); }
const char* past_verb(bool write, bool atomic) { return atomic ? "changed it atomically" : (write ? "wrote it" : "read it"); }

std::string what_text(bool write, bool atomic, uintptr_t address, size_t bytes) {
  return std::string(verb(write, atomic)) + " " + std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes") + " at " +
         (shared_memory.contains(address) ? describe_shared(address) : describe_address(address));
}

struct Access {
  uintptr_t address;
  size_t bytes;
  bool write, atomic;
  bool changes;  // an atomic that reads and writes
  const void* at;
  std::string text() const { return what_text(write, atomic, address, bytes); }
};

// Whether the block that the earlier interval belongs to told the running one, through atomics, that the access was over.
bool learned_of(uint64_t tag) {
  const std::vector<Learned>& learned = machine.thread->block->learned;
  const uint32_t block = block_of_interval(interval_of(tag));
  if (block >= learned.size()) return false;
  const Learned& l = learned[block];
  return interval_of(tag) < l.interval || (interval_of(tag) == l.interval && thread_of(tag) == l.thread);
}

Warp& own_warp() { return machine.thread->block->warps[machine.thread->number / kWarp]; }
int own_lane() { return machine.thread->number % kWarp; }

// How often the warp had synchronised at an access of this interval, of which the tag has the last bits.
uint32_t full_clock(const Warp& warp, uint64_t tag) { return warp.clock - ((warp.clock - clock_of(tag)) & kClockMask); }

// Those of the lanes whose accesses up to the earlier one's time the running thread does not know to be over.
uint32_t unknown_lanes(uint32_t lanes, uint64_t earlier) {
  const Warp& warp = own_warp();
  lanes &= ~(1u << own_lane());
  if (warp.clock == 0) return lanes;
  const uint32_t clock = full_clock(warp, earlier);
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1)
    if (warp.known[own_lane()][__builtin_ctz(rest)] > clock) lanes &= ~(rest & -rest);
  return lanes;
}

bool same_warp(uint64_t tag) {
  return interval_of(tag) == machine.block_interval && static_cast<int>(thread_of(tag)) / kWarp == machine.thread->number / kWarp;
}

// Another thread touched the same bytes earlier, and one of the two wrote: fails unless something stands between.
__attribute__((noinline)) void conflict(const Access& access, uint64_t earlier, bool earlier_wrote, const void* earlier_at) {
  const uint32_t interval = interval_of(earlier);
  const bool earlier_atomic = earlier & kAtomic;
  const int thread = static_cast<int>(thread_of(earlier));
  if (interval == machine.block_interval) {
    if (same_warp(earlier) && unknown_lanes(1u << thread % kWarp, earlier) == 0) return;
    found(Check::RACE_BLOCK, LAUNCH_FAILED, access.text() + " without a barrier since", access.at,
          name_of_thread(*machine.thread->block, thread) + " " + past_verb(earlier_wrote, earlier_atomic), earlier_at);
  } else if (interval >= operation_first_interval) {
    if (block_of_interval(interval) == machine.block_number || learned_of(earlier)) return;
    found(Check::RACE_GRID, LAUNCH_FAILED, access.text() + " without any order between the blocks", access.at,
          "a thread of block number " + std::to_string(block_of_interval(interval) - 1) + " " + past_verb(earlier_wrote, earlier_atomic),
          earlier_at);
  } else if (!all_in_order && !in_order(interval)) {
    found(Check::RACE_STREAM, LAUNCH_FAILED, access.text() + " without waiting for the other stream, in " + running_operation(), access.at,
          operation_of(interval).what + " " + past_verb(earlier_wrote, earlier_atomic), earlier_at);
  }
}

// A write of what several threads may have read.
__attribute__((noinline)) void conflict_with_readers(const Access& access, const Cell& cell) {
  const uint64_t read = cell.read;
  if ((read & kManyBlocks) && interval_of(read) >= operation_first_interval) {
    if (learned_of(read)) return;
    found(Check::RACE_GRID, LAUNCH_FAILED, access.text() + " without any order between the blocks", access.at,
          "several blocks read it, the last of them", cell.read_at);
  } else if ((read & kManyWarps) && interval_of(read) == machine.block_interval) {
    found(Check::RACE_BLOCK, LAUNCH_FAILED, access.text() + " without a barrier since", access.at,
          "threads of several warps read it, the last of them " + name_of_thread(*machine.thread->block, static_cast<int>(thread_of(read))),
          cell.read_at);
  } else if (same_warp(read)) {
    const uint32_t lanes = unknown_lanes(cell.lanes, read);
    if (lanes == 0) return;
    const int lane = lanes >> thread_of(read) % kWarp & 1 ? static_cast<int>(thread_of(read)) % kWarp : __builtin_ctz(lanes);
    found(Check::RACE_BLOCK, LAUNCH_FAILED, access.text() + " without a barrier since", access.at,
          name_of_thread(*machine.thread->block, machine.thread->number / kWarp * kWarp + lane) + " read it", cell.read_at);
  } else {
    conflict(access, read, false, cell.read_at);
  }
}

inline bool same_thread(uint64_t a, uint64_t b) { return ((a ^ b) & (0xffffffff00000000u | 0x3ffu << 4)) == 0; }

inline void note_read(Cell& cell, uint64_t own, const void* at, uint32_t fresh) {
  const uint64_t read = cell.read;
  uint32_t lanes = 1u << own_lane();
  if (interval_of(read) == machine.block_interval) {
    own = (own | (read & (kManyWarps | kManyBlocks))) & (read | ~kAtomic);
    if (own == read && (cell.lanes & lanes)) return;
    if (!same_warp(read)) {
      own |= kManyWarps;
    } else {
      lanes |= unknown_lanes(cell.lanes, read);
    }
  } else if (interval_of(read) >= operation_first_interval && interval_of(read) >= fresh) {
    if (block_of_interval(interval_of(read)) != machine.block_number) own |= kManyBlocks;
    if (own & kManyBlocks || read & kManyBlocks) own = (own | kManyBlocks) & (read | ~kAtomic);
  }
  cell.read = own;
  cell.read_at = at;
  cell.lanes = lanes;
}

// One cell. `fresh`: the first interval whose accesses count as such.
inline void touch(Cell& cell, const Access& access, uint32_t fresh) {
  const uint64_t own = machine.tag | (access.atomic ? kAtomic : 0);
  const uint64_t write = interval_of(cell.write) >= fresh ? cell.write : 0;
  if (__builtin_expect(write & kPending, 0)) {
    found(Check::ASYNC_COPY, LAUNCH_FAILED, access.text() + " before the cp.async to it was waited for", access.at, "the copy was started",
          cell.write_at);
  }
  if (write != 0 && !same_thread(write, own) && !(access.atomic && (write & kAtomic))) conflict(access, write, true, cell.write_at);
  if (!access.write || access.changes) {
    if (__builtin_expect(!(write & kWritten), 0)) found(Check::UNWRITTEN, LAUNCH_FAILED, access.text() + ", which nobody wrote", access.at);
    // A read that this operation does not come after stays, for the write that often follows: y += x.
    if (!access.write && (all_in_order || fresh != 0 || !unordered_read(cell))) note_read(cell, own, access.at, fresh);
  }
  if (access.write) {
    const uint64_t read = interval_of(cell.read) >= fresh ? cell.read : 0;
    const bool alone = same_thread(read, own) && !(read & (kManyWarps | kManyBlocks)) && cell.lanes == 1u << own_lane();
    if (read != 0 && !alone && !(access.atomic && (read & kAtomic))) conflict_with_readers(access, cell);
    // A plain write is not made good by an atomic of the same thread right behind it.
    const bool covered = access.atomic && !(write & kAtomic) && ((write ^ own) & ~uint64_t{0xf}) == 0;
    cell = covered ? Cell{write, 0, cell.write_at, nullptr, 0} : Cell{own | kWritten, 0, access.at, nullptr, 0};
  }
}

__attribute__((noinline)) void out_of_bounds(const Access& access, bool shared, bool freed) {
  if (shared) {
    found(Check::SHARED_BOUNDS, LAUNCH_FAILED, access.text(), access.at);
  } else {
    found(freed ? Check::FREED : Check::GLOBAL_BOUNDS, ILLEGAL_ADDRESS, access.text(), access.at);
  }
}

// Neither device nor shared memory: the thread's own stack, constants, or memory that it has no business with.
__attribute__((noinline)) void elsewhere(const Access& access) {
  if (is_pinned(reinterpret_cast<const void*>(access.address), access.bytes)) return;
  if (!access.write && is_constant(access.address)) return;
  out_of_bounds(access, false, false);
}

}  // namespace

// See block.h.
void check_access(uintptr_t address, size_t bytes, bool write, bool atomic, bool aligned, const void* at, bool changes) {
  if (machine.thread == nullptr) return;
  if (address - machine.stack_begin < kStackBytes) return;
  const Access access{address, bytes, write, atomic, changes, at};
  const Region* region;
  uint32_t fresh;
  if (device_memory.contains(address)) {
    const Allocation& a = allocation(allocation_of_page[(address - device_memory.begin) / kPageBytes]);
    if (__builtin_expect(address < a.begin || address + bytes > a.end || !a.live, 0)) {
      const bool freed = address >= a.begin && address + bytes <= a.end;
      out_of_bounds(access, false, freed);
      if (!freed) return;
    } else if (a.in_parts &&
               !(named_words[(address - device_memory.begin) / 4] && named_words[(address + bytes - 1 - device_memory.begin) / 4])) {
      out_of_bounds(access, false, false);
    }
    region = &device_memory;
    fresh = 0;
  } else if (shared_memory.contains(address)) {
    const Block& block = *machine.thread->block;
    const int piece = piece_of(address);
    if (__builtin_expect(slot_of(address) != block.slot || piece >= static_cast<int>(block.arrays.size()) ||
                             address < block.arrays[piece].begin || address + bytes > block.arrays[piece].end,
                         0)) {
      out_of_bounds(access, true, false);
      return;
    }
    region = &shared_memory;
    fresh = machine.block_first_interval;
  } else {
    elsewhere(access);
    return;
  }
  if (aligned && __builtin_expect(address % bytes != 0, 0))
    found(Check::MISALIGNED, MISALIGNED_ADDRESS, access.text() + ", which is no multiple of " + std::to_string(bytes), at);
  Cell* const cell = region->cell(address);
  if (__builtin_expect(bytes == 4 && address % 4 == 0 && cell->write != kSplit, 1)) {
    touch(*cell, access, fresh);
    return;
  }
  for_range(*region, address, bytes, write, [&](Cell& each, uintptr_t, int) { touch(each, access, fresh); });
}

void mark_pending(uintptr_t address, size_t bytes, const void* at) {
  for_range(shared_memory, address, bytes, true, [at](Cell& cell, uintptr_t, int) {
    cell = {machine.tag | kWritten | kPending, 0, at, nullptr, 0};
  });
}

void clear_pending(uintptr_t address, size_t bytes) {
  for_range(shared_memory, address, bytes, false, [](Cell& cell, uintptr_t, int) { cell.write &= ~kPending; });
}

}  // namespace emulator

// ---- what the compiler calls ----------------------------------------------------------------------------------------------------------

#define CALLER __builtin_return_address(0)
#define ACCESS(bytes)                                                                          \
  extern "C" VICMAE_API void __tsan_read##bytes(void* p) {                                     \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, false, false, true, CALLER); \
  }                                                                                            \
  extern "C" VICMAE_API void __tsan_write##bytes(void* p) {                                    \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, true, false, true, CALLER);  \
  }                                                                                            \
  extern "C" VICMAE_API void __tsan_volatile_read##bytes(void* p) {                            \
    emulator::let_others_run(CALLER);                                                          \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, false, true, true, CALLER);  \
  }                                                                                            \
  extern "C" VICMAE_API void __tsan_volatile_write##bytes(void* p) {                           \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, true, true, true, CALLER);   \
  }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

#define UNALIGNED(bytes)                                                                       \
  extern "C" VICMAE_API void __tsan_unaligned_read##bytes(void* p) {                           \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, false, false, true, CALLER); \
  }                                                                                            \
  extern "C" VICMAE_API void __tsan_unaligned_write##bytes(void* p) {                          \
    emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, true, false, true, CALLER);  \
  }
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)

// Structures: no single access of their size, so no alignment of its own; their members' alignment is -fsanitize=alignment's matter.
extern "C" VICMAE_API void __tsan_read_range(void* p, size_t bytes) {
  emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, false, false, false, CALLER);
}
extern "C" VICMAE_API void __tsan_write_range(void* p, size_t bytes) {
  emulator::check_access(reinterpret_cast<uintptr_t>(p), bytes, true, false, false, CALLER);
}
extern "C" VICMAE_API void __tsan_init() {}
extern "C" VICMAE_API void __tsan_func_entry(void*) {}
extern "C" VICMAE_API void __tsan_func_exit() {}

extern "C" VICMAE_API void vicmae_touch(const void* address, size_t bytes, size_t alignment, int write, emulator::Place) {
  if (bytes != 0) emulator::check_access(reinterpret_cast<uintptr_t>(address), bytes, write != 0, false, alignment == bytes, CALLER);
}
