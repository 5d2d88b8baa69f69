// The same within one warp: lanes do not run in step.
#include "target.cuh"

KERNEL(missing_warp_barrier, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  const int i = threadIdx.x;
  s[i] = 0;
  __syncthreads();
  s[i] = x[i];
  if (i < n) y[i] = s[i ^ 1];  // the mistake
}
