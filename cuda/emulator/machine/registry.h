#pragma once

#include <map>
#include <string>

#include "../emulator.h"

namespace emulator {

// All kernels of the libraries that are loaded, by name.
std::map<std::string, const KernelEntry*>& kernels();

}  // namespace emulator
