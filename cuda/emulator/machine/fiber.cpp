#include "fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(VICMAE_REPLAY_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define FIBER_ASAN 1
#endif
#if defined(VICMAE_REPLAY_TSAN)
#include <sanitizer/tsan_interface.h>
#define FIBER_TSAN 1
#endif

namespace emulator {

namespace {
// Tops of neighbouring stacks would otherwise fall into the same lines of the cache.
constexpr size_t kStagger = 192;
}  // namespace

#if defined(__x86_64__)

// Saves what a call must keep and the stack pointer to *from, and takes both from `to`.
extern "C" void vicmae_fiber_switch(void** from, void* to);
asm(R"(
.text
.hidden vicmae_fiber_switch
.globl vicmae_fiber_switch
.type vicmae_fiber_switch, @function
vicmae_fiber_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size vicmae_fiber_switch, .-vicmae_fiber_switch
.hidden vicmae_fiber_start
.globl vicmae_fiber_start
.type vicmae_fiber_start, @function
vicmae_fiber_start:
  movq %r12, %rdi
  callq *%rbx
  ud2
.size vicmae_fiber_start, .-vicmae_fiber_start
)");
extern "C" void vicmae_fiber_start();

void Fiber::prepare(void* stack, size_t bytes, void (*body)(void*), void* argument) {
  stack_ = reinterpret_cast<uintptr_t>(stack);
  bytes_ = bytes;
#if FIBER_ASAN
  __asan_unpoison_memory_region(stack, bytes);
#endif
  const uintptr_t number = stack_ / Stacks::kStride;
  const uintptr_t top = (stack_ + bytes - number % 32 * kStagger) & ~uintptr_t{15};
  void** sp = reinterpret_cast<void**>(top);  // after vicmae_fiber_start was popped, a multiple of 16 as a call wants it
  *--sp = reinterpret_cast<void*>(&vicmae_fiber_start);
  *--sp = nullptr;                              // rbp
  *--sp = reinterpret_cast<void*>(body);        // rbx
  *--sp = argument;                             // r12
  for (int i = 0; i < 3; i++) *--sp = nullptr;  // r13, r14, r15
  point_ = sp;
#if FIBER_TSAN
  if (sanitizer_ != nullptr) __tsan_destroy_fiber(sanitizer_);
  sanitizer_ = __tsan_create_fiber(0);
#endif
}

#else

void Fiber::prepare(void* stack, size_t bytes, void (*body)(void*), void* argument) {
  stack_ = reinterpret_cast<uintptr_t>(stack);
  bytes_ = bytes;
  ucontext_t* context = static_cast<ucontext_t*>(point_);
  if (context == nullptr) context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = bytes;
  context->uc_link = nullptr;
  static void (*start)(void*);
  start = body;
  const auto low = static_cast<unsigned>(reinterpret_cast<uintptr_t>(argument));
  const auto high = static_cast<unsigned>(reinterpret_cast<uintptr_t>(argument) >> 32);
  makecontext(context, reinterpret_cast<void (*)()>(+[](unsigned a, unsigned b) {
                start(reinterpret_cast<void*>(static_cast<uintptr_t>(b) << 32 | a));
              }),
              2, low, high);
  point_ = context;
}

#endif

void Fiber::resume(Fiber& from, [[maybe_unused]] bool ends) {
#if FIBER_ASAN
  __sanitizer_start_switch_fiber(ends ? nullptr : &from.sanitizer_, reinterpret_cast<void*>(stack_), bytes_);
#endif
#if FIBER_TSAN
  if (from.sanitizer_ == nullptr) from.sanitizer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(sanitizer_, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
  vicmae_fiber_switch(&from.point_, point_);
#else
  if (from.point_ == nullptr) from.point_ = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from.point_), static_cast<ucontext_t*>(point_));
#endif
#if FIBER_ASAN
  __sanitizer_finish_switch_fiber(from.sanitizer_, nullptr, nullptr);
#endif
}

void Fiber::started([[maybe_unused]] Fiber& from) {
#if FIBER_ASAN
  const void* bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  from.stack_ = reinterpret_cast<uintptr_t>(bottom);
  from.bytes_ = bytes;
#endif
}

Fiber::~Fiber() {
#if FIBER_TSAN
  if (sanitizer_ != nullptr && bytes_ != 0) __tsan_destroy_fiber(sanitizer_);
#endif
#if !defined(__x86_64__)
  delete static_cast<ucontext_t*>(point_);
#endif
}

void Stacks::reserve(int count) {
  if (count <= count_) return;
  if (memory_ != nullptr) munmap(memory_, count_ * Stacks::kStride);
  const size_t bytes = count * Stacks::kStride;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "vicmae emulated driver: there is no memory for the stacks of %d threads\n", count);
    std::abort();
  }
  memory_ = static_cast<char*>(memory);
  count_ = count;
  for (int i = 0; i < count; i++) mprotect(memory_ + i * Stacks::kStride, kGuard, PROT_NONE);
}

void* Stacks::at(int i) const { return memory_ + i * Stacks::kStride + kGuard; }

}  // namespace emulator
