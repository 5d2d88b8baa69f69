// The source of a cp.async is written while the copy is under way; the barrier between is not the one that counts.
#include "mma.cuh"

KERNEL(async_copy_of_changing_source, float* y, const float* x, int n) {
  SHARED(float, s, 256);
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = x[i];
  for (int i = threadIdx.x; i < n; i += blockDim.x) copy_async<4>(s + i, y + i);
  commit_copies();
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[n - 1 - i] = 0;  // the mistake
  wait_for_copies<0>();
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[i];
}
