// Reads a shared array that is only half filled.
#include "target.cuh"

KERNEL(unwritten_shared, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  for (int i = threadIdx.x; i < n / 2; i += blockDim.x) s[i] = x[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[i];  // the mistake
}
