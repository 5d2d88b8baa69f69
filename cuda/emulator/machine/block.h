// The machine: thread blocks in flight, their threads as fibers, and what the running thread may do.
#pragma once

#include <string>
#include <vector>

#include "../kernel.h"
#include "fiber.h"
#include "shadow.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim
#undef memcpy
#undef memset

namespace emulator {

constexpr int kMaxThreads = 1024;
constexpr int kWarp = 32;

struct Block;

struct PendingCopy {
  char* to;
  const char* from;
  int bytes, from_bytes;
  const void* at;  // the code that asked for it
};

struct Thread {
  // YIELDED: runs again once no other can
  enum State : uint8_t { READY, YIELDED, AT_BARRIER, IN_COLLECTIVE, DONE };
  Fiber fiber;
  Block* block = nullptr;
  uint3 index{};
  int number = 0;  // in the block
  State state = READY;
  bool fenced = false;  // since its block's last barrier
  int spins = 0;
  const void* spins_at = nullptr;
  Place waits{};
  const char* waits_for = "";
  std::vector<PendingCopy> uncommitted;
  std::vector<std::vector<PendingCopy>> groups;
};

// Lanes of a warp on their way into one collective.
struct Meeting {
  const char* what;
  CollectiveBody body;
  Place place;
  const void* at;  // the code that called first
  unsigned mask, arrived;
  const void* in[kWarp];
  void* out[kWarp];
};

struct Warp {
  std::vector<Meeting> meetings;
  unsigned lanes = 0;  // those that the block has
  unsigned live = 0;   // those that have not returned
  uint32_t clock = 0;  // synchronisations so far in this interval, of whichever lanes
  // known[a][b]: lane a knows that what lane b did before that synchronisation is over.
  uint32_t known[kWarp][kWarp] = {};
  char meeting[1];  // an address for ThreadSanitizer
};

struct SharedArray {
  const char* name;
  Place place;
  uintptr_t begin, end;
};

// What a block learned of another through an atomic: that its accesses up to an interval happened.
struct Learned {
  uint32_t interval, thread;
};

struct Block {
  int slot = 0;
  uint32_t number = 0;  // in the grid, from 1
  uint3 index{};
  int size = 0, done = 0, at_barrier = 0, barrier_sum = 0, barrier_result = 0;
  Place barrier{};
  const void* barrier_at = nullptr;  // the code that called first
  int barrier_first = 0;             // the thread that came first
  int returned_first = -1;
  uint32_t interval = 0, first_interval = 0;
  Thread threads[kMaxThreads];
  Warp warps[kMaxThreads / kWarp];
  std::vector<SharedArray> arrays;
  size_t shared_bytes = 0;
  std::vector<Learned> learned;  // by block number; grows only where atomics are used
  bool active = false;
  char meeting[2];  // addresses for ThreadSanitizer: barriers in turn
};

// The running launch and thread. Kernels run one at a time, on one thread of the operating system, under lock().
struct Machine {
  const LaunchRequest* launch = nullptr;
  Thread* thread = nullptr;
  uint64_t tag = 0;  // the running thread's, without bytes
  uint32_t block_interval = 0, block_first_interval = 0, block_number = 0;
  uintptr_t stack_begin = 0;
  Fiber scheduler;
  Result result = SUCCESS;
  void (*job)(void*) = nullptr;  // of a thread whose stack is too small for it: see on_scheduler
  void* job_argument = nullptr;
};
extern Machine machine;

// Shared memory: a slot for each block in flight, an array at the start of each of its pieces.
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr int kPieces = 64;
extern Region shared_memory;
inline int slot_of(uintptr_t address) { return static_cast<int>((address - shared_memory.begin) / (kPieceBytes * kPieces)); }
inline int piece_of(uintptr_t address) { return static_cast<int>((address - shared_memory.begin) / kPieceBytes % kPieces); }
std::string describe_shared(uintptr_t address);

// A mistake was found. With the check off it returns; else it is logged with the kernel, block, thread and lines, and the launch is over:
// it does not return. `at` are addresses of code: of the access, and of an earlier one.
void found(Check check, Result result, const std::string& what, const void* at, const std::string& other = "",
           const void* other_at = nullptr);
std::string name_of_thread(const Block& block, int thread);
std::string index_text(uint3 index);
// "12 bytes behind the end of ", or "right behind the end of " for 0.
std::string distance_text(size_t bytes, const char* side);
std::string running_operation();
// "layer_norm.cu:31 in layer_norm_forward", with the callers of inlined functions, for an address of code.
std::string source_of(const void* code);
void set_tag();
// Forgets what blocks told each other in the launch before.
void start_launch();

// The checks of one access; returns if it may be made. `changes`: an atomic that reads what it then writes.
void check_access(uintptr_t address, size_t bytes, bool write, bool atomic, bool aligned, const void* at, bool changes = false);
// The target of a cp.async between its start and its wait.
void mark_pending(uintptr_t address, size_t bytes, const void* at);
void clear_pending(uintptr_t address, size_t bytes);
// Read-only data of a library.
bool is_constant(uintptr_t address);
// For a thread that may be waiting for another in a loop: every so often the others get their turn.
void let_others_run(const void* at);

}  // namespace emulator
