// Loops over neighbouring elements of several arrays at once: rows, or pieces of flat arrays.
//   elementwise<4>(warp_threads(), count, [&](int i, float x, float b, auto& y) { y = x + b; }, in(from), in(bias), out(to));
// calls the body for every i < count with the elements i. Elements of in() are read, those of out() written, those of inout() both; all may
// be floats or bfloat16, and read as floats.
//
// On a GPU a thread takes N neighbouring elements of each array at a time, in accesses of up to 16 bytes, and all of a batch are on their
// way before the first is used; where an array is not aligned for that it takes single elements. On the CPU this is a plain loop that the
// compiler vectorises. An out() may be the same array as an in(): an element is read before it is written, and no other thread touches it.
#pragma once

#include "target.cuh"

// The threads that share a loop: thread `first` of `step`.
struct Threads {
  int first, step;
};
DEVICE Threads block_threads() { return {static_cast<int>(threadIdx.x), static_cast<int>(blockDim.x)}; }
DEVICE Threads warp_threads() { return {first_lane(), warp_lanes()}; }

// A block's share of `count` rows or the like: as even as can be, in order, and empty in the last blocks if there are more than rows.
struct Share {
  int first, last;
};
DEVICE Share share_of(int count) {
  const int blocks = gridDim.x, share = count / blocks + (count % blocks != 0);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * share, last = first + share;
  return {static_cast<int>(first < count ? first : count), static_cast<int>(last < count ? last : count)};
}

// N elements of T, as vectors of up to 16 bytes, may be read and written at once from here on.
template <int N, class T>
DEVICE bool is_aligned(const T* p) {
  constexpr uintptr_t bytes = N * sizeof(T) < 16 ? N * sizeof(T) : 16;
  return (reinterpret_cast<uintptr_t>(p) & (bytes - 1)) == 0;
}

#if WARP > 1
// N neighbouring elements in registers.
template <int N>
struct Pack {
  float at[N];
};

#if defined(__CUDACC__)
typedef uint2 Words2;
typedef uint4 Words4;
// The plain store to global memory by its own name: of an assignment the compiler may write the members one by one.
template <class V>
DEVICE void store_vector(V* p, V v) {
  __stwb(p, v);
}
#else  // words are read from arrays of another type
struct __attribute__((may_alias, aligned(8))) Words2 {
  uint32_t x, y;
};
struct __attribute__((may_alias, aligned(16))) Words4 {
  uint32_t x, y, z, w;
};
template <class V>
DEVICE void store_vector(V* p, V v) {
  *p = v;
}
#endif

DEVICE void unpack_bf16(float* to, uint32_t pair) {
  to[0] = from_bf16(static_cast<uint16_t>(pair));
  to[1] = from_bf16(static_cast<uint16_t>(pair >> 16));
}

// One element, or 4 or 8 from an address that is aligned for as many.
template <int N>
DEVICE Pack<N> load_pack(const float* p) {
  static_assert(N == 1 || N == 4 || N == 8, "of any other length there is no vector");
  Pack<N> pack;
  if constexpr (N == 1) {
    pack.at[0] = *p;
  } else {
    UNROLL
    for (int k = 0; k < N; k += 4) {
      const float4 v = *reinterpret_cast<const float4*>(p + k);
      pack.at[k] = v.x;
      pack.at[k + 1] = v.y;
      pack.at[k + 2] = v.z;
      pack.at[k + 3] = v.w;
    }
  }
  return pack;
}
template <int N>
DEVICE Pack<N> load_pack(const bf16* p) {
  static_assert(N == 1 || N == 4 || N == 8, "of any other length there is no vector");
  Pack<N> pack;
  if constexpr (N == 1) {
    pack.at[0] = *p;
  } else if constexpr (N == 4) {
    const Words2 v = *reinterpret_cast<const Words2*>(p);
    unpack_bf16(pack.at, v.x);
    unpack_bf16(pack.at + 2, v.y);
  } else {
    const Words4 v = *reinterpret_cast<const Words4*>(p);
    unpack_bf16(pack.at, v.x);
    unpack_bf16(pack.at + 2, v.y);
    unpack_bf16(pack.at + 4, v.z);
    unpack_bf16(pack.at + 6, v.w);
  }
  return pack;
}

template <int N>
DEVICE void store_pack(float* p, const Pack<N>& pack) {
  if constexpr (N == 1) {
    *p = pack.at[0];
  } else {
    UNROLL
    for (int k = 0; k < N; k += 4)
      store_vector(reinterpret_cast<float4*>(p + k), make_float4(pack.at[k], pack.at[k + 1], pack.at[k + 2], pack.at[k + 3]));
  }
}
template <int N>
DEVICE void store_pack(bf16* p, const Pack<N>& pack) {
  const float* v = pack.at;
  if constexpr (N == 1) {
    *p = v[0];
  } else if constexpr (N == 4) {
    const Words2 words{pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3])};
    store_vector(reinterpret_cast<Words2*>(p), words);
  } else {
    const Words4 words{pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7])};
    store_vector(reinterpret_cast<Words4*>(p), words);
  }
}
#endif

template <class T>
struct In {
  static constexpr bool kReads = true, kWrites = false;
  const T* p;
  MEMBER float element(int i) const { return p[i]; }
};
template <class T>
struct Out {
  static constexpr bool kReads = false, kWrites = true;
  T* p;
  MEMBER T& element(int i) const { return p[i]; }
};
template <class T>
struct InOut {
  static constexpr bool kReads = true, kWrites = true;
  T* p;
  MEMBER T& element(int i) const { return p[i]; }
};
template <class T>
DEVICE In<T> in(const T* p) {
  return {p};
}
template <class T>
DEVICE Out<T> out(T* p) {
  return {p};
}
template <class T>
DEVICE InOut<T> inout(T* p) {
  return {p};
}

#if WARP > 1
// BATCH packs of an array, `step` elements from one to the next.
template <int N, int BATCH, class Array>
struct Packs {
  Array array;
  Pack<N> pack[BATCH];
  MEMBER Packs(Array from, int i, int step) : array(from) {
    if constexpr (Array::kReads) {
      UNROLL
      for (int b = 0; b < BATCH; b++) pack[b] = load_pack<N>(array.p + i + b * step);
    }
  }
  MEMBER void store(int i, int step) const {
    if constexpr (Array::kWrites) {
      UNROLL
      for (int b = 0; b < BATCH; b++) store_pack<N>(array.p + i + b * step, pack[b]);
    }
  }
};

template <int N, int BATCH, class Body, class... P>
DEVICE void with_packs(Body& body, int i, int step, P&&... packs) {
  UNROLL
  for (int b = 0; b < BATCH; b++) {
    UNROLL
    for (int k = 0; k < N; k++) body(i + b * step + k, packs.pack[b].at[k]...);
  }
  (packs.store(i, step), ...);
}
#endif

// BATCH: packs of each array that a thread has on their way at once.
template <int N, int BATCH = 2, class Body, class... Arrays>
DEVICE void elementwise(Threads threads, int count, Body body, Arrays... arrays) {
#if WARP > 1
  int done = 0;
  if ((is_aligned<N>(arrays.p) && ...)) {
    const int step = threads.step * N;
    int i = threads.first * N;
    for (; i + (BATCH - 1) * step + N <= count; i += BATCH * step)
      with_packs<N, BATCH>(body, i, step, Packs<N, BATCH, Arrays>(arrays, i, step)...);
    for (; i + N <= count; i += step) with_packs<N, 1>(body, i, step, Packs<N, 1, Arrays>(arrays, i, step)...);
    done = count / N * N;
  }
  for (int i = done + threads.first; i < count; i += threads.step) {
    with_packs<1, 1>(body, i, 1, Packs<1, 1, Arrays>(arrays, i, 1)...);
  }
#else
  (void)threads;
  SIMD
  for (int i = 0; i < count; i++) body(i, arrays.element(i)...);
#endif
}

// The sum of what the body returns for this thread's elements. Only this may carry a value from element to element: elementwise() runs them
// in any order and several at once.
template <class Sum, int N, int BATCH = 2, class Body, class... Arrays>
DEVICE Sum elementwise_sum(Threads threads, int count, Body body, Arrays... arrays) {
  Sum sum = 0;
#if WARP > 1
  elementwise<N, BATCH>(
      threads, count, [&](int i, auto&... elements) { sum += body(i, elements...); }, arrays...);
#else
  (void)threads;
  SIMD_SUM(sum)
  for (int i = 0; i < count; i++) sum += body(i, arrays.element(i)...);
#endif
  return sum;
}

// Elements of T that a thread takes at a time where all arrays that matter are of that type: 16 bytes.
template <class T>
constexpr int kVector = 16 / static_cast<int>(sizeof(T));
