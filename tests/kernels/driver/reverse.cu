// y = x from the end to the beginning, through dynamic shared memory.
#include "target.cuh"

KERNEL(reverse, float* y, const float* x, int n) {
  DYNAMIC_SHARED(float, s);
  for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = x[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[n - 1 - i];
}
