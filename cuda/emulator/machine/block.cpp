// Runs a launch: blocks in flight, a fiber for each of their threads, and an order among them that is as unfair as the schedule wants.
#include "block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "failure.h"
#include "meetings.h"
#include "record.h"
#include "sanitizers.h"

namespace emulator {

Machine machine;
Region shared_memory;
std::vector<std::unique_ptr<Block>> slots;

namespace {

constexpr uint32_t kStaticSharedLimit = 48 * 1024;
// Each stack takes two of a process's 65530 mappings, its own and its guard's.
constexpr int kMaxStacks = 16384;
// Rounds of 64 looks by every thread before a launch is given up.
constexpr int kPatience = 5000;

Stacks stacks;
uint64_t random_state;

uint64_t next_random() {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return random_state >> 33;
}

// Threads that can run, by slot and number.
struct ReadySet {
  std::vector<uint64_t> words;
  int count = 0;
  void reset(int slot_count) {
    words.assign(static_cast<size_t>(slot_count) * kMaxThreads / 64, 0);
    count = 0;
  }
  void add(int i) {
    words[i / 64] |= uint64_t{1} << i % 64;
    count++;
  }
  void remove(int i) {
    words[i / 64] &= ~(uint64_t{1} << i % 64);
    count--;
  }
  int first_from(int from) const {
    const int size = static_cast<int>(words.size());
    for (int step = 0, w = from / 64; step <= size; step++, w = w + 1 == size ? 0 : w + 1) {
      uint64_t word = words[w];
      if (step == 0) word &= ~uint64_t{0} << from % 64;
      if (word != 0) return w * 64 + __builtin_ctzll(word);
    }
    return -1;
  }
  int last() const {
    for (int w = static_cast<int>(words.size()) - 1; w >= 0; w--)
      if (words[w] != 0) return w * 64 + 63 - __builtin_clzll(words[w]);
    return -1;
  }
};
ReadySet ready, yielded;

// Close together, so that blocks of few threads take few stacks.
void* stack_of(const Block& block, int thread) { return stacks.at(block.slot * block.size + thread); }
int id_of(const Thread& t) { return t.block->slot * kMaxThreads + t.number; }
Thread& thread_of_id(int id) { return slots[id / kMaxThreads]->threads[id % kMaxThreads]; }

int choose(int last_run) {
  const int size = static_cast<int>(ready.words.size()) * 64;
  switch (options().schedule) {
    case Schedule::FORWARD:
      return ready.first_from(0);
    case Schedule::REVERSE:
      return ready.last();
    case Schedule::FAIR:
      return ready.first_from((last_run + 1) % size);
    case Schedule::RANDOM:
      break;
  }
  return ready.first_from(static_cast<int>(next_random() % size));
}

// A thread that returns is missed by those who wait for it.
void finish_thread(Thread& t) {
  Block& block = *t.block;
  t.state = Thread::DONE;
  block.done++;
  block.warps[t.number / kWarp].live &= ~(1u << t.number % kWarp);
  if (block.returned_first < 0) block.returned_first = t.number;
  if (block.at_barrier > 0 && block.at_barrier + block.done == block.size) {
    missing_thread(block);
    release_barrier(block);
  }
}

void run_thread(void* argument) {
  Thread& t = *static_cast<Thread*>(argument);
  Fiber::started(machine.scheduler);
  machine.launch->kernel->call(machine.launch->arguments);
  {
    const Unobserved unobserved;
    finish_thread(t);
  }
  leave(true);
  __builtin_unreachable();
}

}  // namespace

void make_ready(Thread& t) {
  t.state = Thread::READY;
  ready.add(id_of(t));
}

void on_scheduler(void (*job)(void*), void* argument) {
  machine.job = job;
  machine.job_argument = argument;
  leave();
}

void leave(bool ends) { machine.scheduler.resume(machine.thread->fiber, ends); }

void set_tag() {
  Thread& t = *machine.thread;
  machine.block_interval = t.block->interval;
  machine.tag = tag_of(t.block->interval, t.block->warps[t.number / kWarp].clock, static_cast<uint32_t>(t.number));
}

std::string describe_shared(uintptr_t address) {
  const Block& block = *slots[slot_of(address)];
  const size_t piece = static_cast<size_t>(piece_of(address));
  if (&block != machine.thread->block) return "another block's shared memory";
  if (piece >= block.arrays.size()) return "shared memory outside every array";
  const SharedArray& a = block.arrays[piece];
  const std::string name = "shared '" + std::string(a.name) + "' (" + std::to_string(a.end - a.begin) + " bytes)";
  if (address < a.begin) return distance_text(a.begin - address, "before ") + name;
  if (address >= a.end) return distance_text(address - a.end, "behind the end of ") + name;
  return name + ", byte " + std::to_string(address - a.begin);
}

static void* add_shared_array(Block& block, const char* name, Place place, size_t bytes, size_t alignment);

namespace {

void start_block(Block& block, int slot, uint32_t number) {
  const LaunchRequest& launch = *machine.launch;
  block.slot = slot;
  block.number = number;
  const uint32_t linear = number - 1;
  block.index = {linear % launch.grid.x, linear / launch.grid.x % launch.grid.y, linear / launch.grid.x / launch.grid.y};
  block.size = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
  block.done = block.at_barrier = block.barrier_sum = 0;
  block.returned_first = -1;
  block.interval = block.first_interval = new_interval(number);
  block.arrays.clear();
  block.shared_bytes = 0;
  block.learned.clear();
  block.active = true;
  for (int w = 0; w * kWarp < block.size; w++) {
    Warp& warp = block.warps[w];
    warp.meetings.clear();
    warp.lanes = block.size - w * kWarp >= kWarp ? ~0u : (1u << (block.size - w * kWarp)) - 1;
    warp.live = warp.lanes;
    forget(warp);
  }
  start_afresh(stack_of(block, 0), static_cast<size_t>(block.size) * Stacks::kStride - Stacks::kGuard);
  // The first piece is the dynamic shared memory's, even if there is none.
  add_shared_array(block, "dynamic shared memory", {"", 0}, launch.dynamic_shared, 16);
  for (int i = 0; i < block.size; i++) {
    Thread& t = block.threads[i];
    t.block = &block;
    t.number = i;
    const unsigned n = static_cast<unsigned>(i);
    t.index = {n % launch.block.x, n / launch.block.x % launch.block.y, n / launch.block.x / launch.block.y};
    t.fenced = false;
    t.spins = 0;
    t.uncommitted.clear();
    t.groups.clear();
    t.fiber.prepare(stack_of(block, i), kStackBytes, run_thread, &t);
    make_ready(t);
  }
}

// All threads that are left have been asking for something, over and over, for so long that it will not come.
void give_up() {
  machine.result = LAUNCH_TIMEOUT;  // even with the check off: the launch would never end
  const int id = yielded.first_from(0);
  Block& block = *thread_of_id(id).block;
  found_in(block, id % kMaxThreads, Check::TIMEOUT, LAUNCH_TIMEOUT,
           "waits in a loop for what never comes; " + std::to_string(yielded.count) + " threads wait so, and no other can run. " +
               "A block may wait for another only if both are sure to be in flight: a cooperative launch, or a counter that orders them",
           {"", 0}, thread_of_id(id).spins_at);
}

bool prepare_slots(int count, int threads) {
  while (static_cast<int>(slots.size()) < count) slots.push_back(std::make_unique<Block>());
  stacks.reserve(count * threads);
  const size_t bytes = static_cast<size_t>(count) * kPieces * kPieceBytes;
  if (bytes <= shared_memory.bytes) return true;
  const auto reserve = [](size_t size) {
    return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  };
  void* memory = reserve(bytes);
  void* cells = reserve(bytes / 4 * sizeof(Cell));
  void* byte_cells = reserve(bytes * sizeof(Cell));
  if (memory == MAP_FAILED || cells == MAP_FAILED || byte_cells == MAP_FAILED) {
    log("There is no address space for the shared memory of " + std::to_string(count) + " blocks");
    return false;
  }
  if (shared_memory.bytes != 0) {
    munmap(reinterpret_cast<void*>(shared_memory.begin), shared_memory.bytes);
    munmap(shared_memory.cells, shared_memory.bytes / 4 * sizeof(Cell));
    munmap(shared_memory.byte_cells, shared_memory.bytes * sizeof(Cell));
  }
  shared_memory = {reinterpret_cast<uintptr_t>(memory), bytes, static_cast<Cell*>(cells), static_cast<Cell*>(byte_cells)};
  return true;
}

}  // namespace

static void* add_shared_array(Block& block, const char* name, Place place, size_t bytes, size_t alignment) {
  const size_t piece = block.arrays.size();
  if (piece >= kPieces || bytes > kPieceBytes / 2) {
    found(Check::SHARED_BOUNDS, LAUNCH_FAILED, "has more shared memory than the emulator knows: '" + std::string(name) + "'", nullptr);
    std::abort();
  }
  // Aligned as asked and no better, and far from its neighbours.
  const uintptr_t begin = shared_memory.begin + (static_cast<size_t>(block.slot) * kPieces + piece) * kPieceBytes + kPieceBytes / 4 +
                          std::max<size_t>(alignment, 4);
  block.arrays.push_back({name, place, begin, begin + bytes});
  start_afresh(reinterpret_cast<void*>(begin / 4096 * 4096), (bytes + 2 * 4096 - 1) / 4096 * 4096);
  poison_around(begin, begin + bytes, shared_memory.begin + (static_cast<size_t>(block.slot) * kPieces + piece) * kPieceBytes, kPieceBytes);
  std::memset(reinterpret_cast<void*>(begin), 0xff, bytes);
  return reinterpret_cast<void*>(begin);
}

Result run(const LaunchRequest& launch) {
  const Unobserved unobserved;
  record_launch(launch);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const int threads = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
  const int resident = std::clamp(kMaxStacks / threads, 1, std::max(1, options().resident));
  const int wanted = launch.cooperative ? static_cast<int>(blocks) : resident;
  const int count = static_cast<int>(std::min<uint64_t>(blocks, static_cast<uint64_t>(wanted)));
  if (!prepare_slots(count, threads)) return LAUNCH_OUT_OF_RESOURCES;
  machine.launch = &launch;
  machine.result = SUCCESS;
  random_state = options().seed * 0x9e3779b97f4a7c15u + operation_first_interval;
  ready.reset(count);
  yielded.reset(count);
  start_launch();
  for (const auto& block : slots) block->active = false;
  uint64_t started = 0;
  int alive = 0, last = -1, rounds = 0;
  for (int s = 0; s < count; s++, alive++) start_block(*slots[s], s, static_cast<uint32_t>(++started));
  while (alive > 0 && machine.result == SUCCESS) {
    if (ready.count == 0 && yielded.count > 0) {
      if (++rounds > kPatience) {
        give_up();
        break;
      }
      std::swap(ready, yielded);
      for (int id = ready.first_from(0), n = ready.count; n > 0;
           n--, id = ready.first_from(id + 1 < static_cast<int>(ready.words.size()) * 64 ? id + 1 : 0))
        thread_of_id(id).state = Thread::READY;
    }
    if (ready.count == 0) {
      break_deadlock();
      continue;
    }
    const int id = choose(last);
    last = id;
    Thread& t = thread_of_id(id);
    Block& block = *t.block;
    ready.remove(id);
    machine.thread = &t;
    machine.block_first_interval = block.first_interval;
    machine.block_number = block.number;
    machine.stack_begin = reinterpret_cast<uintptr_t>(stack_of(block, t.number));
    set_tag();
    t.fiber.resume(machine.scheduler);
    while (machine.job != nullptr) {
      std::exchange(machine.job, nullptr)(machine.job_argument);
      t.fiber.resume(machine.scheduler);
    }
    machine.thread = nullptr;
    if (t.state != Thread::YIELDED) rounds = 0;
    if (has_failure()) {
      report_failure();
      break;
    }
    if (block.active && block.done == block.size) {
      block.active = false;
      if (started < blocks) {
        start_block(block, block.slot, static_cast<uint32_t>(++started));
      } else {
        alive--;
      }
    }
  }
  machine.launch = nullptr;
  return machine.result;
}

void stop_thread() {
  leave(true);
  __builtin_unreachable();
}

void let_others_run(const void* at) {
  Thread* t = machine.thread;
  if (t == nullptr || ++t->spins % 64 != 0) return;
  t->spins_at = at;
  t->state = Thread::YIELDED;
  yielded.add(id_of(*t));
  leave();
}

}  // namespace emulator

using namespace emulator;

extern "C" {

uint3 vicmae_thread_index() { return machine.thread->index; }
uint3 vicmae_block_index() { return machine.thread->block->index; }
uint3 vicmae_block_dim() { return {machine.launch->block.x, machine.launch->block.y, machine.launch->block.z}; }
uint3 vicmae_grid_dim() { return {machine.launch->grid.x, machine.launch->grid.y, machine.launch->grid.z}; }

void* vicmae_shared_array(const char* name, size_t bytes, size_t alignment, Place place) {
  const Unobserved unobserved;
  Block& block = *machine.thread->block;
  for (size_t i = 1; i < block.arrays.size(); i++) {
    const SharedArray& a = block.arrays[i];
    if (same_place(a.place, place) && std::strcmp(a.name, name) == 0) return reinterpret_cast<void*>(a.begin);
  }
  block.shared_bytes = (block.shared_bytes + alignment - 1) / alignment * alignment + bytes;
  if (block.shared_bytes > kStaticSharedLimit) {
    found(Check::SHARED_BOUNDS, LAUNCH_FAILED,
          "declares '" + std::string(name) + "': its block has " + std::to_string(block.shared_bytes) +
              " bytes of shared arrays, the limit is 49152",
          __builtin_return_address(0));
  }
  return add_shared_array(block, name, place, bytes, alignment);
}

void* vicmae_dynamic_shared() { return reinterpret_cast<void*>(machine.thread->block->arrays[0].begin); }

}  // extern "C"
