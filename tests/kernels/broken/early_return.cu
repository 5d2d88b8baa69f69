// Threads without work return before a barrier that the others wait at.
#include "target.cuh"

KERNEL(early_return, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  if (static_cast<int>(threadIdx.x) >= n / 2) return;
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();  // the mistake
  y[threadIdx.x] = s[n / 2 - 1 - threadIdx.x];
}
