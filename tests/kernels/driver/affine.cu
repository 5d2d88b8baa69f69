// y = a y + b: the order of two launches shows in the result.
#include "target.cuh"

KERNEL(affine, float* y, float a, float b, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] = a * y[i] + b;
}
