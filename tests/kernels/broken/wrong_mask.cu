// A shuffle in a branch that half of the lanes take, with the mask of all.
#include "target.cuh"

KERNEL(wrong_mask, float* y, const float* x, int n) {
  const int i = threadIdx.x;
  float v = x[i];
  if (i < n / 4) v += __shfl_xor_sync(0xffffffffu, v, 1);  // the mistake
  y[i] = v;
}
