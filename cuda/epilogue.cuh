// What a matrix product P [m, n] does with its result before it is stored, four or more neighbouring columns at a time. The values are the
// ordinals of io.github.vicmae.device.Epilogue, which says what each does.
#pragma once

#include "gelu.cuh"

enum class Epilogue { WRITE, ADD, BIAS, BIAS_GELU, BIAS_RESIDUAL, GELU_GRADIENT, ADD_ROW_SUMS, SCALED_RESIDUAL };

// Where the result goes: C and the other tensor [m, n] of type T, of which one may be the other. bias: [n], but [m] with ADD_ROW_SUMS.
// factors: of SCALED_RESIDUAL, one for each rows_per_factor rows.
template <class T>
struct Output {
  T* c;
  T* other;
  float* bias;
  Epilogue epilogue;
  const float* factors;
  int rows_per_factor;

  // The bias of columns from `column` on.
  MEMBER Lanes column_bias(int column, int count) const {
    const bool has = epilogue == Epilogue::BIAS || epilogue == Epilogue::BIAS_GELU || epilogue == Epilogue::BIAS_RESIDUAL ||
                     epilogue == Epilogue::SCALED_RESIDUAL;
    return has ? load_lanes(bias + column, count) : all_lanes(0);
  }

  // What the result is combined with, from element `at` on; apart from finish(), so that loads can be under way while something else is
  // done.
  MEMBER Lanes before(int64_t at, int count) const {
    switch (epilogue) {
      case Epilogue::ADD:
      case Epilogue::ADD_ROW_SUMS:
        return load_lanes(c + at, count);
      case Epilogue::BIAS_RESIDUAL:
      case Epilogue::SCALED_RESIDUAL:
      case Epilogue::GELU_GRADIENT:
        return load_lanes(other + at, count);
      default:
        return all_lanes(0);
    }
  }

  // `at` is an element of row `row`.
  MEMBER void finish(int row, int64_t at, int count, Lanes product, Lanes column_bias, Lanes before) const;
};

#if WARP > 1
DEVICE Lanes gelu_lanes(Lanes x) { return {gelu(x[0]), gelu(x[1]), gelu(x[2]), gelu(x[3])}; }
DEVICE Lanes gelu_slope_lanes(Lanes x) { return {gelu_slope(x[0]), gelu_slope(x[1]), gelu_slope(x[2]), gelu_slope(x[3])}; }
#else
DEVICE Lanes gelu_lanes(Lanes x) {
  alignas(4 * LANES) float e[LANES];
  store_aligned(e, x);
  SIMD
  for (int i = 0; i < LANES; i++) e[i] = gelu(e[i]);
  return load_aligned(e);
}
DEVICE Lanes gelu_slope_lanes(Lanes x) {
  alignas(4 * LANES) float e[LANES];
  store_aligned(e, x);
  SIMD
  for (int i = 0; i < LANES; i++) e[i] = gelu_slope(e[i]);
  return load_aligned(e);
}
#endif

template <class T>
MEMBER void Output<T>::finish(int row, int64_t at, int count, Lanes product, Lanes column_bias, Lanes before) const {
  switch (epilogue) {
    case Epilogue::ADD:
    case Epilogue::ADD_ROW_SUMS:
      product = before + product;
      break;
    case Epilogue::BIAS_RESIDUAL:
      product = before + (product + column_bias);
      break;
    case Epilogue::SCALED_RESIDUAL:
      product = before + factors[row / rows_per_factor] * (product + column_bias);
      break;
    case Epilogue::BIAS:
      product = product + column_bias;
      break;
    case Epilogue::BIAS_GELU:
      product = product + column_bias;
      store_lanes(other + at, product, count);
      product = gelu_lanes(product);
      break;
    case Epilogue::GELU_GRADIENT:
      product = product * gelu_slope_lanes(before);
      break;
    case Epilogue::WRITE:
      break;
  }
  store_lanes(c + at, product, count);
}
