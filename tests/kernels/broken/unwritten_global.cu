// Adds to memory that nobody has set to zero.
#include "target.cuh"

KERNEL(unwritten_global, float* y, const float* x, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] += x[i];  // the mistake
}
