// A memcpy that reads beyond its source.
#include "target.cuh"

KERNEL(memcpy_out_of_bounds, float* y, const float* x, int n) {
  SHARED(float, s, 80);
  if (threadIdx.x == 0) memcpy(s, x, (n + 1) * sizeof(float));  // the mistake
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[i];
}
