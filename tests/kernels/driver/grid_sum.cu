// Every block waits for all others and then adds up what they left: for cooperative launches, where all of them are in flight at once.
#include "target.cuh"

#if WARP > 1
KERNEL(grid_sum, float* y, float* partial, unsigned* arrived) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = blockIdx.x + 1.0f;
  __threadfence();
  atomicAdd(arrived, 1u);
  while (atomicAdd(arrived, 0u) < gridDim.x) {
  }
  float sum = 0;
  for (int i = 0; i < static_cast<int>(gridDim.x); i++) sum += partial[i];
  y[blockIdx.x] = sum;
}
#endif
