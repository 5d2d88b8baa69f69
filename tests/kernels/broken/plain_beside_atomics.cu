// One thread sets a counter to zero where others may count already.
#include "target.cuh"

#if WARP > 1
KERNEL(plain_beside_atomics, float* y, const float* x, int n) {
  SHARED(int, counter, 1);
  if (threadIdx.x == 0) counter[0] = static_cast<int>(x[0]);
  __syncthreads();
  if (threadIdx.x == 0) counter[0] = 0;  // the mistake
  atomicAdd(counter, 1);
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < n) y[threadIdx.x] = counter[0];
}
#endif
