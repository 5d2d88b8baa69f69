// The state of the emulated driver, and how an entry point is entered.
#pragma once

#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "ptx.h"
#include "scheduler.h"
#include "types.h"

namespace emulator {

struct Capture;
struct Stream;

struct Context {
  uint64_t handle = 0;
  uint64_t serial = 0;
  bool primary = false;
  bool alive = false;
  unsigned flags = 0;
  int retained = 0;         // of the primary context
  Result broken = SUCCESS;  // what an operation failed with: every later call answers it
  std::shared_ptr<Stream> legacy;
  std::map<std::thread::id, std::shared_ptr<Stream>> per_thread;
};

struct Stream {
  uint64_t handle = 0;
  uint64_t serial = 0;
  Context* context = nullptr;
  Queue* queue = nullptr;
  unsigned flags = 0;
  int priority = 0;
  bool legacy = false;
  std::string name;                  // for messages, as "stream 3"
  std::string created_by;            // the call
  std::shared_ptr<Capture> capture;  // null unless it captures
  std::vector<int> last;             // the nodes of the capture that its next one comes after
};

struct Event {
  uint64_t handle = 0;
  Context* context = nullptr;
  unsigned flags = 0;
  uint64_t records = 0;
  Clock clock;              // what the last record came after, the record included
  double milliseconds = 0;  // when the last record ran
  std::string created_by;
  std::shared_ptr<Capture> capture;  // the capture that it was recorded in last, if it was in one
  std::vector<int> nodes;
};

struct Module {
  uint64_t handle = 0;
  Context* context = nullptr;
  std::string created_by;
  PtxModule ptx;
};

struct Function {
  uint64_t handle = 0;
  uint64_t module = 0;
  Context* context = nullptr;
  PtxEntry entry;
  const KernelEntry* kernel = nullptr;
  int maximum_dynamic = 0;
  int carveout = -1;
};

struct Pool {
  uint64_t handle = 0;
  bool is_default = false;
  uint64_t release_threshold = 0;
  int reuse[3] = {1, 1, 1};  // follow event dependencies, opportunistic, internal dependencies
  uint64_t maximum = 0;      // bytes, 0: as many as the card has
  uint64_t used = 0;
  uint64_t used_high = 0;
};

struct Node {
  std::string what;
  Body body;
  std::vector<int> after;
  int lane;  // the stream that it was captured in: nodes of a lane come one after the other
  bool launch;
};

struct Graph {
  uint64_t handle = 0;
  Context* context = nullptr;
  std::vector<Node> nodes;
  int lanes = 0;
};

struct GraphExec {
  uint64_t handle = 0;
  Context* context = nullptr;
  std::vector<Node> nodes;
  std::vector<Queue*> lanes;
  Clock last;  // its last launch, which the next one comes after
};

// A capture in progress.
struct Capture {
  uint64_t id;
  int mode;  // kCaptureGlobal ...
  std::thread::id thread;
  Context* context;
  std::shared_ptr<Stream> origin;
  std::vector<std::shared_ptr<Stream>> members;  // by lane
  std::shared_ptr<Graph> graph;
  Result invalid = SUCCESS;  // what was done that a capture forbids
  bool ended = false;
};

struct Driver {
  bool initialized = false;
  bool lost = false;
  int leaks = 0;
  int launches = 0;
  std::shared_ptr<Context> primary;
  uint64_t context_serial = 0;
  uint64_t stream_serial = 0;
  Scheduler scheduler;
  std::vector<std::shared_ptr<Capture>> captures;
  std::shared_ptr<Pool> default_pool;
  std::shared_ptr<Pool> current_pool;
  Table<Context, Kind::CONTEXT> contexts;
  Table<Stream, Kind::STREAM> streams;
  Table<Event, Kind::EVENT> events;
  Table<Module, Kind::MODULE> modules;
  Table<Function, Kind::FUNCTION> functions;
  Table<Pool, Kind::POOL> pools;
  Table<Graph, Kind::GRAPH> graphs;
  Table<GraphExec, Kind::GRAPH_EXEC> graph_execs;
};
Driver& driver();

// An operation of the context failed: what is queued is dropped, and every later call answers `reason`.
void break_context(Context* context, Result reason);
// Runs what is queued, lists and frees what is left (all of it, if no other context is alive).
void end_context(Context* context);
// The memory's part of end_context: counts, logs and frees what the context still holds.
int end_memory_of(Context* context, bool last);

// ---- entering -------------------------------------------------------------------------------------------------------------------------
enum class Need {
  NOTHING,  // works before cuInit and on a lost device
  HOST,     // after cuInit; touches no device
  DRIVER,   // after cuInit, on a device that is not lost
  CONTEXT,  // with a current context that is alive and not broken
  RELEASE,  // as CONTEXT, but what is to be freed is freed even if the context is broken; its error is answered all the same
};

// The call in progress.
struct Call {
  const char* name;
  Context* context = nullptr;

  // Logs "name: message" and answers the code.
  Result fail(Result code, const char* format, ...) const __attribute__((format(printf, 3, 4)));
  Result null(const char* argument) const { return fail(INVALID_VALUE, "the argument %s is null; pass an address", argument); }
  // An answer for a handle that is not one of `kind` alive.
  Result bad_handle(uint64_t handle, Kind kind) const;
};

// Whether the call may go on; finds the context.
Result admit(Call* call, Need need);
Result exception_answer(const Call& call);

// Set while a host function of a stream runs: it must not call the driver.
bool& in_host_function();

template <class Work>
int enter(const char* name, Need need, Work work) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  Call call{name};
  try {
    const Result refused = admit(&call, need);
    const bool still = need == Need::RELEASE && refused != SUCCESS && call.context != nullptr;
    if (refused != SUCCESS && !still) return refused;
    const Result result = work(call);
    return still ? refused : result;
  } catch (...) {
    return exception_answer(call);
  }
}

// ---- streams and captures (streams.cpp, graph.cpp) ------------------------------------------------------------------------------------
constexpr uint64_t kLegacyStream = 1;
constexpr uint64_t kPerThreadStream = 2;
constexpr unsigned kNonBlocking = 1;
constexpr int kCaptureGlobal = 0, kCaptureThreadLocal = 1, kCaptureRelaxed = 2;

// The stream of a handle, 0, 1 and 2 included.
Result find_stream(const Call& call, uint64_t handle, std::shared_ptr<Stream>* stream);
// What an operation given to the stream now comes after, by the NULL stream's rules too.
Clock before(const Stream& stream);
// Queues an operation, or notes it in the stream's capture. `what` names it in messages; `launch`: it is a kernel, for injected faults.
struct Submission {
  std::string what;
  Body body;
  Dropped dropped;
  bool launch = false;
};
Result submit(const Call& call, Stream& stream, Submission submission);
// Runs all that the stream holds now; answers the context's error.
Result wait_for(const Call& call, const Stream& stream);
// A body that runs `work` as an operation that touches memory, named `what`.
Body touching(std::string what, std::function<Result()> work);

// The answer to a call that no capture may contain (an allocation, say); such a call spoils the captures that forbid it.
Result refuse_while_capturing(const Call& call);
// The answer to a call that uses a capturing stream as no capture may, or the NULL stream while a stream that waits for it captures.
Result refuse_on_capturing(const Call& call, const Stream& stream, const char* what);
void spoil(Capture& capture, Result reason);
// The stream is destroyed while it captures: the capture is spoilt, and over if it began there.
void leave_capture(const Stream& stream);
void end_captures(Context* context);
Result add_node(const Call& call, Stream& stream, Submission submission);

// ---- launches -------------------------------------------------------------------------------------------------------------------------
enum class Fault { NONE, FAIL, LOSE };
// Counts a launch, against the faults that are to be injected.
Fault count_launch();
// An injected loss of the device: everything answers UNKNOWN from now on.
Result lose_device(const Call& call);

}  // namespace emulator
