// Sums over rows in two deterministic stages: a bias's gradient, and the second stage of every per-block partial sum.
#include "sum_rows.cuh"

template <class T>
DEVICE void column_sums(float* partial, const T* x, int rows, int width) {
  const Share share = share_of(rows);
  sum_rows<kVector<T>>(partial + static_cast<int64_t>(blockIdx.x) * width, share.first, share.last, width, is_aligned<kVector<T>>(x),
                       [&](int row) { return Row<T, float>{x + static_cast<int64_t>(row) * width, nullptr, true}; });
}

// Stage one: block p of gridDim.x writes partial[p][i] = sum of its share of the rows of x [rows, width]. The blocks of a column share the
// width.
KERNEL(column_sum_partial, float* __restrict__ partial, const float* __restrict__ x, int rows, int width) {
  column_sums(partial, x, rows, width);
}
KERNEL(column_sum_partial_bf16, float* __restrict__ partial, const bf16* __restrict__ x, int rows, int width) {
  column_sums(partial, x, rows, width);
}

// A block's threads stand in LANES_OF_PARTS rows of STRIP columns: each sums every LANES_OF_PARTS-th part, so that all parts are on their
// way at once, and one thread a column adds those sums up.
#if WARP > 1
#define STRIP 32
#define LANES_OF_PARTS 16
#else
#define STRIP 64
#define LANES_OF_PARTS 1
#endif

// Stage two: columns [0, width) of partial, summed over its parts, are added to out, and if `next` is not null columns [width, 2 width) to
// next. Part p begins at p * stride.
KERNEL(column_sum_finish, float* __restrict__ out, float* __restrict__ next, const float* __restrict__ partial, int parts, int width,
       int stride) {
  SHARED(float, sums, LANES_OF_PARTS * STRIP);
  const int columns = next == nullptr ? width : 2 * width;
  for (int first = blockIdx.x * STRIP; first < columns; first += gridDim.x * STRIP) {
    const int count = columns - first < STRIP ? columns - first : STRIP;
#if WARP > 1
    for (int item = threadIdx.x; item < LANES_OF_PARTS * STRIP; item += blockDim.x) {
      const int c = item % STRIP;
      float sum = 0;
      if (c < count) {
#pragma unroll 8
        for (int p = item / STRIP; p < parts; p += LANES_OF_PARTS) sum += partial[static_cast<int64_t>(p) * stride + first + c];
      }
      sums[item] = sum;
    }
#else
    for (int c = 0; c < count; c++) sums[c] = 0;
    for (int p = 0; p < parts; p++) {
      const float* __restrict__ part = partial + static_cast<int64_t>(p) * stride + first;
      SIMD
      for (int c = 0; c < count; c++) sums[c] += part[c];
    }
#endif
    __syncthreads();
    for (int c = threadIdx.x; c < count; c += blockDim.x) {
      float total = 0;
      for (int lane = 0; lane < LANES_OF_PARTS; lane++) total += sums[lane * STRIP + c];
      float* __restrict__ to = first + c < width ? out + first + c : next + (first + c - width);
      *to += total;
    }
    __syncthreads();
  }
}

// out [1] = the sum of x [count], by one block.
KERNEL(sum_all, float* __restrict__ out, const float* __restrict__ x, int count) {
  SHARED(float, scratch, 32);
  if (blockIdx.x == 0) {
    float sum = 0;
    SIMD_SUM(sum)
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += x[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) out[0] = sum;
  }
}
