// What the two halves of the emulated driver share: the entry points of the CUDA driver (driver/) and the machine that runs kernels and
// keeps its memory (machine/). Everything runs under one lock, lock(), on the thread that called the driver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace emulator {

// CUDA's error numbers (CUresult).
enum Result : int {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY_FOR_GPU = 209,
  INVALID_PTX = 218,
  UNSUPPORTED_PTX_VERSION = 222,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  LAUNCH_TIMEOUT = 702,
  CONTEXT_IS_DESTROYED = 709,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
  NOT_PERMITTED = 800,
  NOT_SUPPORTED = 801,
  STREAM_CAPTURE_UNSUPPORTED = 900,
  STREAM_CAPTURE_INVALIDATED = 901,
  STREAM_CAPTURE_WRONG_THREAD = 908,
  UNKNOWN = 999,
};

// What the machine looks for. Each can be switched off by its name (`off=race_block+leak`), which is how the tests show that each is
// needed.
enum class Check {
  GLOBAL_BOUNDS,  // an address outside every allocation
  FREED,          // an address in memory that was freed
  SHARED_BOUNDS,  // an address outside a block's shared arrays
  MISALIGNED,     // an address that is no multiple of the access's size
  UNWRITTEN,      // a read of memory that nobody wrote
  RACE_BLOCK,     // two threads of a block touch a place, one writes, no barrier between
  RACE_GRID,      // the same between blocks
  RACE_STREAM,    // the same between operations of streams that do not wait for each other
  BARRIER,        // threads of a block wait at different barriers
  EXIT,           // a thread returned while others wait for it
  MASK,           // a warp collective's mask names other lanes than those that arrive
  ASYNC_COPY,     // a place is touched before the cp.async to it was waited for
  TIMEOUT,        // threads that wait in loops for what never comes
  UNDEFINED,      // undefined behaviour of C++: overflow, shifts, array bounds, division by zero
  SIGNATURE,      // a PTX entry's parameters are not the kernel's
  LEAK,           // an allocation, stream, event or module is alive when its context ends
  STREAM,         // an operation is given to a stream or event that was destroyed
  HOST_ACCESS,    // the host touches device memory
  COUNT
};
const char* name_of(Check check);

enum class Schedule { FORWARD, REVERSE, RANDOM, FAIR };
enum class StreamPolicy { LATE, EARLY, RANDOM };

// Set by vicmae_emulator_configure or the environment variable VICMAE_EMULATOR: key=value pairs with commas between.
struct Options {
  Schedule schedule = Schedule::RANDOM;
  uint64_t seed = 1;
  int resident = 2;                           // blocks in flight at once
  StreamPolicy streams = StreamPolicy::LATE;  // when queued work runs: as late as the rules allow, at once, or by chance
  uint64_t memory = uint64_t{4} << 30;        // bytes of the emulated card
  int capability = 90;                        // ten times the major number plus the minor one
  int64_t fail_allocation = 0;                // the n-th allocation from now on answers CUDA_ERROR_OUT_OF_MEMORY; 0: none
  int64_t fail_launch = 0;                    // the n-th launch from now on fails while it runs
  int64_t lose_device = 0;                    // at the n-th launch from now on the device is lost for good
  std::string record;                         // folder that receives every launch, for replay
  bool off[static_cast<int>(Check::COUNT)] = {};
};
Options& options();
inline bool on(Check check) { return !options().off[static_cast<int>(check)]; }
// Takes "key=value,..."; false, with the reason in *error, if a key or value is not known. Nothing is set then.
bool configure(const char* text, std::string* error);

std::recursive_mutex& lock();

// ---- the log --------------------------------------------------------------------------------------------------------------------------
// Appends a paragraph to the log that vicmae_emulator_log() hands out (the last 64 KiB are kept).
void log(const std::string& paragraph);
std::string& log_text();

// ---- kernels --------------------------------------------------------------------------------------------------------------------------
struct Dim3 {
  uint32_t x, y, z;
};

// size in bytes; type: p pointer, i 32-bit integer, l 64-bit integer, f float, d double, s anything else.
struct Parameter {
  uint32_t size;
  char type;
};

// One kernel, registered by its KERNEL macro when the library that holds it is loaded.
struct KernelEntry {
  const char* name;
  const char* file;
  const Parameter* parameters;
  int parameter_count;
  void (*call)(void** arguments);
  KernelEntry* next;
};
const KernelEntry* find_kernel(const std::string& name);

struct LaunchRequest {
  const KernelEntry* kernel;
  Dim3 grid, block;
  uint32_t dynamic_shared;
  bool cooperative;  // all blocks are in flight at once
  void** arguments;  // one pointer to each parameter's value
};

// ---- operations in order --------------------------------------------------------------------------------------------------------------
// An operation's place: the `index`-th (from 1) of `stream`, after the first seen[s] operations of each stream s.
struct Order {
  uint32_t stream = 0;
  uint32_t index = 0;
  std::vector<uint32_t> seen;
};

// Between begin_operation and end_operation the arena can be touched; what is touched is held against earlier operations that `order` does
// not come after (Check::RACE_STREAM). `what` names the operation in messages, as in "the copy to 0x...".
void begin_operation(const Order& order, const std::string& what);
void end_operation();

// These run between the two. A failure is logged, with kernel, block, thread and source line.
Result run(const LaunchRequest& launch);
Result copy_to_device(uint64_t to, const void* from, size_t bytes);
Result copy_to_host(void* to, uint64_t from, size_t bytes);
Result copy_on_device(uint64_t to, uint64_t from, size_t bytes);
// `count` values of 1, 2 or 4 bytes.
Result fill(uint64_t to, uint32_t value, int width, size_t count);

// ---- memory ---------------------------------------------------------------------------------------------------------------------------
// A multiple of 256 but of no higher power of two, and 0xff throughout (NaN as float). OUT_OF_MEMORY beyond options().memory.
Result allocate(uint64_t* address, size_t bytes, const char* how);
// INVALID_VALUE, logged, unless it is the start of a live allocation. The address is never given out again.
Result release(uint64_t address);
// A name for a part of an allocation, for messages; what lies between named parts must not be touched.
Result name_part(uint64_t address, size_t bytes, const char* name);
// INVALID_VALUE, logged with `what`, unless all of it lies in one live allocation (or is empty).
Result check_range(uint64_t address, size_t bytes, const char* what);
bool is_device(uint64_t address);
// The live allocation around an address.
bool find_allocation(uint64_t address, uint64_t* begin, size_t* bytes);
// The same, or where parts of it are named, the named stretch around the address.
bool find_part(uint64_t address, uint64_t* begin, size_t* bytes);
uint64_t used_memory();
// Logs each live allocation and returns how many there are; then frees them all: the context is at its end.
int end_memory();
// Host memory that kernels and asynchronous copies may use.
void add_host_range(void* begin, size_t bytes);
void remove_host_range(void* begin);
bool is_pinned(const void* address, size_t bytes);

}  // namespace emulator
