// Queues of operations, and when each runs. What must come before what is held as vector clocks: how many operations of each queue lie
// before. Operations run when somebody waits for them (StreamPolicy::LATE), at once (EARLY) or by chance (RANDOM), always in an order that
// the clocks allow.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "types.h"

namespace emulator {

struct Context;

using Clock = std::vector<uint32_t>;  // how many operations of each queue, by the queue's number
void merge(Clock& into, const Clock& from);

using Body = std::function<Result(const Order&)>;
using Dropped = std::function<void(Result)>;  // told in the body's place if the context breaks before the operation ran

struct Operation {
  uint32_t index;
  Clock seen;
  Body body;
  Dropped dropped;
};

struct Queue {
  uint32_t number;
  Context* context = nullptr;
  bool blocking = false;  // waits for the legacy NULL stream, and it for this
  bool retired = false;   // its stream was destroyed; what is queued still runs
  uint32_t submitted = 0;
  uint32_t completed = 0;
  Clock clock;  // all that lies before the end of what was submitted, that included
  std::deque<Operation> waiting;
};

class Scheduler {
 public:
  Queue* open(Context* context, bool blocking);
  void retire(Queue* queue) { queue->retired = true; }

  // What an operation given to the queue now comes after, the host's past included.
  Clock before(const Queue& queue) const;
  // Adds an operation that comes after `seen`; `also` is done when it is done. `seen` has to hold before(queue).
  void submit(Queue* queue, Clock seen, Body body, Dropped dropped, const Clock& also);

  bool done(const Clock& need) const;
  // Runs what must run, in a random order, until `need` is done; whatever is submitted from now on comes after it.
  void wait(const Clock& need);
  // wait() for what is done already.
  void note_host(const Clock& need) { merge(host_, need); }
  // Runs one operation towards `need`: what a query does, so that polling ends.
  void step(const Clock& need);
  // Under StreamPolicy::RANDOM, runs a few operations or none.
  void by_chance();

  // All operations of a context, and those of its blocking streams alone.
  Clock everything(const Context& context) const;
  Clock blocking(const Context& context) const;
  // The context is broken or at its end: nothing more of it runs.
  void drop(Context* context, Result reason);
  // Whoever uses its queues hereafter comes after them.
  void close(Context* context);
  Queue* queue(uint32_t number) { return queues_[number].get(); }
  // Starts the random order anew, from options().seed.
  void reseed();

 private:
  bool runnable(const Queue& queue) const;
  bool run_one(const Clock* need);
  void run(Queue* queue);
  size_t waiting() const;

  std::vector<std::unique_ptr<Queue>> queues_;
  Clock host_;  // what the host has waited for
  std::mt19937_64 random_{1};
};

}  // namespace emulator
