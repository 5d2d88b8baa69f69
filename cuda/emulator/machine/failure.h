// What happens when a check finds a mistake: the launch ends, and the log says what, where and by whom.
#pragma once

#include "block.h"

namespace emulator {

// As found(), from the scheduler, about a thread that waits.
void found_in(Block& block, int thread, Check check, Result result, const std::string& what, Place place, const void* at = nullptr);
bool has_failure();
// Writes the failure that stopped a thread to the log; the launch's result is then its CUDA error.
void report_failure();
// Leaves the running thread for good.
[[noreturn]] void stop_thread();

std::string place_text(Place place);
bool same_place(Place a, Place b);
std::string hexadecimal(unsigned value);

}  // namespace emulator
