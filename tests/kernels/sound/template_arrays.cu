// Each instance of a template has a shared array of its own.
#include "target.cuh"

template <int SIZE>
DEVICE float reversed(const float* x) {
  SHARED(float, part, SIZE);
  for (int i = threadIdx.x; i < SIZE; i += blockDim.x) part[i] = x[i];
  __syncthreads();
  return part[SIZE - 1 - threadIdx.x % SIZE];
}

KERNEL(template_arrays, float* y, const float* x, int n) {
  const float sum = reversed<32>(x) + reversed<64>(x);
  if (static_cast<int>(threadIdx.x) < n) y[threadIdx.x] = sum;
}
