// Copies and fills, by the driver and by kernels (cp.async), and atomics: what is known of the bytes moves along with them.
#include <algorithm>
#include <cstring>
#include <map>

#include "block.h"
#include "failure.h"
#include "sanitizers.h"

namespace emulator {

namespace {

// What other operations did to a word: an error if this one is not in order with it.
void check_order(const Cell& cell, bool write, uintptr_t address) {
  if (all_in_order || machine.result != SUCCESS) return;
  const bool after_write = cell.write != 0 && interval_of(cell.write) < operation_first_interval && !in_order(interval_of(cell.write));
  const bool after_read = write && cell.read != 0 && interval_of(cell.read) < operation_first_interval && !in_order(interval_of(cell.read));
  if (!after_write && !after_read) return;
  const uint32_t other = interval_of(after_write ? cell.write : cell.read);
  found(Check::RACE_STREAM, LAUNCH_FAILED,
        std::string(write ? "writes " : "reads ") + describe_address(address) + " without waiting for the other stream", nullptr,
        operation_of(other).what + (after_write ? " wrote it" : " read it"), after_write ? cell.write_at : cell.read_at);
}

uint64_t operation_tag() { return static_cast<uint64_t>(operation_first_interval) << 32; }

void set_written(Cell& cell, uintptr_t address, bool written) {
  check_order(cell, true, address);
  cell = {operation_tag() | (written ? kWritten : 0), 0, nullptr, nullptr, 0};
}

void mark_written(uintptr_t begin, size_t bytes) {
  for_range(device_memory, begin, bytes, true, [](Cell& cell, uintptr_t at, int) { set_written(cell, at, true); });
}

void mark_read(uintptr_t begin, size_t bytes) {
  for_range(device_memory, begin, bytes, false, [](Cell& cell, uintptr_t at, int) {
    check_order(cell, false, at);
    if (!all_in_order && unordered_read(cell)) return;
    cell.read = operation_tag();
    cell.read_at = nullptr;
    cell.lanes = 0;
  });
}

// Whether the memory of a copy or fill is still there: it may have been freed since the call.
bool still_there(uint64_t address, size_t bytes, const char* verb) {
  uint64_t begin;
  size_t size;
  if (bytes == 0 || find_allocation(address, &begin, &size)) return true;
  found(Check::FREED, ILLEGAL_ADDRESS, verb + (" " + describe_address(address)), nullptr);
  return machine.result == SUCCESS;
}

// By the address of an atomic: what blocks told each other through it.
std::map<uintptr_t, std::vector<Learned>> told;

void merge(std::vector<Learned>& to, const std::vector<Learned>& from) {
  if (to.size() < from.size()) to.resize(from.size());
  for (size_t i = 0; i < from.size(); i++)
    if (from[i].interval > to[i].interval) to[i] = from[i];
}

}  // namespace

Result copy_to_device(uint64_t to, const void* from, size_t bytes) {
  machine.result = SUCCESS;
  if (still_there(to, bytes, "writes")) mark_written(to, bytes);
  if (machine.result == SUCCESS) std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return machine.result;
}

Result copy_to_host(void* to, uint64_t from, size_t bytes) {
  machine.result = SUCCESS;
  if (still_there(from, bytes, "reads")) mark_read(from, bytes);
  if (machine.result == SUCCESS) std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return machine.result;
}

Result copy_on_device(uint64_t to, uint64_t from, size_t bytes) {
  machine.result = SUCCESS;
  if (!still_there(from, bytes, "reads") || !still_there(to, bytes, "writes")) return machine.result;
  mark_read(from, bytes);
  // A copy of what nobody wrote is still what nobody wrote.
  std::vector<bool> written;
  written.reserve(bytes);
  for_range(device_memory, from, bytes, false, [&](const Cell& cell, uintptr_t, int count) {
    written.insert(written.end(), static_cast<size_t>(count), cell.write & kWritten);
  });
  for (size_t i = 0; i < bytes;) {
    size_t same = 1;
    while (i + same < bytes && written[i + same] == written[i]) same++;
    for_range(device_memory, to + i, same, true, [&](Cell& cell, uintptr_t at, int) { set_written(cell, at, written[i]); });
    i += same;
  }
  if (machine.result == SUCCESS) std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return machine.result;
}

Result fill(uint64_t to, uint32_t value, int width, size_t count) {
  machine.result = SUCCESS;
  const size_t bytes = static_cast<size_t>(width) * count;
  if (still_there(to, bytes, "writes")) mark_written(to, bytes);
  if (machine.result != SUCCESS) return machine.result;
  char* at = reinterpret_cast<char*>(to);
  if (width == 1) {
    std::memset(at, static_cast<int>(value), count);
  } else {
    for (size_t i = 0; i < count; i++) std::memcpy(at + i * static_cast<size_t>(width), &value, static_cast<size_t>(width));
  }
  return SUCCESS;
}

void start_launch() { told.clear(); }

// A cp.async that was waited for: the bytes are read and arrive now, as late as they may, by the hand of the thread that asked for them.
static void arrive(const PendingCopy& copy) {
  if (copy.from_bytes > 0)
    check_access(reinterpret_cast<uintptr_t>(copy.from), static_cast<size_t>(copy.from_bytes), false, false, false, copy.at);
  clear_pending(reinterpret_cast<uintptr_t>(copy.to), static_cast<size_t>(copy.bytes));
  check_access(reinterpret_cast<uintptr_t>(copy.to), static_cast<size_t>(copy.bytes), true, false, true, copy.at);
  std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.from_bytes));
  std::memset(copy.to + copy.from_bytes, 0, static_cast<size_t>(copy.bytes - copy.from_bytes));
}

}  // namespace emulator

using namespace emulator;

extern "C" {

void vicmae_fence(int scope) {
  if (scope > 0) machine.thread->fenced = true;
}

void vicmae_atomic(const void* address, size_t bytes, const void* code) {
  const Unobserved unobserved;
  let_others_run(code);
  const uintptr_t at = reinterpret_cast<uintptr_t>(address);
  check_access(at, bytes, true, true, true, code, true);
  if (machine.thread->fenced) before_wait(const_cast<void*>(address));
  after_wait(const_cast<void*>(address));
  if (!device_memory.contains(at)) return;
  Thread& t = *machine.thread;
  Block& block = *t.block;
  std::vector<Learned>& here = told[at];
  if (t.fenced) {  // the fence is what makes the writes before it known
    if (block.learned.size() <= block.number) block.learned.resize(block.number + 1);
    block.learned[block.number] = {block.interval, static_cast<uint32_t>(t.number)};
    merge(here, block.learned);
  }
  merge(block.learned, here);
}

void vicmae_copy_async(void* to, const void* from, int bytes, int from_bytes, Place) {
  const Unobserved unobserved;
  const uintptr_t target = reinterpret_cast<uintptr_t>(to);
  const void* at = __builtin_return_address(0);
  if (!shared_memory.contains(target))
    found(Check::SHARED_BOUNDS, LAUNCH_FAILED, "starts a cp.async to " + describe_address(target) + ": it copies to shared memory", at);
  if (from_bytes < 0 || from_bytes > bytes) {
    found(Check::SHARED_BOUNDS, LAUNCH_FAILED,
          "starts a cp.async of " + std::to_string(bytes) + " bytes that takes " + std::to_string(from_bytes) + " of them from its source",
          at);
    from_bytes = std::clamp(from_bytes, 0, bytes);
  }
  if (reinterpret_cast<uintptr_t>(from) % static_cast<uintptr_t>(bytes) != 0 && on(Check::MISALIGNED)) {
    found(Check::MISALIGNED, MISALIGNED_ADDRESS,
          "starts a cp.async of " + std::to_string(bytes) + " bytes from " + describe_address(reinterpret_cast<uintptr_t>(from)) +
              ", which is no multiple of that",
          at);
  }
  if (from_bytes > 0) check_access(reinterpret_cast<uintptr_t>(from), static_cast<size_t>(from_bytes), false, false, false, at);
  check_access(target, static_cast<size_t>(bytes), true, false, true, at);
  mark_pending(target, static_cast<size_t>(bytes), at);
  machine.thread->uncommitted.push_back({static_cast<char*>(to), static_cast<const char*>(from), bytes, from_bytes, at});
}

void vicmae_copy_async_commit() {
  const Unobserved unobserved;
  Thread& t = *machine.thread;
  t.groups.push_back(std::move(t.uncommitted));
  t.uncommitted.clear();
}

// Waits until at most `groups` of the groups are under way.
void vicmae_copy_async_wait(int groups) {
  const Unobserved unobserved;
  Thread& t = *machine.thread;
  while (static_cast<int>(t.groups.size()) > groups) {
    for (const PendingCopy& copy : t.groups.front()) arrive(copy);
    t.groups.erase(t.groups.begin());
  }
}

}  // extern "C"
