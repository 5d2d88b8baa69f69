// The epilogues of a matrix product, for one rectangle of C at a time.
#include "../gelu.cuh"
#include "gemm.h"

namespace {

inline float get(float x) { return x; }
inline float get(uint16_t x) { return from_bf16(x); }
inline void put(float* to, float x) { *to = x; }
inline void put(uint16_t* to, float x) { *to = to_bf16(x); }

// One row; count is a constant for whole tiles, so that these become straight vector code.
template <Epilogue kEpilogue, class T>
inline __attribute__((always_inline)) void row_epilogue(T* c, T* other, const float* bias, const float* product, int count) {
  SIMD
  for (int i = 0; i < count; i++) {
    if constexpr (kEpilogue == Epilogue::kWrite) {
      put(c + i, product[i]);
    } else if constexpr (kEpilogue == Epilogue::kAdd) {
      put(c + i, get(c[i]) + product[i]);
    } else if constexpr (kEpilogue == Epilogue::kBias) {
      put(c + i, product[i] + bias[i]);
    } else if constexpr (kEpilogue == Epilogue::kBiasGelu) {
      const float pre = product[i] + bias[i];
      put(other + i, pre);
      put(c + i, gelu(pre));
    } else if constexpr (kEpilogue == Epilogue::kBiasResidual) {
      put(c + i, get(other[i]) + (product[i] + bias[i]));
    } else {
      put(c + i, product[i] * gelu_slope(get(other[i])));
    }
  }
}

template <Epilogue kEpilogue, class T>
void apply(const Gemm& g, int64_t row, int64_t col, int rows, int cols, const float* product, int64_t stride) {
  const float* const bias = g.bias == nullptr ? nullptr : g.bias + col;
  for (int r = 0; r < rows; r++) {
    const int64_t at = (row + r) * g.n + col;
    T* const c = static_cast<T*>(g.c) + at;
    T* const other = g.other == nullptr ? nullptr : static_cast<T*>(g.other) + at;
    const float* const p = product + r * stride;
    if (cols == kTile) {
      row_epilogue<kEpilogue, T>(c, other, bias, p, kTile);
    } else {
      row_epilogue<kEpilogue, T>(c, other, bias, p, cols);
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
  }
  return nullptr;
}

}  // namespace

ApplyEpilogue epilogue_of(const Gemm& g) { return g.bf16_out ? epilogue_for<uint16_t>(g.epilogue) : epilogue_for<float>(g.epilogue); }
