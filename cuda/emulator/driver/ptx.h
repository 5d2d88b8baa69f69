// What the emulated driver reads of a PTX module: its version, its target and the signatures of its entries. Bodies are skipped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../emulator.h"

namespace emulator {

struct PtxParameter {
  std::string name;
  std::string type;  // ".u64", ".f32", ".b8"
  uint32_t size;     // bytes
  uint32_t offset;   // bytes from the first parameter
};

struct PtxEntry {
  std::string name;
  int line = 0;
  std::vector<PtxParameter> parameters;
  uint32_t static_shared = 0;  // bytes
  int maximum_threads = 1024;  // of a block, by .maxntid or .reqntid
};

struct PtxModule {
  int version = 0;  // ten times the major number plus the minor one
  int target = 0;   // the same of the architecture
  std::vector<PtxEntry> entries;
};

// Parses a module for a card of the capability (ten times the major number plus the minor one): INVALID_PTX for text that is none and, as
// the driver answers too, for an architecture above the card's; UNSUPPORTED_PTX_VERSION; with the reason in *error.
Result parse_ptx(const std::string& text, int capability, PtxModule* module, std::string* error);

// INVALID_IMAGE, with the reason in *error, unless an entry takes what the kernel of its name takes.
Result check_signature(const PtxEntry& entry, const KernelEntry& kernel, std::string* error);

}  // namespace emulator
