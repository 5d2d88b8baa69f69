// Each thread reads the half of a word that another writes; who writes the other half hides nothing.
#include "target.cuh"

KERNEL(race_on_halves, float* y, const float* x, int n) {
  SHARED(uint16_t, s, 64);
  const int i = threadIdx.x;
  s[i] = 0;
  __syncthreads();
  s[i] = static_cast<uint16_t>(x[i]);
  if (i < n) y[i] = s[(i & ~1) ^ 32];  // the mistake
}
