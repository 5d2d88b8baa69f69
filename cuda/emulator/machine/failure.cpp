#include "failure.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(VICMAE_BACKTRACE)
#include <backtrace.h>
#endif

namespace emulator {

namespace {

struct Failure {
  bool set = false;
  Result result;
  Check check;
  std::string what, other;
  const void* at;
  const void* other_at;
  const Block* block;
  int thread;
  Place place;
} failure;

// The last parts of a path: folders say nothing about a kernel.
const char* file_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// The name of a function alone, without its types.
[[maybe_unused]] std::string plain_name(const char* function) {
  int failed = 0;
  char* demangled = abi::__cxa_demangle(function, nullptr, nullptr, &failed);
  std::string name = failed == 0 ? demangled : function;
  std::free(demangled);
  const size_t end = std::min(name.find('('), name.find('<'));
  name = name.substr(0, end);
  const size_t space = name.rfind(' ');  // before it a template's return type
  return space == std::string::npos ? name : name.substr(space + 1);
}

std::string size_text(Dim3 d) { return "(" + std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z) + ")"; }

}  // namespace

std::string index_text(uint3 i) { return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")"; }
std::string distance_text(size_t bytes, const char* side) {
  return (bytes == 0 ? "right " : std::to_string(bytes) + (bytes == 1 ? " byte " : " bytes ")) + side;
}
std::string name_of_thread(const Block& block, int thread) { return "thread " + index_text(block.threads[thread].index); }
std::string place_text(Place place) { return std::string(file_name(place.file)) + ":" + std::to_string(place.line); }
bool same_place(Place a, Place b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

std::string hexadecimal(unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

std::string source_of(const void* code) {
  std::string text;
#if defined(VICMAE_BACKTRACE)
  // Made anew when libraries were loaded since; reading their debug information takes a while, but only after a mistake.
  static backtrace_state* state = nullptr;
  static unsigned long long known = 0;
  unsigned long long loaded = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        *static_cast<unsigned long long*>(data) = info->dlpi_adds;
        return 1;
      },
      &loaded);
  if (state == nullptr || loaded != known) {
    state = backtrace_create_state(
        nullptr, 1, [](void*, const char*, int) {}, nullptr);
    known = loaded;
  }
  if (state != nullptr) {
    backtrace_pcinfo(
        state, reinterpret_cast<uintptr_t>(code) - 1,
        [](void* data, uintptr_t, const char* file, int line, const char* function) {
          std::string& text = *static_cast<std::string*>(data);
          if (file == nullptr) return 0;
          // The emulator's own header is not where the mistake is.
          if (std::strstr(file, "emulator/kernel.h") != nullptr) return 0;
          text += std::string(text.empty() ? "" : ", called from ") + file_name(file) + ":" + std::to_string(line);
          if (function != nullptr) text += " (" + plain_name(function) + ")";
          return 0;
        },
        [](void*, const char*, int) {}, &text);
  }
#endif
  if (!text.empty()) return text;
  Dl_info info;
  if (dladdr(code, &info) != 0 && info.dli_fname != nullptr) {
    char offset[32];
    std::snprintf(offset, sizeof offset, "+0x%lx",
                  static_cast<unsigned long>(static_cast<const char*>(code) - static_cast<const char*>(info.dli_fbase)));
    return std::string(file_name(info.dli_fname)) + offset;
  }
  return "an unknown place";
}

void found(Check check, Result result, const std::string& what, const void* at, const std::string& other, const void* other_at) {
  if (!on(check)) return;
  if (machine.thread == nullptr) {  // an operation of the driver's own
    log("vicmae emulated driver: " + std::string(name_of(check)) + ": " + running_operation() + " " + what +
        (other.empty() ? "" : "\n  " + other) + (other_at == nullptr ? "" : " at " + source_of(other_at)));
    machine.result = result;
    return;
  }
  failure = {true, result, check, what, other, at, other_at, machine.thread->block, machine.thread->number, {"", 0}};
  stop_thread();
}

void found_in(Block& block, int thread, Check check, Result result, const std::string& what, Place place, const void* at) {
  if (!on(check)) return;
  failure = {true, result, check, what, "", at, nullptr, &block, thread, place};
  report_failure();
}

bool has_failure() { return failure.set; }

void report_failure() {
  const LaunchRequest& launch = *machine.launch;
  std::string text = "vicmae emulated driver: " + std::string(name_of(failure.check)) + ": kernel " + launch.kernel->name + " of " +
                     size_text(launch.grid) + " blocks of " + size_text(launch.block) + " threads\n  block " +
                     index_text(failure.block->index) + ", " + name_of_thread(*failure.block, failure.thread) + " " + failure.what;
  if (failure.at != nullptr) text += "\n    at " + source_of(failure.at);
  if (failure.place.line != 0) text += "\n    at " + place_text(failure.place);
  if (!failure.other.empty()) text += "\n  " + failure.other;
  if (failure.other_at != nullptr) text += "\n    at " + source_of(failure.other_at);
  log(text);
  machine.result = failure.result;
  failure.set = false;
}

bool is_constant(uintptr_t address) {
  struct Query {
    uintptr_t address;
    bool found;
  } query{address, false};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        Query& q = *static_cast<Query*>(data);
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const auto& segment = info->dlpi_phdr[i];
          const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0 && q.address - begin < segment.p_memsz) q.found = true;
        }
        return q.found ? 1 : 0;
      },
      &query);
  return query.found;
}

}  // namespace emulator
