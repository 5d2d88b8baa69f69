// The epilogues of a matrix product, for one rectangle of C at a time, 16 columns of a row after the other.
#include "../gelu.cuh"
#include "gemm.h"

#include <cstring>

namespace {

template <Epilogue kEpilogue>
inline __attribute__((always_inline)) void compute(float* c, float* other, const float* bias, const float* product, float factor) {
  SIMD
  for (int i = 0; i < kTile; i++) {
    if constexpr (kEpilogue == Epilogue::kWrite) {
      c[i] = product[i];
    } else if constexpr (kEpilogue == Epilogue::kAdd) {
      c[i] += product[i];
    } else if constexpr (kEpilogue == Epilogue::kBias) {
      c[i] = product[i] + bias[i];
    } else if constexpr (kEpilogue == Epilogue::kBiasGelu) {
      const float x = product[i] + bias[i];
      other[i] = x;
      c[i] = gelu(x);
    } else if constexpr (kEpilogue == Epilogue::kBiasResidual) {
      c[i] = other[i] + (product[i] + bias[i]);
    } else if constexpr (kEpilogue == Epilogue::kScaledResidual) {
      c[i] = other[i] + factor * (product[i] + bias[i]);
    } else {
      c[i] = product[i] * gelu_slope(other[i]);
    }
  }
}

constexpr bool reads_c(Epilogue e) { return e == Epilogue::kAdd; }
constexpr bool is_residual(Epilogue e) { return e == Epilogue::kBiasResidual || e == Epilogue::kScaledResidual; }
constexpr bool reads_other(Epilogue e) { return is_residual(e) || e == Epilogue::kGeluGradient; }
constexpr bool reads_bias(Epilogue e) { return e == Epilogue::kBias || e == Epilogue::kBiasGelu || is_residual(e); }

void get(float* out, const float* in, int count) { memcpy(out, in, sizeof(float) * count); }
void put(float* out, const float* in, int count) { memcpy(out, in, sizeof(float) * count); }

// Whole rows are written out with vectors: a loop over elements of two sizes is vectorised for half the width only.
typedef uint16_t HalfWords __attribute__((vector_size(2 * kTile)));
typedef uint32_t Words __attribute__((vector_size(4 * kTile)));

inline __attribute__((always_inline)) void get(float* out, const uint16_t* in, int count) {
  if (count == kTile) {
    HalfWords bits;
    memcpy(&bits, in, sizeof bits);
    const Words floats = __builtin_convertvector(bits, Words) << 16;
    memcpy(out, &floats, sizeof floats);
  } else {
    for (int i = 0; i < count; i++) out[i] = from_bf16(in[i]);
  }
}

// As to_bf16.
inline __attribute__((always_inline)) void put(uint16_t* out, const float* in, int count) {
  if (count == kTile) {
    Words x;
    memcpy(&x, in, sizeof x);
    const Words rounded = x + 0x7fffu + (x >> 16 & 1), quiet = x | 0x400000u;
    const HalfWords bits = __builtin_convertvector(((x & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) >> 16, HalfWords);
    memcpy(out, &bits, sizeof bits);
  } else {
    for (int i = 0; i < count; i++) out[i] = to_bf16(in[i]);
  }
}

template <Epilogue kEpilogue, class T>
inline __attribute__((always_inline)) void row_epilogue(T* c, T* other, const float* bias, const float* product, float factor,
                                                        int count) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (count == kTile) {
      compute<kEpilogue>(c, other, bias, product, factor);
      return;
    }
  }
  alignas(64) float c_row[kTile] = {}, other_row[kTile] = {}, bias_row[kTile] = {}, product_row[kTile] = {};
  if constexpr (reads_c(kEpilogue)) get(c_row, c, count);
  if constexpr (reads_other(kEpilogue)) get(other_row, other, count);
  if constexpr (reads_bias(kEpilogue)) get(bias_row, bias, count);
  get(product_row, product, count);
  compute<kEpilogue>(c_row, other_row, bias_row, product_row, factor);
  if constexpr (kEpilogue == Epilogue::kBiasGelu) put(other, other_row, count);  // first: C may be the same tensor
  put(c, c_row, count);
}

template <Epilogue kEpilogue, class T>
void apply(const Gemm& g, int64_t row, int64_t col, int rows, int cols, const float* product, int64_t stride, int64_t across) {
  for (int r = 0; r < rows; r++) {
    const float* p = product + r * stride;
    const float factor = kEpilogue == Epilogue::kScaledResidual ? g.factors[(row + r) / g.rows_per_factor] : 1.0f;
    for (int i = 0; i < cols; i += kTile, p += across) {
      const int64_t at = (row + r) * g.n + col + i;
      T* const c = static_cast<T*>(g.c) + at;
      T* const other = g.other == nullptr ? nullptr : static_cast<T*>(g.other) + at;
      const float* const bias = g.bias == nullptr ? nullptr : g.bias + col + i;
      if (cols - i >= kTile) {
        row_epilogue<kEpilogue, T>(c, other, bias, p, factor, kTile);
      } else {
        row_epilogue<kEpilogue, T>(c, other, bias, p, factor, cols - i);
      }
    }
  }
}

template <class T>
ApplyEpilogue epilogue_for(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kWrite: return apply<Epilogue::kWrite, T>;
    case Epilogue::kAdd: return apply<Epilogue::kAdd, T>;
    case Epilogue::kAddRowSums: return apply<Epilogue::kAdd, T>;
    case Epilogue::kBias: return apply<Epilogue::kBias, T>;
    case Epilogue::kBiasGelu: return apply<Epilogue::kBiasGelu, T>;
    case Epilogue::kBiasResidual: return apply<Epilogue::kBiasResidual, T>;
    case Epilogue::kGeluGradient: return apply<Epilogue::kGeluGradient, T>;
    case Epilogue::kScaledResidual: return apply<Epilogue::kScaledResidual, T>;
  }
  return nullptr;
}

}  // namespace

ApplyEpilogue epilogue_of(const Gemm& g) { return g.bf16_out ? epilogue_for<uint16_t>(g.epilogue) : epilogue_for<float>(g.epilogue); }
