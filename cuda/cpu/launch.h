// How a kernel is launched on the CPU: the launch's geometry, the argument table, and the loop over its blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

struct Index3 {
  int x, y, z;
};

// Mirrored by io.github.vicmae.device.cpu.CpuStream: seven ints, padding, one pointer.
struct Launch {
  int32_t grid_x, grid_y, grid_z;
  int32_t block_x, block_y, block_z;
  int32_t shared_bytes;
  int32_t reserved;
  void** arguments;
};

// Mirrored by io.github.vicmae.device.cpu.CpuStream.
struct Copy {
  void* to;
  const void* from;
  int64_t bytes;
};

// Calls body(context, begin, end) for pieces that together cover [0, count), on this thread and the pool's.
using RangeBody = void (*)(const void* context, int64_t begin, int64_t end);
extern "C" void vicmae_parallel(int64_t count, int64_t grain, RangeBody body, const void* context);
// How many threads share such a count.
int vicmae_threads();
// Memory for large buffers, in large pages where the system has them: fewer misses when they are walked through. std::free gives it back;
// null if there is none.
void* allocate_huge(size_t bytes);
// This thread's scratch that stands for a block's dynamic shared memory; at least `bytes` long, contents undefined.
void* reserve_dynamic_shared(size_t bytes);

// initial-exec keeps these two at a register and an offset; the default model would call a function at every use.
#define FAST_TLS __attribute__((tls_model("initial-exec")))
extern thread_local FAST_TLS Index3 blockIdx;
extern thread_local FAST_TLS Index3 gridDim;
extern thread_local FAST_TLS void* dynamic_shared_pointer;
static inline void* dynamic_shared() { return dynamic_shared_pointer; }

// A parameter's letter in a signature of io.github.vicmae.device.Kernel; '?' for what Java does not pass.
template <class T>
constexpr char letter_of() {
  if (std::is_pointer_v<T>) return 'p';
  if (std::is_integral_v<T>) return sizeof(T) == 4 ? 'i' : sizeof(T) == 8 ? 'l' : '?';
  return std::is_same_v<T, float> ? 'f' : '?';
}

template <class... Args>
static inline const char* signature_of(void (*)(Args...)) {
  static constexpr char text[] = {letter_of<Args>()..., '\0'};
  return text;
}

template <auto kernel, class... Args, size_t... I>
static inline void call_block(void** arguments, std::index_sequence<I...>) {
  kernel(*static_cast<Args*>(arguments[I])...);
}

template <auto kernel, class... Args>
static int run_blocks(void (*)(Args...), const Launch* launch) {
  if (launch->grid_x <= 0 || launch->grid_y <= 0 || launch->grid_z <= 0) return 1;
  const int64_t blocks = int64_t{launch->grid_x} * launch->grid_y * launch->grid_z;
  vicmae_parallel(
      blocks, 1,
      [](const void* context, int64_t begin, int64_t end) {
        const Launch* l = static_cast<const Launch*>(context);
        dynamic_shared_pointer = reserve_dynamic_shared(static_cast<size_t>(l->shared_bytes));
        gridDim = Index3{l->grid_x, l->grid_y, l->grid_z};
        for (int64_t b = begin; b < end; b++) {
          const int64_t plane = b / l->grid_x;
          blockIdx = Index3{static_cast<int>(b % l->grid_x), static_cast<int>(plane % l->grid_y),
                            static_cast<int>(plane / l->grid_y)};
          call_block<kernel, Args...>(l->arguments, std::index_sequence_for<Args...>{});
        }
      },
      launch);
  return 0;
}
