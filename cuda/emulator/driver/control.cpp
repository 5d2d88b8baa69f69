// What tests ask of the emulated driver besides CUDA's own calls.

#include <string>

#include "driver.h"

using namespace emulator;

// Sets options, as in "schedule=reverse,seed=7"; null if all were understood, else the reason, valid until the next call.
EXPORT const char* vicmae_emulator_configure(const char* options) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  static std::string* const error = new std::string;
  if (options == nullptr) {
    *error = "the options are null; pass key=value pairs with commas between";
    return error->c_str();
  }
  if (!configure(options, error)) return error->c_str();
  driver().scheduler.reseed();
  return nullptr;
}

// The log so far; valid until the next call of this function.
EXPORT const char* vicmae_emulator_log() {
  std::lock_guard<std::recursive_mutex> guard(lock());
  static std::string* const copy = new std::string;
  *copy = log_text();
  return copy->c_str();
}

EXPORT void vicmae_emulator_clear_log() {
  std::lock_guard<std::recursive_mutex> guard(lock());
  log_text().clear();
}

// How many allocations, streams, events, modules and graphs were alive when the last context ended.
EXPORT int vicmae_emulator_leaks() {
  std::lock_guard<std::recursive_mutex> guard(lock());
  return driver().leaks;
}

// How many kernels were launched in this process, those of graphs included.
EXPORT int vicmae_emulator_launches() {
  std::lock_guard<std::recursive_mutex> guard(lock());
  return driver().launches;
}

// Names a part of an allocation; what lies between named parts must not be touched. A CUresult.
EXPORT int vicmae_emulator_name(uint64_t address, uint64_t bytes, const char* name) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (name == nullptr) return call.null("name");
    return name_part(address, bytes, name);
  });
}
