// Fibers: stacks that one thread of the operating system switches between.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

// A point of execution with a stack of its own, or the stack that it was made from.
class Fiber {
 public:
  // Prepares this fiber to run body(argument) from the start of its stack; body must never return.
  void prepare(void* stack, size_t bytes, void (*body)(void*), void* argument);
  // Saves the running point of execution in `from` and goes on here. `ends`: from will not be returned to.
  void resume(Fiber& from, bool ends = false);
  bool on_stack(uintptr_t address) const { return address - stack_ < bytes_; }
  // Must be called first thing in the body of a prepared fiber.
  static void started(Fiber& from);
  ~Fiber();

 private:
  void* point_ = nullptr;
  uintptr_t stack_ = 0;
  size_t bytes_ = 0;
  void* sanitizer_ = nullptr;
};

// Memory for `count` stacks of kStackBytes with an untouchable page below each; aborts if there is none.
constexpr size_t kStackBytes = 64 * 1024;
class Stacks {
 public:
  void reserve(int count);
  void* at(int i) const;
  static constexpr size_t kGuard = 4096;
  static constexpr size_t kStride = kStackBytes + kGuard;

 private:
  char* memory_ = nullptr;
  int count_ = 0;
};

}  // namespace emulator
