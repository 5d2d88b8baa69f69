// The 2-norm of all gradients together and the coefficient that clips it, without a round trip to the host.
//   norm = sqrt(sum g^2); coefficient = min(1, max_norm / (norm + 1e-6)), or 1 if max_norm <= 0.
// Two stages, no atomics. A thread adds up at most GRAD_NORM_SPAN squares in fp32; everything above that is in double.
#include "target.cuh"

static constexpr int GRAD_NORM_SPAN = 4096;

// Block p of gridDim.x writes partial[p] = the sum of squares of its spans.
KERNEL(grad_norm_partial, double* __restrict__ partial, const float* __restrict__ gradients, int64_t size) {
  SHARED(float, scratch, 32);
  double sum = 0;
  for (int64_t span = blockIdx.x; span * GRAD_NORM_SPAN < size; span += gridDim.x) {
    const float* __restrict__ g = gradients + span * GRAD_NORM_SPAN;
    const int64_t left = size - span * GRAD_NORM_SPAN;
    const int count = left < GRAD_NORM_SPAN ? static_cast<int>(left) : GRAD_NORM_SPAN;
    float squares = 0;
    SIMD_SUM(squares)
    for (int i = threadIdx.x; i < count; i += blockDim.x) squares += g[i] * g[i];
    sum += block_sum(squares, scratch);
  }
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// clip [2] = norm, coefficient. One block; one thread adds the few partial sums in order.
KERNEL(grad_norm_finish, float* __restrict__ clip, const double* __restrict__ partial, int parts, float max_norm) {
  if (threadIdx.x == 0 && blockIdx.x == 0) {
    double sum = 0;
    for (int p = 0; p < parts; p++) sum += partial[p];
    const float norm = static_cast<float>(sqrt(sum));
    clip[0] = norm;
    clip[1] = max_norm > 0 && norm > max_norm ? max_norm / (norm + 1e-6f) : 1.0f;
  }
}
