// When queued operations run, and in which order.

#include "scheduler.h"

#include <new>

#include "driver.h"

namespace emulator {

namespace {

// A card takes some thousand launches before the next one waits; without a limit a program that never waits would fill the memory.
constexpr size_t kMaximumWaiting = 4096;

}  // namespace

void merge(Clock& into, const Clock& from) {
  if (into.size() < from.size()) into.resize(from.size(), 0);
  for (size_t i = 0; i < from.size(); i++) {
    if (into[i] < from[i]) into[i] = from[i];
  }
}

Queue* Scheduler::open(Context* context, bool blocking) {
  Queue* found = nullptr;
  for (const auto& queue : queues_) {
    // A number is used again only if all that ran under it lies in the host's past: then no order is made up by it.
    const uint32_t known = queue->number < host_.size() ? host_[queue->number] : 0;
    if (queue->retired && queue->completed == queue->submitted && known >= queue->submitted) {
      found = queue.get();
      break;
    }
  }
  if (found == nullptr) {
    queues_.push_back(std::make_unique<Queue>());
    found = queues_.back().get();
    found->number = static_cast<uint32_t>(queues_.size() - 1);
  }
  found->context = context;
  found->blocking = blocking;
  found->retired = false;
  return found;
}

Clock Scheduler::before(const Queue& queue) const {
  Clock clock = host_;
  merge(clock, queue.clock);
  return clock;
}

void Scheduler::submit(Queue* queue, Clock seen, Body body, Dropped dropped, const Clock& also) {
  queue->submitted++;
  if (seen.size() < queues_.size()) seen.resize(queues_.size(), 0);
  queue->clock = seen;
  merge(queue->clock, also);
  queue->clock[queue->number] = queue->submitted;
  queue->waiting.push_back({queue->submitted, std::move(seen), std::move(body), std::move(dropped)});
  if (options().streams == StreamPolicy::EARLY) {
    while (run_one(nullptr)) {
    }
  }
  while (waiting() > kMaximumWaiting && run_one(nullptr)) {
  }
}

bool Scheduler::done(const Clock& need) const {
  for (size_t i = 0; i < need.size(); i++) {
    if (queues_[i]->completed < need[i]) return false;
  }
  return true;
}

void Scheduler::wait(const Clock& need) {
  while (!done(need) && run_one(&need)) {
  }
  if (!done(need)) log("The emulated driver waits for an operation that can never run: this is a mistake in the emulated driver.");
  merge(host_, need);
}

void Scheduler::step(const Clock& need) { run_one(&need); }

void Scheduler::by_chance() {
  if (options().streams != StreamPolicy::RANDOM) return;
  while (random_() % 2 == 0 && run_one(nullptr)) {
  }
}

Clock Scheduler::everything(const Context& context) const {
  Clock clock;
  for (const auto& queue : queues_) {
    if (queue->context == &context) merge(clock, queue->clock);
  }
  return clock;
}

Clock Scheduler::blocking(const Context& context) const {
  Clock clock;
  for (const auto& queue : queues_) {
    if (queue->context == &context && queue->blocking) merge(clock, queue->clock);
  }
  return clock;
}

void Scheduler::drop(Context* context, Result reason) {
  std::vector<Dropped> told;
  for (const auto& queue : queues_) {
    if (queue->context != context) continue;
    for (Operation& operation : queue->waiting) {
      if (operation.dropped) told.push_back(std::move(operation.dropped));
    }
    queue->waiting.clear();
    queue->completed = queue->submitted;
  }
  for (const Dropped& dropped : told) dropped(reason);
}

void Scheduler::close(Context* context) {
  for (const auto& queue : queues_) {
    if (queue->context != context) continue;
    note_host(queue->clock);
    queue->retired = true;
    queue->context = nullptr;
  }
}

void Scheduler::reseed() { random_.seed(options().seed); }

bool Scheduler::runnable(const Queue& queue) const { return !queue.waiting.empty() && done(queue.waiting.front().seen); }

// Runs one operation that can run, of those that `need` asks for (null: of all); false if there is none.
bool Scheduler::run_one(const Clock* need) {
  std::vector<Queue*> candidates;
  for (const auto& queue : queues_) {
    if (need != nullptr && (queue->number >= need->size() || queue->completed >= (*need)[queue->number])) continue;
    if (runnable(*queue)) candidates.push_back(queue.get());
  }
  if (candidates.empty()) return false;
  run(candidates[random_() % candidates.size()]);
  return true;
}

void Scheduler::run(Queue* queue) {
  Operation operation = std::move(queue->waiting.front());
  queue->waiting.pop_front();
  Context* const context = queue->context;
  Result result;
  try {
    Order order;
    order.stream = queue->number;
    order.index = operation.index;
    order.seen = std::move(operation.seen);
    result = operation.body(order);
  } catch (const std::bad_alloc&) {
    log("The machine has no memory left to run an operation of the emulated driver; run fewer things at once.");
    result = OUT_OF_MEMORY;
  }
  // If the device was lost meanwhile, everything was marked as completed.
  if (queue->completed < operation.index) queue->completed = operation.index;
  if (result != SUCCESS && context != nullptr) break_context(context, result);
}

size_t Scheduler::waiting() const {
  size_t count = 0;
  for (const auto& queue : queues_) count += queue->waiting.size();
  return count;
}

}  // namespace emulator
