// Nothing wrong with this one: the mistakes that go with it are the host's.
#include "target.cuh"

KERNEL(plain, float* y, const float* x, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] = 2.0f * x[i];  // the mistake is outside
}
