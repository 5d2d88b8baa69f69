// A grid-stride loop that runs one element too far.
#include "target.cuh"

KERNEL(global_out_of_bounds, float* y, const float* x, int n) {
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i <= n; i += gridDim.x * blockDim.x) sum += x[i];  // the mistake
  y[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
