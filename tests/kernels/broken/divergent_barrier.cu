// Half of the threads wait at a barrier in one branch, the rest at another.
#include "target.cuh"

KERNEL(divergent_barrier, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  s[threadIdx.x] = x[threadIdx.x];
  if (static_cast<int>(threadIdx.x) < n / 2) {
    __syncthreads();
    y[threadIdx.x] = 2.0f * s[n - 1 - threadIdx.x];
  } else {
    __syncthreads();  // the mistake
    y[threadIdx.x] = 3.0f * s[n - 1 - threadIdx.x];
  }
}
