// All blocks add to one place.
#include "target.cuh"

KERNEL(race_between_blocks, float* y, const float* x, int n) {
  SHARED(float, scratch, 32);
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += x[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) y[0] = sum + blockIdx.x;  // the mistake
}
