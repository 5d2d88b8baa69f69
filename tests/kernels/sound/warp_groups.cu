// Groups of four lanes, each with a loop and barriers of its own: all read what the first then reads again and changes.
#include "target.cuh"

#if WARP > 1
KERNEL(warp_groups, float* y, const float* x, int n) {
  SHARED(float, s, 64);
  const int i = threadIdx.x, group = i / 4 % 8;
  const unsigned mask = 0xfu << 4 * group;
  s[i] = x[i];
  __syncwarp(mask);
  for (int k = 0; k <= group; k++) {
    const float first = s[i & ~3];
    __syncwarp(mask);
    if (i % 4 == 0) s[i] = s[i] + first;
    __syncwarp(mask);
  }
  if (i < n) y[i] = s[i & ~3];
}
#endif
