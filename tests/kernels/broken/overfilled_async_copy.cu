// A cp.async that is told to take more bytes from its source than it copies.
#include "mma.cuh"

KERNEL(overfilled_async_copy, float* y, const float* x, int n) {
  SHARED(float, s, 256);
  for (int i = threadIdx.x; i < n; i += blockDim.x) copy_async<4>(s + i, x + i, i + 1 < n ? 8 : 4);  // the mistake
  commit_copies();
  wait_for_copies<0>();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[i];
}
