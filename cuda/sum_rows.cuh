// Sums of a block's rows, column by column, and copies of rows on the way: the first stage of every sum over rows.
#pragma once

#include "elementwise.cuh"

// What is to be done with a row: copied, where `to` is not null, and added to the sums, where it counts.
template <class From, class To>
struct Row {
  const From* from;
  To* to;
  bool counts;
};

#if WARP > 1
// N columns a thread, whose sums stay in its registers; several rows are on their way at a time.
template <int N, class RowOf>
DEVICE void sum_columns(float* sums, int first, int last, int width, RowOf row_of) {
  constexpr int BATCH = 8;
  for (int c = (blockIdx.y * blockDim.x + threadIdx.x) * N; c < width; c += gridDim.y * blockDim.x * N) {
    Pack<N> sum{};
    const auto take = [&](const auto& row, const Pack<N>& pack) {
      if (row.to != nullptr) store_pack<N>(row.to + c, pack);
      UNROLL
      for (int k = 0; k < N; k++) sum.at[k] += row.counts ? pack.at[k] : 0.0f;
    };
    int r = first;
    for (; r + BATCH <= last; r += BATCH) {
      decltype(row_of(r)) row[BATCH];
      Pack<N> pack[BATCH];
      UNROLL
      for (int b = 0; b < BATCH; b++) {
        row[b] = row_of(r + b);
        pack[b] = load_pack<N>(row[b].from + c);
      }
      UNROLL
      for (int b = 0; b < BATCH; b++) take(row[b], pack[b]);
    }
    for (; r < last; r++) {
      const auto row = row_of(r);
      take(row, load_pack<N>(row.from + c));
    }
    store_pack<N>(sums + c, sum);
  }
}
#endif

// sums [width] = the sum of the rows in [first, last) that count, in order; row_of(r) gives row r. The blocks of a column of the grid share
// the width. N elements at a time where `aligned` says that all rows and their copies are aligned for that.
template <int N, class RowOf>
DEVICE void sum_rows(float* __restrict__ sums, int first, int last, int width, bool aligned, RowOf row_of) {
#if WARP > 1
  if (aligned && width % N == 0 && is_aligned<N>(sums)) {
    sum_columns<N>(sums, first, last, width, row_of);
  } else {
    sum_columns<1>(sums, first, last, width, row_of);
  }
#else
  (void)aligned;
  const int begin = static_cast<int>(static_cast<int64_t>(width) * blockIdx.y / gridDim.y);
  const int end = static_cast<int>(static_cast<int64_t>(width) * (blockIdx.y + 1) / gridDim.y);
  SIMD
  for (int i = begin; i < end; i++) sums[i] = 0;
  for (int r = first; r < last; r++) {
    const auto row = row_of(r);
    if (row.to != nullptr) {
      SIMD
      for (int i = begin; i < end; i++) row.to[i] = row.from[i];
    }
    if (row.counts) {
      SIMD
      for (int i = begin; i < end; i++) sums[i] += row.from[i];
    }
  }
#endif
}
