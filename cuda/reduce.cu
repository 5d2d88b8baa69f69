// Sums over rows in two deterministic stages: a bias's gradient, and the second stage of every per-block partial sum.
#include "target.cuh"

template <class T>
DEVICE void column_sums(float* __restrict__ partial, const T* __restrict__ x, int rows, int width) {
  float* __restrict__ out = partial + static_cast<int64_t>(blockIdx.x) * width;
  const int share = (rows + gridDim.x - 1) / gridDim.x;
  const int first = blockIdx.x * share, last = first + share < rows ? first + share : rows;
  SIMD
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[i] = 0;
  for (int row = first; row < last; row++) {
    const T* __restrict__ xr = x + static_cast<int64_t>(row) * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) out[i] += xr[i];
  }
}

// Stage one: block p of gridDim.x writes partial[p][i] = sum of its share of the rows of x [rows, width].
KERNEL(column_sum_partial, float* __restrict__ partial, const float* __restrict__ x, int rows, int width) {
  column_sums(partial, x, rows, width);
}
KERNEL(column_sum_partial_bf16, float* __restrict__ partial, const bf16* __restrict__ x, int rows, int width) {
  column_sums(partial, x, rows, width);
}

// Stage two: out[i] += sum over p of partial[p * stride + i]. Grid-stride over columns.
KERNEL(column_sum_finish, float* __restrict__ out, const float* __restrict__ partial, int parts, int width, int stride) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < width; i += gridDim.x * blockDim.x) {
    float sum = 0;
    for (int p = 0; p < parts; p++) sum += partial[static_cast<int64_t>(p) * stride + i];
    out[i] += sum;
  }
}
