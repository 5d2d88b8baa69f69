// CUDA C as a host compiler sees it in the emulated build: a kernel's indices, barriers, warp collectives, atomics and vector types.
// Included by target.cuh. What a thread does to memory is reported to the machine by the compiler's own instrumentation (see
// machine/access.cpp); what is here hands over what the compiler does not see.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <tuple>
#include <type_traits>
#include <utility>

#define VICMAE_API __attribute__((visibility("default")))
// For code of the emulator itself that is compiled among kernels: its accesses are not the kernel's.
#define VICMAE_UNCHECKED __attribute__((no_sanitize("thread", "undefined", "address"), noinline))

#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};
using dim3 = uint3;
#define VICMAE_VECTOR(type, name, bytes)                           \
  struct alignas(2 * bytes) name##2 {                              \
    type x, y;                                                     \
  };                                                               \
  struct name##3 {                                                 \
    type x, y, z;                                                  \
  };                                                               \
  struct alignas(4 * bytes > 16 ? 16 : 4 * bytes) name##4 {        \
    type x, y, z, w;                                               \
  };                                                               \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; } \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
VICMAE_VECTOR(float, float, 4)
VICMAE_VECTOR(int, int, 4)
VICMAE_VECTOR(double, double, 8)
#undef VICMAE_VECTOR
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace emulator {

struct Place {
  const char* file;
  int line;
};
// body(lanes that take part, their inputs, their outputs), on behalf of all lanes.
using CollectiveBody = void (*)(unsigned lanes, const void* const* in, void* const* out);

}  // namespace emulator

extern "C" {
// A fiber's own indices never change while it runs: the compiler may keep them.
VICMAE_API uint3 vicmae_thread_index() __attribute__((const));
VICMAE_API uint3 vicmae_block_index() __attribute__((const));
VICMAE_API uint3 vicmae_block_dim() __attribute__((const));
VICMAE_API uint3 vicmae_grid_dim() __attribute__((const));
VICMAE_API int vicmae_barrier(emulator::Place place, int value);
VICMAE_API void vicmae_collective(const char* what, unsigned mask, emulator::CollectiveBody body, const void* in, void* out,
                                  emulator::Place place);
VICMAE_API void* vicmae_shared_array(const char* name, size_t bytes, size_t alignment, emulator::Place place);
VICMAE_API void* vicmae_dynamic_shared();
// Says that the kernel touches memory here, where the compiler's instrumentation does not see it.
VICMAE_API void vicmae_touch(const void* address, size_t bytes, size_t alignment, int write, emulator::Place place);
VICMAE_API void vicmae_atomic(const void* address, size_t bytes, const void* at);
VICMAE_API void vicmae_fence(int scope);  // 0 block, 1 device
VICMAE_API void vicmae_copy_async(void* to, const void* from, int bytes, int from_bytes, emulator::Place place);
VICMAE_API void vicmae_copy_async_commit();
VICMAE_API void vicmae_copy_async_wait(int groups);
VICMAE_API void vicmae_register(void* entry);
}

#define threadIdx vicmae_thread_index()
#define blockIdx vicmae_block_index()
#define blockDim vicmae_block_dim()
#define gridDim vicmae_grid_dim()
constexpr int warpSize = 32;

// Where the caller stands, as the last parameter of a function.
#define VICMAE_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// ---- barriers and warp collectives ----------------------------------------------------------------------------------------------------

inline __attribute__((always_inline)) void __syncthreads(VICMAE_PLACE) { vicmae_barrier({file, line}, 0); }
inline __attribute__((always_inline)) int __syncthreads_count(int predicate, VICMAE_PLACE) {
  return vicmae_barrier({file, line}, predicate != 0);
}
inline __attribute__((always_inline)) int __syncthreads_or(int predicate, VICMAE_PLACE) {
  return vicmae_barrier({file, line}, predicate != 0) != 0;
}
inline __attribute__((always_inline)) int __syncthreads_and(int predicate, VICMAE_PLACE) {
  return vicmae_barrier({file, line}, predicate == 0) == 0;
}
inline __attribute__((always_inline)) void __syncwarp(unsigned mask = 0xffffffffu, VICMAE_PLACE) {
  vicmae_collective("__syncwarp", mask, nullptr, nullptr, nullptr, {file, line});
}

namespace emulator {

// All lanes of the mask give an In and get an Out; body writes out[lane] for each lane that takes part.
template <class Out, class In>
inline __attribute__((always_inline)) Out collective(const char* what, unsigned mask, const In& in,
                                                     void (*body)(unsigned, const In* const*, Out* const*), Place place) {
  Out out{};
  vicmae_collective(what, mask, reinterpret_cast<CollectiveBody>(body), &in, &out, place);
  return out;
}

template <class T>
struct Shuffled {
  T value;
  int from;  // lane
};

// A lane that does not take part gives all ones: NaN for floats, so that whoever uses it notices.
template <class T>
VICMAE_UNCHECKED void shuffle_body(unsigned lanes, const Shuffled<T>* const* in, T* const* out) {
  for (int lane = 0; lane < 32; lane++) {
    if (!(lanes >> lane & 1)) continue;
    const int from = in[lane]->from;
    if (from >= 0 && from < 32 && (lanes >> from & 1)) {
      *out[lane] = in[from]->value;
    } else {
      memset(static_cast<void*>(out[lane]), 0xff, sizeof(T));
    }
  }
}

template <class T>
inline __attribute__((always_inline)) T shuffle(const char* what, unsigned mask, T value, int from, Place place) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  return collective<T, Shuffled<T>>(what, mask, Shuffled<T>{value, from}, shuffle_body<T>, place);
}

inline __attribute__((always_inline)) int own_lane() {
  const uint3 t = threadIdx, d = blockDim;
  return static_cast<int>((t.x + d.x * (t.y + d.y * t.z)) % 32);
}

VICMAE_UNCHECKED inline void ballot_body(unsigned lanes, const int* const* in, unsigned* const* out) {
  unsigned votes = 0;
  for (int lane = 0; lane < 32; lane++)
    if ((lanes >> lane & 1) && *in[lane]) votes |= 1u << lane;
  for (int lane = 0; lane < 32; lane++)
    if (lanes >> lane & 1) *out[lane] = votes;
}

template <class T>
struct Add {
  static T of(T a, T b) { return a + b; }
};
template <class T>
struct Least {
  static T of(T a, T b) { return b < a ? b : a; }
};
template <class T>
struct Greatest {
  static T of(T a, T b) { return a < b ? b : a; }
};

template <class T, template <class> class Op>
VICMAE_UNCHECKED void reduce_body(unsigned lanes, const T* const* in, T* const* out) {
  bool first = true;
  T total{};
  for (int lane = 0; lane < 32; lane++) {
    if (!(lanes >> lane & 1)) continue;
    total = first ? *in[lane] : Op<T>::of(total, *in[lane]);
    first = false;
  }
  for (int lane = 0; lane < 32; lane++)
    if (lanes >> lane & 1) *out[lane] = total;
}

}  // namespace emulator

template <class T>
inline __attribute__((always_inline)) T __shfl_sync(unsigned mask, T value, int from, int width = 32, VICMAE_PLACE) {
  const int lane = emulator::own_lane(), first = lane & ~(width - 1);
  return emulator::shuffle("__shfl_sync", mask, value, first + (from & (width - 1)), {file, line});
}
template <class T>
inline __attribute__((always_inline)) T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, VICMAE_PLACE) {
  const int lane = emulator::own_lane(), from = lane + static_cast<int>(delta);
  return emulator::shuffle("__shfl_down_sync", mask, value, (from ^ lane) & ~(width - 1) ? lane : from, {file, line});
}
template <class T>
inline __attribute__((always_inline)) T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, VICMAE_PLACE) {
  const int lane = emulator::own_lane(), from = lane - static_cast<int>(delta);
  return emulator::shuffle("__shfl_up_sync", mask, value, from < 0 || ((from ^ lane) & ~(width - 1)) ? lane : from, {file, line});
}
template <class T>
inline __attribute__((always_inline)) T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, VICMAE_PLACE) {
  const int lane = emulator::own_lane(), from = lane ^ lanes;
  return emulator::shuffle("__shfl_xor_sync", mask, value, (from ^ lane) & ~(width - 1) ? lane : from, {file, line});
}
inline __attribute__((always_inline)) unsigned __ballot_sync(unsigned mask, int predicate, VICMAE_PLACE) {
  return emulator::collective<unsigned, int>("__ballot_sync", mask, predicate, emulator::ballot_body, {file, line});
}
inline __attribute__((always_inline)) int __any_sync(unsigned mask, int predicate, VICMAE_PLACE) {
  return emulator::collective<unsigned, int>("__any_sync", mask, predicate, emulator::ballot_body, {file, line}) != 0;
}
inline __attribute__((always_inline)) int __all_sync(unsigned mask, int predicate, VICMAE_PLACE) {
  return emulator::collective<unsigned, int>("__all_sync", mask, predicate == 0, emulator::ballot_body, {file, line}) == 0;
}
template <class T>
inline __attribute__((always_inline)) T __reduce_add_sync(unsigned mask, T value, VICMAE_PLACE) {
  return emulator::collective<T, T>("__reduce_add_sync", mask, value, emulator::reduce_body<T, emulator::Add>, {file, line});
}
template <class T>
inline __attribute__((always_inline)) T __reduce_min_sync(unsigned mask, T value, VICMAE_PLACE) {
  return emulator::collective<T, T>("__reduce_min_sync", mask, value, emulator::reduce_body<T, emulator::Least>, {file, line});
}
template <class T>
inline __attribute__((always_inline)) T __reduce_max_sync(unsigned mask, T value, VICMAE_PLACE) {
  return emulator::collective<T, T>("__reduce_max_sync", mask, value, emulator::reduce_body<T, emulator::Greatest>, {file, line});
}
// A thread may only rely on itself being active.
inline __attribute__((always_inline)) unsigned __activemask() { return 1u << emulator::own_lane(); }

// ---- memory ---------------------------------------------------------------------------------------------------------------------------

// The compiler's instrumentation does not see into libc.
inline __attribute__((always_inline)) void* vicmae_memcpy(void* to, const void* from, size_t bytes, VICMAE_PLACE) {
  vicmae_touch(from, bytes, 1, 0, {file, line});
  vicmae_touch(to, bytes, 1, 1, {file, line});
  return memcpy(to, from, bytes);
}
inline __attribute__((always_inline)) void* vicmae_memset(void* to, int value, size_t bytes, VICMAE_PLACE) {
  vicmae_touch(to, bytes, 1, 1, {file, line});
  return memset(to, value, bytes);
}

inline void __threadfence_block() { vicmae_fence(0); }
inline void __threadfence() { vicmae_fence(1); }
inline void __threadfence_system() { vicmae_fence(1); }
template <class T>
inline __attribute__((always_inline)) T __ldg(const T* p) {
  return *p;
}

namespace emulator {

template <class T, class Change>
VICMAE_UNCHECKED T atomic(T* address, Change change) {
  vicmae_atomic(address, sizeof(T), __builtin_return_address(0));
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace emulator

template <class T>
inline __attribute__((always_inline)) T atomicAdd(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return static_cast<T>(old + v); });
}
template <class T>
inline __attribute__((always_inline)) T atomicSub(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return static_cast<T>(old - v); });
}
template <class T>
inline __attribute__((always_inline)) T atomicExch(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T) { return v; });
}
template <class T>
inline __attribute__((always_inline)) T atomicMax(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return old < v ? v : old; });
}
template <class T>
inline __attribute__((always_inline)) T atomicMin(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return v < old ? v : old; });
}
template <class T>
inline __attribute__((always_inline)) T atomicAnd(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return static_cast<T>(old & v); });
}
template <class T>
inline __attribute__((always_inline)) T atomicOr(T* p, std::type_identity_t<T> v) {
  return emulator::atomic(p, [v](T old) { return static_cast<T>(old | v); });
}
template <class T>
inline __attribute__((always_inline)) T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  return emulator::atomic(p, [expected, v](T old) { return old == expected ? v : old; });
}
// Counts to `limit`, then starts again at 0.
inline __attribute__((always_inline)) unsigned atomicInc(unsigned* p, unsigned limit) {
  return emulator::atomic(p, [limit](unsigned old) { return old >= limit ? 0u : old + 1; });
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------------------------

template <class To, class From>
inline __attribute__((always_inline)) To vicmae_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, from);
}
inline __attribute__((always_inline)) int __float_as_int(float x) { return vicmae_bits<int>(x); }
inline __attribute__((always_inline)) unsigned __float_as_uint(float x) { return vicmae_bits<unsigned>(x); }
inline __attribute__((always_inline)) float __int_as_float(int x) { return vicmae_bits<float>(x); }
inline __attribute__((always_inline)) float __uint_as_float(unsigned x) { return vicmae_bits<float>(x); }
inline __attribute__((always_inline)) float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline __attribute__((always_inline)) float __expf(float x) { return expf(x); }
inline __attribute__((always_inline)) float __logf(float x) { return logf(x); }
inline __attribute__((always_inline)) float __fdividef(float a, float b) { return a / b; }
inline __attribute__((always_inline)) int __popc(unsigned x) { return __builtin_popcount(x); }
inline __attribute__((always_inline)) int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline __attribute__((always_inline)) int __ffs(int x) { return __builtin_ffs(x); }
inline __attribute__((always_inline)) unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}
template <class A, class B>
inline __attribute__((always_inline)) auto min(A a, B b) -> std::common_type_t<A, B> {
  return b < a ? b : a;
}
template <class A, class B>
inline __attribute__((always_inline)) auto max(A a, B b) -> std::common_type_t<A, B> {
  return a < b ? b : a;
}

// ---- a kernel's entry in the driver's table -------------------------------------------------------------------------------------------

namespace emulator {

template <class T>
constexpr char parameter_type() {
  if (std::is_pointer_v<T>) return 'p';
  if (std::is_same_v<T, float>) return 'f';
  if (std::is_same_v<T, double>) return 'd';
  if (std::is_integral_v<T> && sizeof(T) == 4) return 'i';
  if (std::is_integral_v<T> && sizeof(T) == 8) return 'l';
  return 's';
}

// Laid out as emulator.h's Parameter and KernelEntry.
struct RegisteredParameter {
  uint32_t size;
  char type;
};

template <auto kernel>
class Registration;

template <class... Args, void (*kernel)(Args...)>
class Registration<kernel> {
 public:
  Registration(const Registration&) = delete;
  Registration(const char* name, const char* file) {
    entry_ = {name, file, parameters_, static_cast<int>(sizeof...(Args)), call, nullptr};
    vicmae_register(&entry_);
  }

 private:
  template <size_t... I>
  VICMAE_UNCHECKED static void call_with(void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<Args*>(arguments[I])...);
  }
  VICMAE_UNCHECKED static void call(void** arguments) { call_with(arguments, std::index_sequence_for<Args...>{}); }

  struct Entry {
    const char* name;
    const char* file;
    const RegisteredParameter* parameters;
    int parameter_count;
    void (*call)(void**);
    void* next;
  };
  static constexpr RegisteredParameter parameters_[sizeof...(Args) + 1] = {{sizeof(Args), parameter_type<Args>()}..., {0, 0}};
  Entry entry_;
};

}  // namespace emulator

#define memcpy(...) vicmae_memcpy(__VA_ARGS__)
#define memset(...) vicmae_memset(__VA_ARGS__)
