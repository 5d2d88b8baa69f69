// Runs recorded launches again, in a program of its own: with the machine and the kernels built for AddressSanitizer and
// UndefinedBehaviorSanitizer, or for ThreadSanitizer, which do not get on with a JVM around them.
//
// usage: replay FILE.launch...    Prints a line for each; ends with 1 if a launch failed. A sanitizer's finding ends it with the
// sanitizer's own exit status. The settings are those of VICMAE_EMULATOR, as in VICMAE_EMULATOR=schedule=reverse.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "../machine/block.h"
#include "../machine/sanitizers.h"

namespace emulator {

// The sanitizers see the kernels' accesses themselves.
void check_access(uintptr_t, size_t, bool, bool, bool, const void*, bool) {}
void mark_pending(uintptr_t, size_t, const void*) {}
void clear_pending(uintptr_t, size_t) {}

}  // namespace emulator

extern "C" void vicmae_touch(const void*, size_t, size_t, int, emulator::Place) {}

namespace {

struct Free {
  void operator()(char* p) const {
    const emulator::Unobserved unobserved;  // threads that are gone touched it
    std::free(p);
  }
};
using Memory = std::unique_ptr<char, Free>;

struct Argument {
  int memory = -2;  // -2: a value, -1: null
  size_t offset = 0;
  std::vector<unsigned char> value;
};

bool fail(const char* file, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", file, what.c_str());
  return false;
}

bool replay(const char* file) {
  std::ifstream in(file, std::ios::binary);
  std::string line, word, name;
  if (!std::getline(in, line) || line != "vicmae launch 1") return fail(file, "this is no recorded launch");
  emulator::LaunchRequest launch{};
  int parameters = 0, cooperative = 0;
  in >> word >> name >> word >> launch.grid.x >> launch.grid.y >> launch.grid.z >> word >> launch.block.x >> launch.block.y >>
      launch.block.z >> word >> launch.dynamic_shared >> cooperative >> word >> parameters;
  launch.cooperative = cooperative != 0;
  launch.kernel = emulator::find_kernel(name);
  if (launch.kernel == nullptr) return fail(file, "there is no kernel " + name + " in this program");
  if (parameters != launch.kernel->parameter_count) return fail(file, name + " has other parameters than the recorded one");
  std::vector<Argument> arguments(static_cast<size_t>(parameters));
  for (Argument& a : arguments) {
    in >> word;
    if (word == "pointer") {
      in >> a.memory >> a.offset;
    } else {
      size_t size = 0;
      in >> size >> word;
      for (size_t i = 0; i < size && 2 * i + 1 < word.size(); i++)
        a.value.push_back(static_cast<unsigned char>(std::strtoul(word.substr(2 * i, 2).c_str(), nullptr, 16)));
      a.value.resize(8);
    }
  }
  size_t count = 0;
  in >> word >> count;
  std::vector<size_t> sizes(count);
  for (size_t& s : sizes) in >> s;
  std::getline(in, line);
  std::vector<Memory> memory;
  for (const size_t s : sizes) {
    // A block of its own for each, with the sanitizer's red zones around it; aligned like memory of the driver.
    memory.emplace_back(static_cast<char*>(std::aligned_alloc(256, (s + 255) / 256 * 256)));
    in.read(memory.back().get(), static_cast<std::streamsize>(s));
  }
  if (!in) return fail(file, "the file ends too early");
  std::vector<char*> pointers(arguments.size());
  std::vector<void*> table(arguments.size());
  for (size_t i = 0; i < arguments.size(); i++) {
    const Argument& a = arguments[i];
    if (a.memory >= 0) pointers[i] = memory[static_cast<size_t>(a.memory)].get() + a.offset;
    table[i] = a.memory == -2 ? static_cast<void*>(arguments[i].value.data()) : static_cast<void*>(&pointers[i]);
  }
  launch.arguments = table.data();
  const emulator::Result result = emulator::run(launch);
  if (result != emulator::SUCCESS) return fail(file, emulator::log_text());
  std::printf("%s: %u x %u x %u blocks of %u threads ran\n", name.c_str(), launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x);
  return true;
}

}  // namespace

int main(int count, char** files) {
  emulator::options().record.clear();
  bool good = count > 1;
  if (!good) std::fprintf(stderr, "usage: replay FILE.launch...\n");
  for (int i = 1; i < count; i++) good = replay(files[i]) && good;
  return good ? 0 : 1;
}
