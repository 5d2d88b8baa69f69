// The 2-norm of all gradients, and the coefficient that brings it down to a limit: min(1, limit / (norm + 1e-6)).
//
// Two stages without atomics. Threads sum in double precision: over tens of millions of squares a float sum would lose four digits.
#include "elementwise.cuh"

// Stage one: block b of gridDim.x writes partial[b] = sum of the squares of its share.
KERNEL(grad_norm_partial, float* __restrict__ partial, const float* __restrict__ gradients, int64_t size) {
  SHARED(float, scratch, 32);
  constexpr int LINE = 32;  // the shares are whole lines of memory
  const Share share = share_of(static_cast<int>((size + LINE - 1) / LINE));
  const int64_t first = static_cast<int64_t>(share.first) * LINE, end = static_cast<int64_t>(share.last) * LINE;
  const int64_t last = end < size ? end : size;
  const double sum = elementwise_sum<double, 4, 8>(
      block_threads(), static_cast<int>(last - first), [](int, float g) { return static_cast<double>(g) * g; }, in(gradients + first));
  const float total = block_sum(static_cast<float>(sum), scratch);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

// Stage two, one block: clip [2] = norm, coefficient. Without a limit (limit <= 0), or where the norm is NaN, the coefficient is 1.
KERNEL(grad_norm_finish, float* __restrict__ clip, const float* __restrict__ partial, int parts, float limit) {
  SHARED(float, scratch, 32);
  double sum = 0;
  for (int i = threadIdx.x; i < parts; i += blockDim.x) sum += partial[i];
  const float norm = sqrtf(block_sum(static_cast<float>(sum), scratch));
  if (threadIdx.x == 0) {
    const float coefficient = limit / (norm + 1e-6f);
    clip[0] = norm;
    clip[1] = limit > 0 && coefficient < 1 ? coefficient : 1.0f;
  }
}
