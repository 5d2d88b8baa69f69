// Products of small matrices out of shared memory, the inner part of matmul.cu, attention.cu and info_nce.cu.
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

// Brings `rows` rows of `width` floats or bfloat16, `from_row` apart, to shared memory as floats: to[r * to_row + i]. Rows up to padded_rows
// and columns up to padded_width, a multiple of LANES, are filled with zeros. The caller sets the barriers.
template <class T>
DEVICE void stage_rows(float* __restrict__ to, int to_row, int padded_rows, int padded_width, const T* __restrict__ from,
                       int64_t from_row, int rows, int width) {
  for (int r = first_warp(); r < padded_rows; r += warps()) {
    const int filled = r < rows ? width : 0;
    for (int i = first_lane() * LANES; i < padded_width; i += warp_lanes() * LANES)
      store_aligned(to + r * to_row + i, load_lanes(from + r * from_row + i, filled - i));
  }
}

#if WARP == 1
// Two rows, SIZE apart, of a square that is being transposed change their blocks of SIZE columns off the diagonal.
template <int SIZE>
DEVICE void exchange(Lanes& upper, Lanes& lower) {
  LaneIndices to_upper, to_lower;
  UNROLL
  for (int j = 0; j < LANES; j++) {
    to_upper[j] = j & SIZE ? LANES + j - SIZE : j;
    to_lower[j] = j & SIZE ? LANES + j : j + SIZE;
  }
  const Lanes was = upper;
  upper = __builtin_shuffle(was, lower, to_upper);
  lower = __builtin_shuffle(was, lower, to_lower);
}

template <int SIZE>
DEVICE void transpose(Lanes (&rows)[LANES]) {
  UNROLL
  for (int r = 0; r < LANES; r++)
    if (!(r & SIZE)) exchange<SIZE>(rows[r], rows[r + SIZE]);
  if constexpr (SIZE > 1) transpose<SIZE / 2>(rows);
}
#endif

// The same, transposed: to[i * to_row + r]; padded_rows is a multiple of LANES.
template <class T>
DEVICE void stage_columns(float* __restrict__ to, int to_row, int padded_rows, int padded_width, const T* __restrict__ from,
                          int64_t from_row, int rows, int width) {
#if WARP == 1
  // Squares in registers: a loop over single elements would take as long as a quarter of the product that follows.
  for (int r = 0; r < padded_rows; r += LANES) {
    for (int i = 0; i < padded_width; i += LANES) {
      Lanes square[LANES];
      UNROLL
      for (int l = 0; l < LANES; l++) square[l] = load_lanes(from + (r + l) * from_row + i, r + l < rows ? width - i : 0);
      transpose<LANES / 2>(square);
      UNROLL
      for (int l = 0; l < LANES; l++)
        if (i + l < padded_width) store_aligned(to + (i + l) * to_row + r, square[l]);
    }
  }
#else
  for (int r = first_warp(); r < padded_rows; r += warps()) {
    const int filled = r < rows ? width : 0;
    for (int i = first_lane(); i < padded_width; i += warp_lanes())
      to[i * to_row + r] = i < filled ? static_cast<float>(from[r * from_row + i]) : 0.0f;
  }
#endif
}
