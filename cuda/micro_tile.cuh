// Products of small matrices out of shared memory, the inner part of matmul.cu and attention.cu.
//
// A thread computes a micro-tile of C = A B: ROWS rows by COLS groups of LANES columns, held in registers. At each step along the
// common dimension it loads COLS groups of B and one element of A for each row.
#pragma once

#include "target.cuh"

template <int ROWS, int COLS>
struct MicroTile {
  Lanes at[ROWS][COLS];
};

template <int ROWS, int COLS>
DEVICE void clear(MicroTile<ROWS, COLS>& c) {
  UNROLL
  for (int r = 0; r < ROWS; r++) {
    UNROLL
    for (int g = 0; g < COLS; g++) c.at[r][g] = Lanes{};
  }
}

// c += A B over `depth` steps. A(row, k) lies at a[row * a_row + k * a_step], which need not be aligned; group g of B's row k lies at
// b[k * b_step + g * spread], aligned.
template <int ROWS, int COLS>
DEVICE void add_product(MicroTile<ROWS, COLS>& c, const float* __restrict__ a, int a_row, int a_step, const float* __restrict__ b,
                        int b_step, int spread, int depth) {
  MicroTile<ROWS, COLS> sum = c;  // a local copy, so that it stays in registers
  for (int k = 0; k < depth; k++) {
    Lanes group[COLS];
    UNROLL
    for (int g = 0; g < COLS; g++) group[g] = load_aligned(b + g * spread);
    UNROLL
    for (int r = 0; r < ROWS; r++) {
      const float element = a[r * a_row];
      UNROLL
      for (int g = 0; g < COLS; g++) sum.at[r][g] = sum.at[r][g] + element * group[g];
    }
    a += a_step;
    b += b_step;
  }
  c = sum;
}

// Brings `rows` rows of `width` floats, `from_row` apart, to shared memory: to[r * to_row + i]. Rows up to padded_rows and columns up to
// padded_width are filled with zeros. The caller sets the barriers.
DEVICE void stage_rows(float* __restrict__ to, int to_row, int padded_rows, int padded_width, const float* __restrict__ from,
                       int64_t from_row, int rows, int width) {
  for (int r = first_warp(); r < padded_rows; r += warps()) {
    const int filled = r < rows ? width : 0;
    SIMD
    for (int i = first_lane(); i < filled; i += warp_lanes()) to[r * to_row + i] = from[r * from_row + i];
    for (int i = filled + first_lane(); i < padded_width; i += warp_lanes()) to[r * to_row + i] = 0;
  }
}

// The same, transposed: to[i * to_row + r].
DEVICE void stage_columns(float* __restrict__ to, int to_row, int padded_rows, int padded_width, const float* __restrict__ from,
                          int64_t from_row, int rows, int width) {
  for (int r = first_warp(); r < padded_rows; r += warps()) {
    const int filled = r < rows ? width : 0;
    for (int i = first_lane(); i < filled; i += warp_lanes()) to[i * to_row + r] = from[r * from_row + i];
    for (int i = filled + first_lane(); i < padded_width; i += warp_lanes()) to[i * to_row + r] = 0;
  }
}
