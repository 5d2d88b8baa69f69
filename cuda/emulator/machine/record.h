// Launches written to files, so that they can be run again outside of a JVM (see replay.cpp).
#pragma once

#include "block.h"

namespace emulator {

// If options().record names a folder: the kernel, the geometry, the arguments, and the memory that they point to.
void record_launch(const LaunchRequest& launch);

}  // namespace emulator
