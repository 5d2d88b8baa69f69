// What every entry point of the emulated driver uses: exported names, handles, and messages.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "../emulator.h"

#define EXPORT extern "C" __attribute__((visibility("default")))
// A second exported name of a function in the same file.
#define ALIAS(name, of) extern "C" __attribute__((visibility("default"), alias(#of))) decltype(of) name

namespace emulator {

// CUDA's error numbers that only the entry points answer.
constexpr Result kFileNotFound = static_cast<Result>(301);
constexpr Result kIllegalState = static_cast<Result>(401);
constexpr Result kHostMemoryAlreadyRegistered = static_cast<Result>(712);
constexpr Result kHostMemoryNotRegistered = static_cast<Result>(713);
constexpr Result kCooperativeLaunchTooLarge = static_cast<Result>(720);
constexpr Result kCaptureMerge = static_cast<Result>(902);
constexpr Result kCaptureUnmatched = static_cast<Result>(903);
constexpr Result kCaptureUnjoined = static_cast<Result>(904);
constexpr Result kCaptureIsolation = static_cast<Result>(905);
constexpr Result kCaptureImplicit = static_cast<Result>(906);
constexpr Result kCapturedEvent = static_cast<Result>(907);

// CUDA's name of an error ("CUDA_ERROR_INVALID_VALUE"), and what it means; null if there is no such error.
const char* error_name(int code);
const char* error_text(int code);

// As printf, to a string.
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text_v(const char* format, va_list arguments);

// Handles that were never an address: following one is a segmentation fault, and none is given out twice, so that a destroyed one is known.
enum class Kind : uint64_t { CONTEXT = 1, STREAM, EVENT, MODULE, FUNCTION, POOL, GRAPH, GRAPH_EXEC };
constexpr uint64_t kHandleBase = uint64_t{0xE0} << 40;  // above every address of a process
const char* name_of(Kind kind);
// "an event", "a destroyed stream", "no handle of the emulated driver"; for messages.
std::string describe_handle(uint64_t handle);

template <class T, Kind kind>
class Table {
 public:
  static uint64_t handle_of(uint64_t serial) { return kHandleBase + (static_cast<uint64_t>(kind) << 40) + (serial << 4); }

  uint64_t add(std::shared_ptr<T> object) {
    const uint64_t handle = handle_of(next_++);
    object->handle = handle;
    live_.emplace(handle, std::move(object));
    return handle;
  }

  std::shared_ptr<T> find(uint64_t handle) const {
    const auto at = live_.find(handle);
    return at == live_.end() ? nullptr : at->second;
  }

  bool destroyed(uint64_t handle) const {
    return handle >= handle_of(1) && handle < handle_of(next_) && handle % 16 == 0 && live_.count(handle) == 0;
  }

  void erase(uint64_t handle) { live_.erase(handle); }
  const std::map<uint64_t, std::shared_ptr<T>>& live() const { return live_; }

  // Takes out every object for which `test` holds.
  template <class Test>
  void erase_if(Test test) {
    for (auto at = live_.begin(); at != live_.end();) at = test(*at->second) ? live_.erase(at) : std::next(at);
  }

 private:
  std::map<uint64_t, std::shared_ptr<T>> live_;
  uint64_t next_ = 1;
};

}  // namespace emulator
