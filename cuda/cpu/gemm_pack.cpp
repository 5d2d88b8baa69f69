// Packing the operands of a matrix product to tiles; gemm.h says what a tile is.
//
// Pair p of a step is elements p and p + 16 of k for floats, so that the two halves of a split vector are joined by a shift and a mask
// whichever way the operand is stored; for bfloat16 it is 2p and 2p + 1, as they lie in memory.
#include "gemm.h"

#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "../target.cuh"

namespace {

constexpr uint32_t kUpperHalf = 0xffff0000u;
constexpr int kTileWords = kTile * kTile;  // 32 bits each: one pair

// ---- transposes of 16 x 16 words --------------------------------------------------------------------------------------------------

#if defined(__AVX512F__)
// The forms without a mask read an undefined register in g++ 12's headers, which its own warnings then refuse.
#define UNPACK(half, bits, a, b) _mm512_maskz_unpack##half##_epi##bits((1 << 512 / bits) - 1, a, b)

inline __attribute__((always_inline)) __m512i quarter_rows(const uint32_t* p, int64_t stride) {
  const auto load = [](const uint32_t* q) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(q)); };
  __m512i v = _mm512_castsi128_si512(load(p));
  v = _mm512_mask_broadcast_i32x4(v, 0x00f0, load(p + 4 * stride));
  v = _mm512_mask_broadcast_i32x4(v, 0x0f00, load(p + 8 * stride));
  return _mm512_mask_broadcast_i32x4(v, 0xf000, load(p + 12 * stride));
}

// out[i * 16 + j] = in[j * stride + i]. Masked loads put rows j, j + 4, j + 8 and j + 12 side by side, which leaves two rounds of shuffles.
inline __attribute__((always_inline)) void transpose(uint32_t* out, const uint32_t* in, int64_t stride) {
  for (int quarter = 0; quarter < 4; quarter++) {
    const uint32_t* const p = in + 4 * quarter;
    const __m512i r0 = quarter_rows(p, stride), r1 = quarter_rows(p + stride, stride);
    const __m512i r2 = quarter_rows(p + 2 * stride, stride), r3 = quarter_rows(p + 3 * stride, stride);
    const __m512i low01 = UNPACK(lo, 32, r0, r1), high01 = UNPACK(hi, 32, r0, r1);
    const __m512i low23 = UNPACK(lo, 32, r2, r3), high23 = UNPACK(hi, 32, r2, r3);
    uint32_t* const to = out + 4 * quarter * kTile;
    _mm512_store_si512(to, UNPACK(lo, 64, low01, low23));
    _mm512_store_si512(to + kTile, UNPACK(hi, 64, low01, low23));
    _mm512_store_si512(to + 2 * kTile, UNPACK(lo, 64, high01, high23));
    _mm512_store_si512(to + 3 * kTile, UNPACK(hi, 64, high01, high23));
  }
}
#else
inline __attribute__((always_inline)) void transpose(uint32_t* out, const uint32_t* in, int64_t stride) {
  for (int i = 0; i < kTile; i++)
    for (int j = 0; j < kTile; j++) out[i * kTile + j] = in[j * stride + i];
}
#endif

// ---- floats -------------------------------------------------------------------------------------------------------------------------

// The bfloat16 nearest to x, as a float; of two equally near the one farther from 0. From 3.395e38 on it is infinite, and what is left NaN.
inline __attribute__((always_inline)) uint32_t nearest_bf16(uint32_t x) { return (x + 0x8000u) & kUpperHalf; }

// 16 pairs, one of `low` and one of `high` each, split into the three planes of one line.
inline __attribute__((always_inline)) void split(uint32_t* line, const uint32_t* low, const uint32_t* high) {
  SIMD
  for (int i = 0; i < kTile; i++) {
    const uint32_t l0 = nearest_bf16(low[i]), h0 = nearest_bf16(high[i]);
    const float l_rest = bits_float(low[i]) - bits_float(l0), h_rest = bits_float(high[i]) - bits_float(h0);  // exact
    const uint32_t l1 = nearest_bf16(float_bits(l_rest)), h1 = nearest_bf16(float_bits(h_rest));
    const uint32_t l2 = float_bits(l_rest - bits_float(l1)), h2 = float_bits(h_rest - bits_float(h1));  // at most 8 bits are left
    line[i] = l0 >> 16 | h0;
    line[kPlaneElements / 2 + i] = l1 >> 16 | h1;
    line[kPlaneElements + i] = l2 >> 16 | (h2 & kUpperHalf);
  }
}

// One tile's place in each of the three planes, from 16 x 32 floats. Lines lie `stride` apart, a line's two halves `half` apart.
void pack_floats(uint32_t* out, const uint32_t* in, bool k_first, bool natural, int64_t stride) {
  if (natural) {
    const int64_t half = k_first ? kTile * stride : kTile;
    for (int line = 0; line < kTile; line++) split(out + line * kTile, in + line * stride, in + line * stride + half);
    return;
  }
  alignas(64) uint32_t low[kTileWords], high[kTileWords];
  transpose(low, in, stride);
  transpose(high, in + (k_first ? kTile * stride : kTile), stride);
  for (int line = 0; line < kTile; line++) split(out + line * kTile, low + line * kTile, high + line * kTile);
}

// ---- bfloat16 -----------------------------------------------------------------------------------------------------------------------

// Line p of out holds the pairs of lines 2p and 2p + 1 of the input.
inline __attribute__((always_inline)) void interleave(uint32_t* out, const uint16_t* in, int64_t stride) {
  for (int p = 0; p < kTile; p++) {
    const uint16_t* const even = in + 2 * p * stride;
    const uint16_t* const odd = even + stride;
    SIMD
    for (int i = 0; i < kTile; i++) out[p * kTile + i] = even[i] | static_cast<uint32_t>(odd[i]) << 16;
  }
}

void pack_bf16(uint32_t* out, const uint16_t* in, bool k_first, bool natural, int64_t stride) {
  alignas(64) uint32_t lines[kTileWords];
  uint32_t* const to = natural ? out : lines;
  if (k_first) {
    interleave(to, in, stride);
  } else {
    for (int r = 0; r < kTile; r++) memcpy(to + r * kTile, in + r * stride, kTile * sizeof(uint32_t));
  }
  if (!natural) transpose(out, lines, kTile);
}

// ---- panels -------------------------------------------------------------------------------------------------------------------------

template <class T>
struct Packer {
  static constexpr int kPlanes = sizeof(T) == 4 ? 3 : 1;
  const Operand& operand;
  const T* const data = static_cast<const T*>(operand.data);
  const int64_t stride = operand.k_first ? operand.size : operand.k;
  const bool natural = operand.is_a != operand.k_first;

  static void tile(uint32_t* out, const float* in, bool k_first, bool natural, int64_t stride) {
    pack_floats(out, reinterpret_cast<const uint32_t*>(in), k_first, natural, stride);
  }
  static void tile(uint32_t* out, const uint16_t* in, bool k_first, bool natural, int64_t stride) {
    pack_bf16(out, in, k_first, natural, stride);
  }

  // Asks for what the step after the next of the same panel will read.
  void ask_ahead(int first, int step) const {
    const T* const in = data + (operand.k_first ? (step + 2) * int64_t{kStep} * stride + first : first * stride + (step + 2) * kStep);
    const int lines = operand.k_first ? kStep : kTile;
    for (int i = 0; i < lines; i++) {
      __builtin_prefetch(in + i * stride);
      if (!operand.k_first && sizeof(T) == 4) __builtin_prefetch(in + i * stride + kTile);
    }
  }

  // One half of one panel's step. What lies outside the operand counts as zero.
  void half_step(int first, int step, uint16_t* out) const {
    const int count = operand.size - first < kTile ? operand.size - first : kTile;
    const int k0 = step * kStep, depth = operand.k - k0 < kStep ? operand.k - k0 : kStep;
    uint32_t* const words = reinterpret_cast<uint32_t*>(out);
    if (count <= 0) {
      for (int plane = 0; plane < kPlanes; plane++) memset(out + plane * kPlaneElements, 0, sizeof(uint16_t) * kTileElements);
      return;
    }
    const T* const in = data + (operand.k_first ? k0 * stride + first : first * stride + k0);
    if (count == kTile && depth == kStep) {
      ask_ahead(first, step);
      tile(words, in, operand.k_first, natural, stride);
      return;
    }
    alignas(64) T some[kTileElements] = {};
    const int lines = operand.k_first ? depth : count, length = operand.k_first ? count : depth;
    const int line = operand.k_first ? kTile : kStep;
    for (int i = 0; i < lines; i++) memcpy(some + i * line, in + i * stride, sizeof(T) * length);
    tile(words, some, operand.k_first, natural, line);
  }

  void step(int panel, int step, uint16_t* out) const {
    half_step(panel * kPanel, step, out);
    half_step(panel * kPanel + kTile, step, out + kTileElements);
  }
};

float as_float(float x) { return x; }
float as_float(uint16_t x) { return from_bf16(x); }

// sums[row - first] = the sum over k in [from, to) of A[k, row]: even and odd terms each added in order, so that no addition waits for
// the one before it.
template <class T>
void sum_rows(const Operand& operand, int first, int last, int from, int to, float* sums) {
  for (int row = first; row < last; row += kPanel) {
    const int count = last - row < kPanel ? last - row : kPanel;
    float sum[2][kPanel] = {};
    const T* const in = static_cast<const T*>(operand.data) + row;
    for (int k = from; k < to; k++) {
      const T* const line = in + static_cast<int64_t>(k) * operand.size;
      float* const into = sum[k % 2];
      if (count == kPanel) {
        SIMD
        for (int i = 0; i < kPanel; i++) into[i] += as_float(line[i]);
      } else {
        for (int i = 0; i < count; i++) into[i] += as_float(line[i]);
      }
    }
    for (int i = 0; i < count; i++) sums[row - first + i] = sum[0][i] + sum[1][i];
  }
}

void group_sum(const Operand& o, int first, int last, int group, float* sums) {
  const int from = group * kSumSteps * kStep, end = from + kSumSteps * kStep, to = end < o.k ? end : o.k;
  float* const out = sums + static_cast<int64_t>(group) * o.size + first;
  o.bf16 ? sum_rows<uint16_t>(o, first, last, from, to, out) : sum_rows<float>(o, first, last, from, to, out);
}

template <class T>
void pack_panels(const Operand& operand, int first, int last, int from, int to, uint16_t* out, size_t panel_stride, float* sums) {
  const Packer<T> packer{operand};
  constexpr int kStepElements = Packer<T>::kPlanes * kPlaneElements;
  const int end = last * kPanel < operand.size ? last * kPanel : operand.size;
  // A few steps of every panel after the other: stored [k, size], neighbouring panels share pages, and what was packed is summed from cache.
  for (int group = from; group < to; group += kSumSteps) {
    const int stop = group + kSumSteps < to ? group + kSumSteps : to;
    for (int panel = first; panel < last; panel++) {
      for (int s = group; s < stop; s++) packer.step(panel, s, out + (panel - first) * panel_stride + size_t(s - from) * kStepElements);
    }
    if (sums != nullptr) group_sum(operand, first * kPanel, end, group / kSumSteps, sums);
  }
}

}  // namespace

Operand operand_a(const Gemm& g) { return {g.a, g.bf16_in != 0, g.trans_a != 0, true, g.m, g.k}; }
Operand operand_b(const Gemm& g) { return {g.b, g.bf16_in != 0, g.trans_b == 0, false, g.n, g.k}; }

void pack(const Operand& operand, int first, int last, int from, int to, uint16_t* out, size_t panel_stride, float* sums) {
  operand.bf16 ? pack_panels<uint16_t>(operand, first, last, from, to, out, panel_stride, sums)
               : pack_panels<float>(operand, first, last, from, to, out, panel_stride, sums);
}

void group_sums(const Operand& operand, int first, int last, float* sums) {
  for (int group = 0; group * kSumSteps * kStep < operand.k; group++) group_sum(operand, first, last, group, sums);
}

void add_group_sums(const Gemm& g, const float* sums) {
  for (int row = 0; row < g.m; row++) {
    float sum = 0;
    for (int64_t group = 0; group * kSumSteps * kStep < g.k; group++) sum += sums[group * g.m + row];
    g.bias[row] += sum;
  }
}
