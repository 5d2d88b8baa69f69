#include "record.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

namespace emulator {

namespace {

struct Memory {
  uint64_t begin;
  size_t bytes;
  int number;
};

}  // namespace

// A text header, then the bytes of each block of memory in turn:
//   vicmae launch 1 / kernel NAME / grid X Y Z / block X Y Z / shared BYTES COOPERATIVE / parameters N /
//   for each: value SIZE HEX, or pointer MEMORY OFFSET / memory N / for each: BYTES /
void record_launch(const LaunchRequest& launch) {
  if (options().record.empty()) return;
  std::string header = "vicmae launch 1\nkernel " + std::string(launch.kernel->name) + "\n";
  char line[128];
  std::snprintf(line, sizeof line, "grid %u %u %u\nblock %u %u %u\nshared %u %d\nparameters %d\n", launch.grid.x, launch.grid.y,
                launch.grid.z, launch.block.x, launch.block.y, launch.block.z, launch.dynamic_shared, launch.cooperative ? 1 : 0,
                launch.kernel->parameter_count);
  header += line;
  std::map<uint64_t, Memory> memory;
  std::vector<const Memory*> in_order;
  for (int i = 0; i < launch.kernel->parameter_count; i++) {
    const Parameter& p = launch.kernel->parameters[i];
    if (p.type == 'p') {
      uint64_t address, begin;
      size_t bytes;
      std::memcpy(&address, launch.arguments[i], sizeof address);
      if (find_part(address, &begin, &bytes)) {
        const auto [at, is_new] = memory.insert({begin, {begin, bytes, static_cast<int>(memory.size())}});
        if (is_new) in_order.push_back(&at->second);
        std::snprintf(line, sizeof line, "pointer %d %llu\n", at->second.number, static_cast<unsigned long long>(address - begin));
      } else {
        std::snprintf(line, sizeof line, "pointer -1 0\n");
      }
      header += line;
    } else {
      std::snprintf(line, sizeof line, "value %u ", p.size);
      header += line;
      for (uint32_t b = 0; b < p.size; b++) {
        std::snprintf(line, sizeof line, "%02x", static_cast<const unsigned char*>(launch.arguments[i])[b]);
        header += line;
      }
      header += "\n";
    }
  }
  std::snprintf(line, sizeof line, "memory %zu\n", in_order.size());
  header += line;
  for (const Memory* m : in_order) header += std::to_string(m->bytes) + "\n";

  // A launch that differs from an earlier one in the contents of memory alone says nothing new.
  static std::set<std::string> known;
  if (!known.insert(header).second) return;
  std::snprintf(line, sizeof line, "/%06zu-", known.size());
  const std::string file = options().record + line + launch.kernel->name + ".launch";
  FILE* out = std::fopen(file.c_str(), "wb");
  bool written = out != nullptr && std::fwrite(header.data(), 1, header.size(), out) == header.size();
  for (const Memory* m : in_order) written = written && std::fwrite(reinterpret_cast<const void*>(m->begin), 1, m->bytes, out) == m->bytes;
  if (out != nullptr) written = std::fclose(out) == 0 && written;
  if (!written) {
    log("The launch could not be recorded in " + file + ": " + std::strerror(errno));
    options().record.clear();
  }
}

}  // namespace emulator
