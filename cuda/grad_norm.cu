// The 2-norm of all gradients, and the coefficient that brings it down to a limit: min(1, limit / (norm + 1e-6)).
//
// Two stages without atomics. Threads sum in double precision: over tens of millions of squares a float sum would lose four digits.
#include "target.cuh"

// Stage one: block b of gridDim.x writes partial[b] = sum of the squares of its share.
KERNEL(grad_norm_partial, float* __restrict__ partial, const float* __restrict__ gradients, int64_t size) {
  SHARED(float, scratch, 32);
  const int64_t share = (size + gridDim.x - 1) / gridDim.x;
  const int64_t first = blockIdx.x * share, last = first + share < size ? first + share : size;
  double sum = 0;
  SIMD_SUM(sum)
  for (int64_t i = first + threadIdx.x; i < last; i += blockDim.x) sum += static_cast<double>(gradients[i]) * gradients[i];
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
