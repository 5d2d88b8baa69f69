// Each thread waits for its own copies and then reads those of another.
#include "mma.cuh"

KERNEL(unsynchronised_async_copy, float* y, const float* x, int n) {
  SHARED(float, s, 256);
  for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = 0;
  __syncthreads();
  for (int i = 4 * threadIdx.x; i < n; i += 4 * blockDim.x) copy_async<16>(s + i, x + i);
  commit_copies();
  wait_for_copies<0>();
  for (int i = 4 * threadIdx.x; i < n; i += 4 * blockDim.x) y[i] = s[n - 4 - i];  // the mistake
}
