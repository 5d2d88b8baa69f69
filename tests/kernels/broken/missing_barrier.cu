// Each thread reads what its neighbour wrote, with no barrier between.
#include "target.cuh"

KERNEL(missing_barrier, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = x[i];
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[n - 1 - i];  // the mistake
}
