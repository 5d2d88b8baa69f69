// Barriers and warp collectives: who has arrived, who is missing, and what happens when all are there.
#include "meetings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "failure.h"
#include "sanitizers.h"

namespace emulator {

namespace {

// Whether two calls from the same line are one in the source: a helper's line may be reached from several places. The compiler may have
// made several calls of one (by unrolling, say), so it is not their addresses that are compared, but the lines that lead to them.
bool same_code([[maybe_unused]] const void* a, [[maybe_unused]] const void* b) {
#if defined(VICMAE_BACKTRACE)
  if (a == b) return true;
  static std::map<const void*, std::string> lines;
  for (const void* code : {a, b}) {
    if (lines.count(code) != 0) continue;
    on_scheduler([](void* address) { lines[address] = source_of(address); }, const_cast<void*>(code));
  }
  // Without debug information there are only addresses.
  return lines[a] == lines[b] || lines[a].find("+0x") != std::string::npos;
#else
  return true;
#endif
}

void complete(Block& block, int warp_number, size_t meeting_number) {
  Warp& warp = block.warps[warp_number];
  const Meeting& m = warp.meetings[meeting_number];
  if (m.body != nullptr) {
    Thread* const running = machine.thread;
    machine.thread = nullptr;  // what the body touches is not a thread's
    m.body(m.arrived, m.in, m.out);
    machine.thread = running;
  } else {  // __syncwarp: everyone knows what anyone knew, and what they all did before
    uint32_t all[kWarp] = {};
    warp.clock++;
    for (int lane = 0; lane < kWarp; lane++) {
      if (!(m.arrived >> lane & 1)) continue;
      warp.known[lane][lane] = warp.clock;
      for (int other = 0; other < kWarp; other++) all[other] = std::max(all[other], warp.known[lane][other]);
    }
    for (int lane = 0; lane < kWarp; lane++)
      if (m.arrived >> lane & 1) std::memcpy(warp.known[lane], all, sizeof all);
  }
  for (unsigned rest = m.arrived; rest != 0; rest &= rest - 1) {
    Thread& t = block.threads[warp_number * kWarp + __builtin_ctz(rest)];
    if (&t != machine.thread) {
      make_ready(t);
    } else {
      t.state = Thread::READY;
      set_tag();
    }
  }
  warp.meetings.erase(warp.meetings.begin() + static_cast<long>(meeting_number));
}

std::string where_all_wait() {
  std::string text;
  int listed = 0;
  for (const auto& block : slots) {
    if (!block->active) continue;
    for (int i = 0; i < block->size && listed < 4; i++) {
      const Thread& t = block->threads[i];
      if (t.state != Thread::AT_BARRIER && t.state != Thread::IN_COLLECTIVE) continue;
      if (i > 0 && t.state == block->threads[i - 1].state && t.waits.line == block->threads[i - 1].waits.line) continue;
      text += (listed++ ? "; " : "") + name_of_thread(*block, i) + " of block " + index_text(block->index) + " waits in " + t.waits_for +
              " at " + place_text(t.waits);
    }
  }
  return text;
}

}  // namespace

void forget(Warp& warp) {
  if (warp.clock > 0) std::memset(warp.known, 0, sizeof warp.known);
  warp.clock = 0;
}

void release_barrier(Block& block) {
  block.barrier_result = block.barrier_sum;
  block.at_barrier = block.barrier_sum = 0;
  block.interval = new_interval(block.number);
  for (int i = 0; i < block.size; i++) {
    Thread& t = block.threads[i];
    t.fenced = false;
    if (t.state == Thread::AT_BARRIER) make_ready(t);
  }
  for (int w = 0; w * kWarp < block.size; w++) forget(block.warps[w]);
}

void missing_thread(Block& block) {
  if (machine.thread->state == Thread::DONE) {
    found(
        Check::EXIT, LAUNCH_FAILED,
        "returned while " + std::to_string(block.at_barrier) + " threads of its block wait at the barrier at " + place_text(block.barrier),
        nullptr);
  } else {
    found(Check::EXIT, LAUNCH_FAILED,
          "waits at the barrier at " + place_text(block.barrier) + ", but " + name_of_thread(block, block.returned_first) + " has returned",
          nullptr);
  }
}

void break_deadlock() {
  for (const auto& slot : slots) {
    Block& block = *slot;
    if (!block.active) continue;
    for (int w = 0; w * kWarp < block.size; w++) {
      if (block.warps[w].meetings.empty()) continue;
      const Meeting& m = block.warps[w].meetings.front();
      const unsigned missing = m.mask & ~m.arrived;
      const int lane = __builtin_ctz(missing), here = __builtin_ctz(m.arrived);
      found_in(block, w * kWarp + here, Check::MASK, LAUNCH_FAILED,
               "waits for ever in " + std::string(m.what) + ": its mask names lane " + std::to_string(lane) +
                   ", which does not come: " + where_all_wait(),
               m.place);
      complete(block, w, 0);
      return;
    }
  }
  for (const auto& slot : slots) {
    if (slot->active && slot->at_barrier > 0) {
      found_in(*slot, slot->barrier_first, Check::BARRIER, LAUNCH_FAILED, "waits for ever: " + where_all_wait(), slot->barrier);
      release_barrier(*slot);
      return;
    }
  }
  std::fprintf(stderr, "vicmae emulated driver: a launch of %s has no thread that can run and none that waits\n",
               machine.launch->kernel->name);
  std::abort();
}

}  // namespace emulator

using namespace emulator;

extern "C" {

int vicmae_barrier(Place place, int value) {
  const Unobserved unobserved;
  Thread& t = *machine.thread;
  Block& block = *t.block;
  const void* at = __builtin_return_address(0);
  if (block.at_barrier == 0) {
    block.barrier = place;
    block.barrier_at = at;
    block.barrier_first = t.number;
  } else if (!same_place(block.barrier, place) || !same_code(block.barrier_at, at)) {
    found(Check::BARRIER, LAUNCH_FAILED, "waits at the barrier at " + place_text(place), at,
          name_of_thread(block, block.barrier_first) + " waits at another one, at " + place_text(block.barrier), block.barrier_at);
  }
  block.at_barrier++;
  block.barrier_sum += value;
  t.waits = place;
  t.waits_for = "__syncthreads";
  void* const meeting = &block.meeting[block.interval & 1];
  before_wait(meeting);
  if (block.at_barrier + block.done == block.size) {
    if (block.done > 0) missing_thread(block);
    release_barrier(block);  // this thread runs on
    set_tag();
  } else {
    t.state = Thread::AT_BARRIER;
    leave();
  }
  after_wait(meeting);
  return block.barrier_result;
}

void vicmae_collective(const char* what, unsigned mask, CollectiveBody body, const void* in, void* out, Place place) {
  const Unobserved unobserved;
  Thread& t = *machine.thread;
  Block& block = *t.block;
  const int warp_number = t.number / kWarp, lane = t.number % kWarp;
  Warp& warp = block.warps[warp_number];
  const auto call = [&] { return "calls " + std::string(what) + " with the mask " + hexadecimal(mask); };
  const void* at = __builtin_return_address(0);
  if (!(mask >> lane & 1)) {
    found(Check::MASK, LAUNCH_FAILED, call() + ", in which its own lane " + std::to_string(lane) + " is not", at);
    mask |= 1u << lane;
  }
  const unsigned missing = mask & ~warp.live;
  // A full __syncwarp() is what short warps write too.
  if (missing != 0 && !(body == nullptr && mask == 0xffffffffu && (missing & warp.lanes) == 0)) {
    const int gone = __builtin_ctz(missing);
    found(Check::MASK, LAUNCH_FAILED,
          call() + ", which names lane " + std::to_string(gone) +
              (warp_number * kWarp + gone < block.size ? ": that thread has returned" : ": the block has no such thread"),
          at);
  }
  mask &= ~missing;
  size_t n = 0;
  for (; n < warp.meetings.size(); n++) {
    const Meeting& m = warp.meetings[n];
    if (m.arrived >> lane & 1) continue;
    if (m.body == body && m.mask == mask && same_place(m.place, place) && same_code(m.at, at)) break;
    if ((m.mask & mask) != 0 && on(Check::MASK) && (m.mask >> lane & 1)) {
      found(Check::MASK, LAUNCH_FAILED, call() + " at " + place_text(place), at,
            name_of_thread(block, warp_number * kWarp + __builtin_ctz(m.arrived)) + " waits for it in " + m.what + " with the mask " +
                hexadecimal(m.mask) + " at " + place_text(m.place));
    }
  }
  if (n == warp.meetings.size()) warp.meetings.push_back({what, body, place, at, mask, 0, {}, {}});
  Meeting& m = warp.meetings[n];
  m.arrived |= 1u << lane;
  m.in[lane] = in;
  m.out[lane] = out;
  t.waits = place;
  t.waits_for = what;
  void* const meeting = &warp.meeting[0];
  if (body == nullptr) before_wait(meeting);
  if (m.arrived == m.mask) {
    complete(block, warp_number, n);
  } else {
    t.state = Thread::IN_COLLECTIVE;
    leave();
  }
  if (body == nullptr) after_wait(meeting);
}

}  // extern "C"
