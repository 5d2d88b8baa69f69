// Reads the target of a cp.async that was started, but not waited for.
#include "mma.cuh"

KERNEL(early_read_of_async_copy, float* y, const float* x, int n) {
  SHARED(float, s, 256);
  for (int i = 4 * threadIdx.x; i < n; i += 4 * blockDim.x) copy_async<16>(s + i, x + i);
  commit_copies();
  for (int i = 4 * threadIdx.x; i < n; i += 4 * blockDim.x) y[i] = s[i];  // the mistake
  wait_for_copies<0>();
}
