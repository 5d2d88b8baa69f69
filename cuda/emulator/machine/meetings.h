// Where threads wait for each other, and the part of the scheduler that it takes.
#pragma once

#include <memory>
#include <vector>

#include "block.h"

namespace emulator {

// The blocks in flight, and those that were.
extern std::vector<std::unique_ptr<Block>> slots;

// By the scheduler: a thread can run; the running one cannot go on, or has ended.
void make_ready(Thread& t);
void leave(bool ends = false);

// Runs the job on the scheduler's stack, and then goes on here.
void on_scheduler(void (*job)(void*), void* argument);

// Lets the threads at the block's barrier go on, in a new interval.
void release_barrier(Block& block);
// All that are left wait at the barrier, but some threads of the block have returned: an error of the running thread.
void missing_thread(Block& block);
// Forgets what lanes know of each other.
void forget(Warp& warp);
// Nothing can run. With its check on this ends the launch; with it off those who wait are let go, as hardware may do.
void break_deadlock();

}  // namespace emulator
