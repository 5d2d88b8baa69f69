// The limits of the emulated card.
#pragma once

#include <cstdint>
#include <optional>

#include "../emulator.h"

namespace emulator {

constexpr int kDriverVersion = 13000;
constexpr int kMultiprocessors = 4;
constexpr int kMaximumThreads = 1024;  // of a block
constexpr uint32_t kMaximumBlockZ = 64;
constexpr uint32_t kMaximumGridX = 0x7fffffff;
constexpr uint32_t kMaximumGridYZ = 65535;
constexpr int kThreadsPerMultiprocessor = 2048;
constexpr int kBlocksPerMultiprocessor = 32;
constexpr int kRegisters = 65536;        // of a multiprocessor, and of a block
constexpr int kRegistersPerThread = 32;  // assumed: only ptxas knows
constexpr int kSharedPerBlock = 49152;   // without opting in
constexpr int kReservedShared = 1024;    // of each block, for the system

// Bytes of shared memory, as an A100 (8.0) or an H100 (9.0) has it.
inline int shared_per_block_opt_in() { return options().capability >= 90 ? 232448 : 166912; }
inline int shared_per_multiprocessor() { return options().capability >= 90 ? 233472 : 167936; }

// A CUdevice_attribute's value; none if there is no such attribute.
std::optional<int> device_attribute(int attribute);

}  // namespace emulator
