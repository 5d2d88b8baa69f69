// Lane 0 waits for lane 1 before it overwrites what both have read, but not for lane 2.
#include "target.cuh"

#if WARP > 1
KERNEL(partial_warp_barrier, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  const int i = threadIdx.x;
  s[i] = x[i];
  __syncthreads();
  float v = 0;
  if (i == 2) v = s[0];
  if (i < 2) {
    v = s[0];
    __syncwarp(3);
    if (i == 0) s[0] = v + 1;  // the mistake
  }
  if (i < n) y[i] = v;
}
#endif
