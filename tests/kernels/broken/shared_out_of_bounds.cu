// One element behind a shared array, where on a GPU the next array often lies.
#include "target.cuh"

KERNEL(shared_out_of_bounds, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  SHARED(float, next, 64);
  for (int i = threadIdx.x; i < n; i += blockDim.x) next[i] = s[i] = x[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = next[i] + s[i + 1];  // the mistake
}
