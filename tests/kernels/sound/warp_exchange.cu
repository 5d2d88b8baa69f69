// A warp reverses 32 values through shared memory, behind a warp barrier, in every warp of the block at once; votes and reductions beside it.
#include "target.cuh"

#if WARP > 1
KERNEL(warp_exchange, float* y, unsigned* votes, const float* x) {
  SHARED(float, s, 1024);
  const int i = threadIdx.x, lane = i % 32;
  s[i] = x[i];
  __syncwarp();
  y[i] = s[i - lane + 31 - lane];
  __syncwarp();
  s[i] = 0;  // the others have read it
  const unsigned positive = __ballot_sync(0xffffffffu, x[i] > 0);
  const int most = __reduce_max_sync(0xffffffffu, lane * (x[i] > 0));
  if (lane == 0) votes[i / 32] = positive ^ static_cast<unsigned>(most);
  if (lane < 16) {
    const float other = __shfl_xor_sync(0x0000ffffu, x[i], 8);
    y[i] += other;
  }
}
#endif
