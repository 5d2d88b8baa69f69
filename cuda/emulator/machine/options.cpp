// The emulator's settings, its log, and the table of kernels.
#include <dlfcn.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "block.h"
#include "registry.h"

namespace emulator {

namespace {

constexpr const char* kCheckNames[] = {"global_bounds", "freed",       "shared_bounds", "misaligned", "unwritten", "race_block",
                                       "race_grid",     "race_stream", "barrier",       "exit",       "mask",      "async_copy",
                                       "timeout",       "undefined",   "signature",     "leak",       "stream",    "host_access"};
static_assert(sizeof kCheckNames / sizeof *kCheckNames == static_cast<size_t>(Check::COUNT));
constexpr const char* kScheduleNames[] = {"forward", "reverse", "random", "fair"};
constexpr const char* kPolicyNames[] = {"late", "early", "random"};
constexpr size_t kLogBytes = 64 * 1024;

template <size_t N>
int index_of(const std::string& value, const char* const (&names)[N]) {
  for (size_t i = 0; i < N; i++)
    if (value == names[i]) return static_cast<int>(i);
  return -1;
}

template <size_t N>
std::string one_of(const char* const (&names)[N]) {
  std::string text = "one of ";
  for (size_t i = 0; i < N; i++) text += std::string(i ? ", " : "") + names[i];
  return text;
}

bool number(const std::string& value, int64_t least, int64_t most, int64_t* result) {
  char* end;
  errno = 0;
  *result = std::strtoll(value.c_str(), &end, 10);
  return errno == 0 && !value.empty() && *end == '\0' && *result >= least && *result <= most;
}

// Sets one option; what is wrong with it, or nothing.
std::string set(Options& o, const std::string& key, const std::string& value) {
  int64_t n = 0;
  if (key == "schedule") {
    const int i = index_of(value, kScheduleNames);
    if (i < 0) return one_of(kScheduleNames);
    o.schedule = static_cast<Schedule>(i);
  } else if (key == "streams") {
    const int i = index_of(value, kPolicyNames);
    if (i < 0) return one_of(kPolicyNames);
    o.streams = static_cast<StreamPolicy>(i);
  } else if (key == "seed") {
    if (!number(value, 0, INT64_MAX, &n)) return "a number from 0";
    o.seed = static_cast<uint64_t>(n);
  } else if (key == "resident") {
    if (!number(value, 1, 64, &n)) return "a number of blocks from 1 to 64";
    o.resident = static_cast<int>(n);
  } else if (key == "memory") {
    if (!number(value, 1, INT64_MAX, &n)) return "a number of bytes";
    o.memory = static_cast<uint64_t>(n);
  } else if (key == "capability") {
    if (!number(value, 30, 200, &n)) return "ten times a compute capability, as in 80 or 90";
    o.capability = static_cast<int>(n);
  } else if (key == "fail_allocation" || key == "fail_launch" || key == "lose_device") {
    if (!number(value, 0, INT64_MAX, &n)) return "a number from 0, which means never";
    (key == "fail_allocation" ? o.fail_allocation : key == "fail_launch" ? o.fail_launch : o.lose_device) = n;
  } else if (key == "record") {
    o.record = value;
  } else if (key == "off") {
    bool off[static_cast<int>(Check::COUNT)] = {};
    for (size_t at = 0; at < value.size();) {
      const size_t plus = std::min(value.find('+', at), value.size());
      const int i = index_of(value.substr(at, plus - at), kCheckNames);
      if (i < 0) return one_of(kCheckNames) + ", several with + between";
      off[i] = true;
      at = plus + 1;
    }
    std::memcpy(o.off, off, sizeof off);
  } else if (key == "kernels") {
    static std::set<std::string> loaded;
    for (size_t at = 0; at < value.size();) {
      const size_t colon = std::min(value.find(':', at), value.size());
      const std::string file = value.substr(at, colon - at);
      if (loaded.count(file) == 0) {
        if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) return std::string("libraries of kernels: ") + dlerror();
        loaded.insert(file);
      }
      at = colon + 1;
    }
  } else {
    return "not a setting; there are schedule, streams, seed, resident, memory, capability, fail_allocation, fail_launch, lose_device, "
           "record, off and kernels";
  }
  return "";
}

}  // namespace

std::map<std::string, const KernelEntry*>& kernels() {
  static std::map<std::string, const KernelEntry*> table;
  return table;
}

const char* name_of(Check check) { return kCheckNames[static_cast<int>(check)]; }

bool configure(const char* text, std::string* error) {
  Options changed = options();
  const std::string all = text == nullptr ? "" : text;
  for (size_t at = 0; at < all.size();) {
    const size_t comma = std::min(all.find(',', at), all.size());
    const std::string pair = all.substr(at, comma - at);
    at = comma + 1;
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string key = pair.substr(0, equals), value = equals < pair.size() ? pair.substr(equals + 1) : "";
    const std::string wrong = set(changed, key, value);
    if (!wrong.empty()) {
      *error = "The emulated driver's setting '" + pair + "' is wrong: " + key + " is " + wrong;
      return false;
    }
  }
  options() = changed;
  return true;
}

Options& options() {
  static Options all;
  static bool from_environment = false;
  if (!from_environment) {
    from_environment = true;
    std::string error;
    const char* text = std::getenv("VICMAE_EMULATOR");
    if (text != nullptr && !configure(text, &error)) log(error);
  }
  return all;
}

std::recursive_mutex& lock() {
  static std::recursive_mutex* const mutex = new std::recursive_mutex;
  return *mutex;
}

std::string& log_text() {
  static std::string* const text = new std::string;
  return *text;
}

void log(const std::string& paragraph) {
  std::string& text = log_text();
  text += paragraph + "\n";
  if (text.size() > kLogBytes) text.erase(0, text.size() - kLogBytes);
}

const KernelEntry* find_kernel(const std::string& name) {
  const auto found = kernels().find(name);
  return found == kernels().end() ? nullptr : found->second;
}

}  // namespace emulator

// A later library's kernel takes the place of an earlier one of the same name.
extern "C" void vicmae_register(void* entry) {
  const auto* kernel = static_cast<const emulator::KernelEntry*>(entry);
  emulator::kernels()[kernel->name] = kernel;
}
