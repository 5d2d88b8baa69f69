// The only file that knows what is being built: a module for a GPU (nvcc), a library for the CPU (any C++20 compiler), or the emulated
// driver (g++), where each thread of a block is a fiber and every access to memory is checked.
//
// A kernel is written once, with loops that stride by the block or the grid, so that it is right for any number of threads a block:
//   KERNEL(scale, float* y, const float* x, float a, int n) {
//     for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] = a * x[i];
//   }
// On the CPU a block has one thread and a warp one lane, the block-stride loops are plain loops that the compiler vectorises, and the
// blocks of a launch are shared among the threads of a pool.
#pragma once

#include <math.h>
#include <stdint.h>

#if defined(__CUDACC__)

#define WARP 32
#define KERNEL(name, ...) extern "C" __global__ void name(__VA_ARGS__)
// A kernel for blocks of at most `threads` threads, of which `blocks` are to fit a multiprocessor: registers are given out by that.
#define KERNEL_BOUNDED(threads, blocks, name, ...) extern "C" __global__ void __launch_bounds__(threads, blocks) name(__VA_ARGS__)
#define DEVICE __device__ __forceinline__
#define MEMBER __device__ __forceinline__
// Aligned so that vectors of 16 bytes can be loaded from it.
#define SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define DYNAMIC_SHARED(type, name)                          \
  extern __shared__ __align__(16) unsigned char dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(dynamic_shared)
#define SIMD
#define SIMD_SUM(...)
#define SIMD_MAX(...)
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")

#elif defined(VICMAE_EMULATOR)

#include "emulator/kernel.h"

#define WARP 32
#define KERNEL(name, ...)                                                                              \
  static __attribute__((noinline)) void name(__VA_ARGS__);                                             \
  static emulator::Registration<name> registration_of_##name(#name, __FILE__);                         \
  static __attribute__((noinline)) void name(__VA_ARGS__)
#define KERNEL_BOUNDED(threads, blocks, name, ...) KERNEL(name, __VA_ARGS__)
#define DEVICE inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))
// One array for a function, however often it is inlined, and one for each instance of a template.
#define SHARED(type, name, count) \
  type* const name = static_cast<type*>(vicmae_shared_array(#name, sizeof(type) * (count), 16, {__PRETTY_FUNCTION__, __LINE__}))
#define DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(vicmae_dynamic_shared())
#define __restrict__ __restrict
#define SIMD
#define SIMD_SUM(...)
#define SIMD_MAX(...)
#define UNROLL _Pragma("GCC unroll 16")
#define NO_UNROLL _Pragma("GCC unroll 1")

#else

#include "cpu/launch.h"

#define WARP 1
// The kernel itself, its one exported entry with the same argument table that cuLaunchKernel takes, and its parameters' types for Java to
// compare with what it packs.
#define KERNEL(name, ...)                                                                       \
  static void name(__VA_ARGS__);                                                                \
  extern "C" int launch_##name(const Launch* launch) { return run_blocks<name>(name, launch); } \
  extern "C" const char* signature_##name() { return signature_of(name); }                      \
  static void name(__VA_ARGS__)
#define KERNEL_BOUNDED(threads, blocks, name, ...) KERNEL(name, __VA_ARGS__)
#define DEVICE static inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))
#define SHARED(type, name, count) alignas(64) type name[count]
#define DYNAMIC_SHARED(type, name) type* const name = reinterpret_cast<type*>(dynamic_shared())
#define __restrict__ __restrict
#define PRAGMA(text) _Pragma(#text)
// GCC keeps the order of a float reduction unless it is told that any order will do.
#define SIMD PRAGMA(omp simd)
#define SIMD_SUM(...) PRAGMA(omp simd reduction(+ : __VA_ARGS__))
#define SIMD_MAX(...) PRAGMA(omp simd reduction(max : __VA_ARGS__))

static constexpr Index3 threadIdx{0, 0, 0};
static constexpr Index3 blockDim{1, 1, 1};
static inline void __syncthreads() {}

#endif

// ---- arithmetic -------------------------------------------------------------------------------------------------------------------

#if WARP > 1
DEVICE float exp_f(float x) { return expf(x); }
DEVICE int float_bits(float x) { return __float_as_int(x); }
DEVICE float bits_float(int bits) { return __int_as_float(bits); }
#else
DEVICE int float_bits(float x) {
  int bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}
DEVICE float bits_float(int bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

// libm's expf is a call, and a call keeps a loop from being vectorised; this is plain arithmetic.
// e^x for x <= 88: 2^n * e^r with |r| <= ln(2) / 2 and a polynomial of degree 6 for e^r; below -87.3 the result is 0. Error under 2 ulp.
DEVICE float exp_f(float x) {
  const float clamped = x < -87.3f ? -87.3f : (x > 88.0f ? 88.0f : x);
  const float shifted = clamped * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the sum's low bits are n
  const float n = shifted - 12582912.0f;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  __builtin_memcpy(&bits, &shifted, 4);
  const int32_t power = (bits + 127) << 23;  // the shift drops the constant's own bits
  float scale;
  __builtin_memcpy(&scale, &power, 4);
  return x < -87.3f ? 0.0f : p * scale;
}
#endif

// ---- bfloat16: the upper half of a float; kernels store it and compute in float ---------------------------------------------------

// The nearest one, ties to even; NaN stays NaN.
#if !defined(__CUDACC__)
// In the lower half of an integer, from a float's bits; or of a vector of them.
template <class Bits>
DEVICE Bits nearest_bf16(Bits bits) {
  const Bits rounded = bits + 0x7fffu + (bits >> 16 & 1), quiet = bits | 0x400000u;
  return ((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) >> 16;
}
#endif
DEVICE uint16_t to_bf16(float x) {
#if defined(__CUDACC__)
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  return static_cast<uint16_t>(nearest_bf16(static_cast<uint32_t>(float_bits(x))));
#endif
}
DEVICE float from_bf16(uint16_t x) { return bits_float(static_cast<int>(static_cast<uint32_t>(x) << 16)); }
// Two in one register, the first in the low half.
DEVICE uint32_t pack_bf16(float low, float high) {
#if defined(__CUDACC__)
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return static_cast<uint32_t>(to_bf16(high)) << 16 | to_bf16(low);
#endif
}

// An element of memory that reads and writes as a float.
struct bf16 {
  uint16_t bits;
  bf16() = default;
  MEMBER bf16(float x) : bits(to_bf16(x)) {}
  // Not through a temporary, which would keep a loop from being vectorised.
  MEMBER bf16& operator=(float x) {
    bits = to_bf16(x);
    return *this;
  }
  MEMBER operator float() const { return from_bf16(bits); }
};

// ---- reductions over a block: every thread gets the result, in an order that depends on blockDim alone ----------------------------

#if WARP > 1
// The lanes of this warp that the block has: all 32 but in the last warp of a block that is no multiple of 32.
DEVICE int warp_lanes() {
  const int rest = static_cast<int>(blockDim.x) - static_cast<int>(threadIdx.x & ~31u);
  return rest < WARP ? rest : WARP;
}

DEVICE unsigned warp_mask() { return warp_lanes() == WARP ? 0xffffffffu : (1u << warp_lanes()) - 1; }

struct Sum {
  static DEVICE float of(float a, float b) { return a + b; }
};
struct Max {
  static DEVICE float of(float a, float b) { return fmaxf(a, b); }
};

template <class Op>
DEVICE float warp_reduce(float v) {
  const int lanes = warp_lanes(), lane = threadIdx.x % WARP;
  const unsigned mask = warp_mask();
  for (int step = WARP / 2; step > 0; step /= 2) {
    const float other = __shfl_down_sync(mask, v, step);
    if (lane + step < lanes) v = Op::of(v, other);
  }
  return __shfl_sync(mask, v, 0);
}

template <class Op>
DEVICE float block_reduce(float v, float* scratch) {
  v = warp_reduce<Op>(v);
  const int warps = (blockDim.x + WARP - 1) / WARP;
  __syncthreads();  // the scratch may still be read from the reduction before
  if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = v;
  __syncthreads();
  float total = scratch[0];
  for (int w = 1; w < warps; w++) total = Op::of(total, scratch[w]);
  return total;
}

DEVICE float warp_sum(float v) { return warp_reduce<Sum>(v); }
DEVICE float warp_max(float v) { return warp_reduce<Max>(v); }
// scratch: 32 floats of shared memory.
DEVICE float block_sum(float v, float* scratch) { return block_reduce<Sum>(v, scratch); }
DEVICE float block_max(float v, float* scratch) { return block_reduce<Max>(v, scratch); }
#else
DEVICE float warp_sum(float v) { return v; }
DEVICE float warp_max(float v) { return v; }
DEVICE float block_sum(float v, float*) { return v; }
DEVICE float block_max(float v, float*) { return v; }
#endif

// ---- Lanes: neighbouring floats that one instruction loads; products of small tiles are made of them (see micro_tile.cuh) -----------

#if WARP > 1
#define LANES 4
struct alignas(16) Lanes {
  float at[LANES];
  __device__ __forceinline__ float operator[](int i) const { return at[i]; }
};
DEVICE Lanes operator+(Lanes a, Lanes b) { return {a.at[0] + b.at[0], a.at[1] + b.at[1], a.at[2] + b.at[2], a.at[3] + b.at[3]}; }
DEVICE Lanes operator-(Lanes a, float b) { return {a.at[0] - b, a.at[1] - b, a.at[2] - b, a.at[3] - b}; }
DEVICE Lanes operator-(Lanes a, Lanes b) { return {a.at[0] - b.at[0], a.at[1] - b.at[1], a.at[2] - b.at[2], a.at[3] - b.at[3]}; }
DEVICE Lanes operator*(Lanes a, Lanes b) { return {a.at[0] * b.at[0], a.at[1] * b.at[1], a.at[2] * b.at[2], a.at[3] * b.at[3]}; }
DEVICE Lanes operator*(float a, Lanes b) { return {a * b.at[0], a * b.at[1], a * b.at[2], a * b.at[3]}; }
// One 128-bit access: p is a multiple of 16 bytes.
DEVICE Lanes load_aligned(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
DEVICE void store_aligned(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }
DEVICE bool one_access(const float* p, int count) { return count >= LANES && (reinterpret_cast<uintptr_t>(p) & 15) == 0; }
#else
#define UNROLL _Pragma("GCC unroll 16")
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float Lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t LaneIndices __attribute__((vector_size(4 * LANES)));
typedef uint32_t LaneBits __attribute__((vector_size(4 * LANES)));
typedef uint16_t HalfLanes __attribute__((vector_size(2 * LANES)));
DEVICE Lanes load_aligned(const float* p) {
  Lanes v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
DEVICE void store_aligned(float* p, Lanes v) { __builtin_memcpy(p, &v, sizeof v); }
DEVICE bool one_access(const float*, int count) { return count >= LANES; }
DEVICE int warp_lanes() { return 1; }
#endif

// The first `count` lanes (all, if there are more) from or to an address of any alignment.
DEVICE Lanes load_lanes(const float* p, int count) {
  if (one_access(p, count)) return load_aligned(p);
  alignas(4 * LANES) float some[LANES] = {};
  UNROLL
  for (int i = 0; i < LANES; i++)
    if (i < count) some[i] = p[i];
  return load_aligned(some);
}

DEVICE void store_lanes(float* p, Lanes v, int count) {
  if (one_access(p, count)) {
    store_aligned(p, v);
    return;
  }
  UNROLL
  for (int i = 0; i < LANES; i++)
    if (i < count) p[i] = v[i];
}

// The same from and to bfloat16. On the CPU these are vectors from end to end, without a detour through an array in memory; the few
// lanes at a row's end are a call, since they would be most of a kernel's code.
#if WARP > 1
#define RARELY DEVICE
#else
#define RARELY static __attribute__((noinline))
#endif
RARELY Lanes load_some_lanes(const bf16* p, int count) {
  alignas(4 * LANES) float some[LANES] = {};
  UNROLL
  for (int i = 0; i < LANES; i++)
    if (i < count) some[i] = p[i];
  return load_aligned(some);
}
RARELY void store_some_lanes(bf16* p, Lanes v, int count) {
  UNROLL
  for (int i = 0; i < LANES; i++)
    if (i < count) p[i] = v[i];
}

DEVICE Lanes load_lanes(const bf16* p, int count) {
#if WARP > 1
  if (count >= LANES && (reinterpret_cast<uintptr_t>(p) & 7) == 0) {
    const uint2 two = *reinterpret_cast<const uint2*>(p);
    return {from_bf16(static_cast<uint16_t>(two.x)), from_bf16(static_cast<uint16_t>(two.x >> 16)),
            from_bf16(static_cast<uint16_t>(two.y)), from_bf16(static_cast<uint16_t>(two.y >> 16))};
  }
#else
  if (count >= LANES) {
    HalfLanes halves;
    __builtin_memcpy(&halves, p, sizeof halves);
    return (Lanes)(__builtin_convertvector(halves, LaneBits) << 16);
  }
#endif
  return load_some_lanes(p, count);
}

DEVICE void store_lanes(bf16* p, Lanes v, int count) {
#if WARP > 1
  if (count >= LANES && (reinterpret_cast<uintptr_t>(p) & 7) == 0) {
    *reinterpret_cast<uint2*>(p) = make_uint2(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]));
    return;
  }
#else
  if (count >= LANES) {
    const HalfLanes halves = __builtin_convertvector(nearest_bf16((LaneBits)v), HalfLanes);
    __builtin_memcpy(p, &halves, sizeof halves);
    return;
  }
#endif
  store_some_lanes(p, v, count);
}

// The first `count` lanes, and `other` in the rest.
DEVICE Lanes keep_lanes(Lanes v, int count, float other) {
#if WARP > 1
  return {count > 0 ? v.at[0] : other, count > 1 ? v.at[1] : other, count > 2 ? v.at[2] : other, count > 3 ? v.at[3] : other};
#else
  LaneIndices index;
  UNROLL
  for (int i = 0; i < LANES; i++) index[i] = i;
  return index < count ? v : Lanes{} + other;
#endif
}

#if WARP > 1
DEVICE Lanes all_lanes(float x) { return {x, x, x, x}; }
DEVICE Lanes max_lanes(Lanes a, Lanes b) {
  return {fmaxf(a.at[0], b.at[0]), fmaxf(a.at[1], b.at[1]), fmaxf(a.at[2], b.at[2]), fmaxf(a.at[3], b.at[3])};
}
DEVICE Lanes exp_lanes(Lanes x) { return {exp_f(x.at[0]), exp_f(x.at[1]), exp_f(x.at[2]), exp_f(x.at[3])}; }
DEVICE float sum_of(Lanes v) { return (v.at[0] + v.at[2]) + (v.at[1] + v.at[3]); }
DEVICE float max_of(Lanes v) { return fmaxf(fmaxf(v.at[0], v.at[2]), fmaxf(v.at[1], v.at[3])); }
#else
DEVICE Lanes all_lanes(float x) { return Lanes{} + x; }
DEVICE Lanes max_lanes(Lanes a, Lanes b) { return a > b ? a : b; }
DEVICE Lanes exp_lanes(Lanes x) {
  alignas(4 * LANES) float e[LANES];
  store_aligned(e, x);
  SIMD
  for (int i = 0; i < LANES; i++) e[i] = exp_f(e[i]);
  return load_aligned(e);
}
// Lane i gets lane i + LANES / 2, and so on by halves: a chain of LANES additions would be slower than the loop before it.
template <class Op, int HALF = LANES / 2>
DEVICE float fold(Lanes v, Op op) {
  LaneIndices other;
  UNROLL
  for (int i = 0; i < LANES; i++) other[i] = (i + HALF) % LANES;
  v = op(v, __builtin_shuffle(v, other));
  if constexpr (HALF > 1) return fold<Op, HALF / 2>(v, op);
  return v[0];
}
DEVICE float sum_of(Lanes v) {
  return fold(v, [](Lanes a, Lanes b) { return a + b; });
}
DEVICE float max_of(Lanes v) { return fold(v, max_lanes); }
#endif

// Loops in which a warp takes a row and its lanes the columns: for (r = first_warp(); r < n; r += warps()) for (i = first_lane(); ...; i +=
// warp_lanes()). On the CPU these are two plain loops.
DEVICE int first_warp() { return threadIdx.x / WARP; }
DEVICE int warps() { return (blockDim.x + WARP - 1) / WARP; }
DEVICE int first_lane() { return threadIdx.x % WARP; }
