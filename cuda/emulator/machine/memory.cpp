// The emulated card's memory: address space reserved once, allocations with untouched space between them, freed ones kept out of use.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "block.h"

namespace emulator {

Region device_memory;
uint32_t* allocation_of_page;
uint8_t* named_words;
uint32_t operation_first_interval = 1;
uint32_t* interval_blocks;
bool all_in_order = true;

namespace {

struct Part {
  uintptr_t begin, end;
  std::string name;
};

std::deque<Allocation> allocations{Allocation{}};  // number 0: none
std::map<uint32_t, std::vector<Part>> parts;
std::map<uintptr_t, size_t> host_ranges;
uintptr_t top;  // the first address that was never given out
uint64_t live_bytes;
bool opened;

constexpr size_t kRemembered = 512;
std::vector<PastOperation> past;
std::vector<uint32_t> blocks_of_intervals;
uint32_t next_interval = 1;
Order running;
std::string running_what;

void* reserve(size_t bytes, int protection) {
  void* memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

struct sigaction previous_handler;

// Device memory is out of the host's reach: says so, then lets the fault take its course.
void on_fault(int signal, siginfo_t* info, void* context) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (device_memory.contains(address) && !opened) {
    const std::string text = "vicmae emulated driver: host_access: the host touched device memory, " + describe_address(address) +
                             "; only kernels and the driver's copies can\n";
    [[maybe_unused]] const ssize_t written = write(2, text.data(), text.size());
  }
  if (previous_handler.sa_flags & SA_SIGINFO && previous_handler.sa_sigaction != nullptr) {
    previous_handler.sa_sigaction(signal, info, context);
  } else if (previous_handler.sa_handler != SIG_DFL && previous_handler.sa_handler != SIG_IGN) {
    previous_handler.sa_handler(signal);
  } else {
    sigaction(signal, &previous_handler, nullptr);
  }
}

bool prepare_arena() {
  if (device_memory.bytes != 0) return true;
  // The shadow takes ten bytes for each, and forty more where single bytes are touched; smaller where the system does not give that much
  // address space.
  for (size_t bytes = size_t{256} << 30; bytes >= size_t{1} << 30; bytes /= 4) {
    void* memory = reserve(bytes, PROT_NONE);
    void* cells = reserve(bytes / 4 * sizeof(Cell), PROT_READ | PROT_WRITE);
    void* byte_cells = reserve(bytes * sizeof(Cell), PROT_READ | PROT_WRITE);
    void* pages = reserve(bytes / kPageBytes * sizeof(uint32_t), PROT_READ | PROT_WRITE);
    void* words = reserve(bytes / 4, PROT_READ | PROT_WRITE);
    if (memory != nullptr && cells != nullptr && byte_cells != nullptr && pages != nullptr && words != nullptr) {
      device_memory = {reinterpret_cast<uintptr_t>(memory), bytes, static_cast<Cell*>(cells), static_cast<Cell*>(byte_cells)};
      allocation_of_page = static_cast<uint32_t*>(pages);
      named_words = static_cast<uint8_t*>(words);
      top = device_memory.begin;
      struct sigaction action = {};
      action.sa_sigaction = on_fault;
      action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
      sigaction(SIGSEGV, &action, &previous_handler);
      return true;
    }
    if (memory != nullptr) munmap(memory, bytes);
    if (cells != nullptr) munmap(cells, bytes / 4 * sizeof(Cell));
    if (byte_cells != nullptr) munmap(byte_cells, bytes * sizeof(Cell));
    if (pages != nullptr) munmap(pages, bytes / kPageBytes * sizeof(uint32_t));
    if (words != nullptr) munmap(words, bytes / 4);
  }
  log("The emulated card's memory could not be reserved: the system gives no address space");
  return false;
}

Allocation* allocation_at(uintptr_t address) {
  if (!device_memory.contains(address)) return nullptr;
  const uint32_t index = allocation_of_page[(address - device_memory.begin) / kPageBytes];
  return index == 0 ? nullptr : &allocations[index];
}

size_t pages_of(const Allocation& a) { return (a.end - 1) / kPageBytes - a.begin / kPageBytes + 1; }

void give_back(const Allocation& a) {
  void* page = reinterpret_cast<void*>(a.begin / kPageBytes * kPageBytes);
  const size_t bytes = pages_of(a) * kPageBytes;
  madvise(page, bytes, MADV_DONTNEED);
  madvise(device_memory.cell(reinterpret_cast<uintptr_t>(page)), bytes / 4 * sizeof(Cell), MADV_DONTNEED);
  madvise(device_memory.byte_cell(reinterpret_cast<uintptr_t>(page)), bytes * sizeof(Cell), MADV_DONTNEED);
}

std::string bytes_text(uint64_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

std::string describe(const Allocation& a) {
  return "allocation " + std::to_string(a.number) + " (" + bytes_text(a.end - a.begin) + " by " + a.how + (a.live ? ")" : ", freed)");
}

}  // namespace

const Allocation& allocation(uint32_t index) { return allocations[index]; }

std::string describe_address(uintptr_t address) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%lx", static_cast<unsigned long>(address));
  const std::string name = text;
  if (address == 0) return "a null pointer";
  if (address < kPageBytes) return name + ", a null pointer with an offset";
  if (!device_memory.contains(address)) return name + ", which is not device memory";
  const Allocation* nearest = nullptr;
  uint64_t distance = ~uint64_t{0};
  for (const Allocation& a : allocations) {
    if (a.number == 0) continue;
    const uint64_t d = address < a.begin ? a.begin - address : (address >= a.end ? address - a.end + 1 : 0);
    if (d < distance || (d == distance && a.live)) {
      distance = d;
      nearest = &a;
    }
  }
  if (nearest == nullptr) return name + ", where nothing was allocated";
  const auto found = parts.find(nearest->number);
  if (found != parts.end()) {
    const Part* best = nullptr;
    uint64_t least = ~uint64_t{0};
    for (const Part& p : found->second) {
      const uint64_t d = address < p.begin ? p.begin - address : (address >= p.end ? address - p.end + 1 : 0);
      if (d < least) {
        least = d;
        best = &p;
      }
    }
    if (best != nullptr) {
      const std::string tensor = "'" + best->name + "' (" + bytes_text(best->end - best->begin) + (nearest->live ? ")" : ", freed)");
      if (address < best->begin) return name + ", " + distance_text(best->begin - address, "before ") + tensor;
      if (address >= best->end) return name + ", " + distance_text(address - best->end, "behind the end of ") + tensor;
      return name + ", byte " + std::to_string(address - best->begin) + " of " + tensor;
    }
  }
  if (address < nearest->begin) return name + ", " + distance_text(nearest->begin - address, "before ") + describe(*nearest);
  if (address >= nearest->end) return name + ", " + distance_text(address - nearest->end, "behind the end of ") + describe(*nearest);
  return name + ", byte " + std::to_string(address - nearest->begin) + " of " + describe(*nearest);
}

void open_memory() {
  if (!opened && top > device_memory.begin)
    mprotect(reinterpret_cast<void*>(device_memory.begin), top - device_memory.begin, PROT_READ | PROT_WRITE);
  opened = true;
}

void shut_memory() {
  if (on(Check::HOST_ACCESS) && top > device_memory.begin)
    mprotect(reinterpret_cast<void*>(device_memory.begin), top - device_memory.begin, PROT_NONE);
  opened = false;
}

Result allocate(uint64_t* address, size_t bytes, const char* how) {
  if (bytes == 0) {
    log(std::string(how) + " was asked for 0 bytes");
    return INVALID_VALUE;
  }
  if (!prepare_arena()) return OUT_OF_MEMORY;
  // A page's last bytes would be out of bounds unseen: an allocation begins 256 bytes into a page of its own and a page is left free
  // behind.
  const uint64_t memory = options().memory;
  if (live_bytes > memory || bytes > memory - live_bytes || bytes > device_memory.bytes) return OUT_OF_MEMORY;
  const size_t pages = (256 + bytes + kPageBytes - 1) / kPageBytes + 1;
  if (top + pages * kPageBytes > device_memory.begin + device_memory.bytes) return OUT_OF_MEMORY;
  Allocation a;
  a.begin = top + 256;
  a.end = a.begin + bytes;
  a.number = static_cast<uint32_t>(allocations.size());
  a.live = true;
  a.how = how;
  const size_t first = (top - device_memory.begin) / kPageBytes;
  for (size_t i = 0; i < pages; i++) allocation_of_page[first + i] = a.number;
  mprotect(reinterpret_cast<void*>(top), pages * kPageBytes, PROT_READ | PROT_WRITE);
  std::memset(reinterpret_cast<void*>(a.begin), 0xff, bytes);
  if (!opened && on(Check::HOST_ACCESS)) mprotect(reinterpret_cast<void*>(top), pages * kPageBytes, PROT_NONE);
  top += pages * kPageBytes;
  allocations.push_back(a);
  live_bytes += bytes;
  *address = a.begin;
  return SUCCESS;
}

Result release(uint64_t address) {
  Allocation* a = allocation_at(address);
  if (a == nullptr || a->begin != address || !a->live) {
    log("A free was given " + describe_address(address) + ": it takes the start of a live allocation");
    return INVALID_VALUE;
  }
  a->live = false;
  live_bytes -= a->end - a->begin;
  if (on(Check::FREED)) give_back(*a);
  return SUCCESS;
}

Result name_part(uint64_t address, size_t bytes, const char* name) {
  Allocation* a = allocation_at(address);
  if (a == nullptr || !a->live || address < a->begin || address > a->end || bytes > a->end - address) {
    log("The part '" + std::string(name) + "' at " + describe_address(address) + " lies in no live allocation");
    return INVALID_VALUE;
  }
  std::vector<Part>& own = parts[a->number];
  const auto place = std::upper_bound(own.begin(), own.end(), address, [](uint64_t v, const Part& p) { return v < p.begin; });
  own.insert(place, {address, address + bytes, name});
  a->in_parts = true;
  std::memset(named_words + (address - device_memory.begin) / 4, 1, (bytes + 3) / 4);
  return SUCCESS;
}

Result check_range(uint64_t address, size_t bytes, const char* what) {
  if (bytes == 0) return SUCCESS;
  const Allocation* a = allocation_at(address);
  if (a != nullptr && a->live && address >= a->begin && address <= a->end && bytes <= a->end - address) return SUCCESS;
  log(std::string(what) + " of " + bytes_text(bytes) + " was given " + describe_address(address) +
      ": it does not lie in one live allocation");
  return INVALID_VALUE;
}

bool is_device(uint64_t address) { return device_memory.contains(address); }

bool find_allocation(uint64_t address, uint64_t* begin, size_t* bytes) {
  const Allocation* a = allocation_at(address);
  if (a == nullptr || !a->live || address < a->begin || address >= a->end) return false;
  *begin = a->begin;
  *bytes = a->end - a->begin;
  return true;
}

bool find_part(uint64_t address, uint64_t* begin, size_t* bytes) {
  if (!find_allocation(address, begin, bytes)) return false;
  const Allocation& a = *allocation_at(address);
  const auto named = [](uintptr_t at) { return named_words[(at - device_memory.begin) / 4] != 0; };
  if (!a.in_parts || !named(address)) return true;
  uintptr_t first = address & ~uintptr_t{3}, last = first + 4;
  while (first >= a.begin + 4 && named(first - 4)) first -= 4;
  while (last < a.end && named(last)) last += 4;
  *begin = first;
  *bytes = std::min(last, a.end) - first;
  return true;
}

uint64_t used_memory() { return live_bytes; }

int end_memory() {
  int leaks = 0;
  for (Allocation& a : allocations) {
    if (!a.live) continue;
    const auto named = parts.find(a.number);
    if (on(Check::LEAK)) {
      log("leak: " + describe(a) + " was not freed before its context ended" +
          (named == parts.end() ? "" : "; it holds '" + named->second.front().name + "'"));
      leaks++;
    }
    release(a.begin);
  }
  parts.clear();
  return leaks;
}

void add_host_range(void* begin, size_t bytes) { host_ranges[reinterpret_cast<uintptr_t>(begin)] = bytes; }
void remove_host_range(void* begin) { host_ranges.erase(reinterpret_cast<uintptr_t>(begin)); }

bool is_pinned(const void* address, size_t bytes) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(address);
  auto after = host_ranges.upper_bound(at);
  if (after == host_ranges.begin()) return false;
  --after;
  return at + bytes <= after->first + after->second;
}

// ---- operations -----------------------------------------------------------------------------------------------------------------------

uint32_t new_interval(uint32_t block) {
  if (next_interval == 0xffffffffu) {
    std::fprintf(stderr, "vicmae emulated driver: more than four billion intervals between barriers in one process\n");
    std::abort();
  }
  blocks_of_intervals.push_back(block);
  interval_blocks = blocks_of_intervals.data();
  return next_interval++;
}

void begin_operation(const Order& order, const std::string& what) {
  // Intervals count through the whole process; those of a launch are forgotten one by one, those of operations stay.
  operation_first_interval = next_interval;
  blocks_of_intervals.clear();
  // Very old operations are forgotten: they count as done before all that follows.
  if (past.size() > 2 * kRemembered) past.erase(past.begin(), past.end() - kRemembered);
  all_in_order = true;
  for (const PastOperation& p : past)
    all_in_order = all_in_order && p.order.stream < order.seen.size() && order.seen[p.order.stream] >= p.order.index;
  running = order;
  running_what = what;
  past.push_back({operation_first_interval, order, what});
  new_interval(0);
  open_memory();
}

std::string running_operation() { return running_what; }

void end_operation() { shut_memory(); }

const PastOperation& operation_of(uint32_t interval) {
  static const PastOperation forgotten{0, {}, "an earlier operation"};
  auto after =
      std::upper_bound(past.begin(), past.end(), interval, [](uint32_t v, const PastOperation& p) { return v < p.first_interval; });
  return after == past.begin() ? forgotten : *--after;
}

bool in_order(uint32_t interval) {
  const PastOperation& p = operation_of(interval);
  return p.first_interval == 0 || (p.order.stream < running.seen.size() && running.seen[p.order.stream] >= p.order.index);
}

}  // namespace emulator
