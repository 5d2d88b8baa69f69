// What AddressSanitizer and ThreadSanitizer must be told where a launch is replayed under them; nothing in the emulated driver itself.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(VICMAE_REPLAY_ASAN)
#include <sanitizer/asan_interface.h>
#endif
#if defined(VICMAE_REPLAY_TSAN)
#include <sanitizer/tsan_interface.h>
#include <sys/mman.h>
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
extern "C" void AnnotateIgnoreReadsBegin(const char*, int);
extern "C" void AnnotateIgnoreReadsEnd(const char*, int);
extern "C" void AnnotateIgnoreWritesBegin(const char*, int);
extern "C" void AnnotateIgnoreWritesEnd(const char*, int);
#endif

namespace emulator {

// While one of these lives, what the machine does on a thread's behalf (allocation above all) is not held against the thread.
class Unobserved {
 public:
#if defined(VICMAE_REPLAY_TSAN)
  Unobserved() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unobserved() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  Unobserved() {}
#endif
  Unobserved(const Unobserved&) = delete;
};

// A shared array of [begin, end) in a piece of shared memory: the rest of the piece is out of bounds.
inline void poison_around([[maybe_unused]] uintptr_t begin, [[maybe_unused]] uintptr_t end, [[maybe_unused]] uintptr_t piece,
                          [[maybe_unused]] size_t bytes) {
#if defined(VICMAE_REPLAY_ASAN)
  __asan_poison_memory_region(reinterpret_cast<void*>(piece), bytes);
  __asan_unpoison_memory_region(reinterpret_cast<void*>(begin), end - begin);
#endif
}

// Memory that another block used before: what happened to it then is nothing to those who use it now.
inline void start_afresh([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#if defined(VICMAE_REPLAY_TSAN)
  mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
#endif
}

// Where threads wait for each other, what they did before happens before what they do after.
inline void before_wait([[maybe_unused]] void* meeting) {
#if defined(VICMAE_REPLAY_TSAN)
  __tsan_release(meeting);
#endif
}
inline void after_wait([[maybe_unused]] void* meeting) {
#if defined(VICMAE_REPLAY_TSAN)
  __tsan_acquire(meeting);
#endif
}

}  // namespace emulator
