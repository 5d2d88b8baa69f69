// The thread pool under every CPU launch.
//
// One pool serves the whole process: two pools on the same cores would take them from each other. The calling thread works too. Idle
// workers spin for some microseconds, since the kernels of a training step follow each other closely, and then sleep.

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "launch.h"

thread_local FAST_TLS Index3 blockIdx;
thread_local FAST_TLS Index3 gridDim;
thread_local FAST_TLS void* dynamic_shared_pointer;

namespace {

constexpr int kClosed = -1;
constexpr int kSpins = 2000;

struct Scratch {
  void* memory = nullptr;
  size_t bytes = 0;
  ~Scratch() { std::free(memory); }
};
thread_local Scratch scratch;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

struct Job {
  int64_t count = 0;
  int64_t piece = 1;
  RangeBody body = nullptr;
  const void* context = nullptr;
  std::atomic<int64_t> next{0};

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(piece, std::memory_order_relaxed);
      if (begin >= count) return;
      body(context, begin, begin + piece < count ? begin + piece : count);
    }
  }
};

class Pool {
 public:
  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    std::lock_guard<std::mutex> lock(launching_);
    threads_ = threads < 1 ? 1 : threads;
    for (; started_ < threads_ - 1; started_++) std::thread([this, id = started_] { serve(id); }).detach();
  }

  void run(int64_t count, int64_t grain, RangeBody body, const void* context) {
    if (count <= 0) return;
    const int threads = this->threads();
    if (threads == 1 || count <= grain) {
      body(context, 0, count);
      return;
    }
    std::lock_guard<std::mutex> lock(launching_);
    job_.count = count;
    // Several pieces a thread, so that a core that is taken away for a moment does not hold up the rest.
    const int64_t even = (count + int64_t{threads} * 4 - 1) / (int64_t{threads} * 4);
    job_.piece = even > grain ? even : grain;
    job_.body = body;
    job_.context = context;
    job_.next.store(0, std::memory_order_relaxed);
    gate_.store(0, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    job_.work();
    // Nothing is left to take: wait for those still working, then shut the gate for late comers.
    int expected = 0;
    while (!gate_.compare_exchange_weak(expected, kClosed, std::memory_order_acq_rel)) {
      expected = 0;
      relax();
    }
  }

 private:
  void serve(int id) {
    uint32_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; spin++) relax();
      generation_.wait(seen, std::memory_order_acquire);
      seen = generation_.load(std::memory_order_acquire);
      if (id >= threads() - 1) continue;
      int inside = gate_.load(std::memory_order_acquire);
      while (inside != kClosed && !gate_.compare_exchange_weak(inside, inside + 1, std::memory_order_acq_rel)) {
      }
      if (inside == kClosed) continue;
      job_.work();
      gate_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  std::mutex launching_;
  std::atomic<int> threads_{1};
  int started_ = 0;
  Job job_;
  std::atomic<int> gate_{kClosed};       // workers inside the current job, or closed
  std::atomic<uint32_t> generation_{0};  // number of jobs so far
};

Pool& pool() {
  static Pool* const instance = new Pool;  // never destroyed: workers may outlive static destruction
  return *instance;
}

}  // namespace

void* allocate_huge(size_t bytes) {
  constexpr size_t kHugePage = 2 << 20;
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* const memory = std::aligned_alloc(kHugePage, bytes);
#if defined(__linux__)
  if (memory != nullptr) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void* reserve_dynamic_shared(size_t bytes) {
  if (bytes > scratch.bytes) {
    constexpr size_t kLarge = 1 << 20;
    std::free(scratch.memory);
    scratch.bytes = (bytes + 4095) / 4096 * 4096;
    scratch.memory = bytes >= kLarge ? allocate_huge(bytes) : std::aligned_alloc(4096, scratch.bytes);
    if (scratch.memory == nullptr) std::abort();
  }
  return scratch.memory;
}

extern "C" void vicmae_parallel(int64_t count, int64_t grain, RangeBody body, const void* context) {
  pool().run(count, grain, body, context);
}

extern "C" int vicmae_set_threads(const int32_t* threads) {
  pool().resize(*threads);
  return 0;
}

int vicmae_threads() { return pool().threads(); }

// Copies or clears memory on all threads: one core alone does not reach the memory's bandwidth. `from` and `to` do not overlap; no `from`
// stands for zeros.
extern "C" int vicmae_copy(const Copy* copy) {
  constexpr int64_t kPage = 4096, kGrain = 64;
  vicmae_parallel(
      (copy->bytes + kPage - 1) / kPage, kGrain,
      [](const void* context, int64_t begin, int64_t end) {
        const Copy* c = static_cast<const Copy*>(context);
        const int64_t first = begin * kPage, last = end * kPage < c->bytes ? end * kPage : c->bytes;
        const size_t bytes = static_cast<size_t>(last - first);
        if (c->from == nullptr) {
          std::memset(static_cast<char*>(c->to) + first, 0, bytes);
        } else {
          std::memcpy(static_cast<char*>(c->to) + first, static_cast<const char*>(c->from) + first, bytes);
        }
      },
      copy);
  return 0;
}
