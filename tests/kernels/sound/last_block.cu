// A sum in one launch: the block that comes last, by an atomic counter behind a fence, adds up what the others left (CUDA C++ Programming
// Guide, "Memory fence functions").
#include "target.cuh"

#if WARP > 1
KERNEL(last_block, float* y, float* partial, unsigned* counter, const float* x, int n) {
  SHARED(float, scratch, 32);
  SHARED(int, last, 1);
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += x[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    __threadfence();
    last[0] = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last[0]) {
    float total = 0;
    for (int i = threadIdx.x; i < static_cast<int>(gridDim.x); i += blockDim.x) total += partial[i];
    total = block_sum(total, scratch);
    if (threadIdx.x == 0) y[0] = total;
  }
}
#endif
