// All blocks wait for a flag that the last one sets: it need not be in flight before another one has ended.
#include "target.cuh"

#if WARP > 1
KERNEL(wait_for_later_block, float* y, const float* x, int n) {
  unsigned* const flag = reinterpret_cast<unsigned*>(const_cast<float*>(x));
  if (threadIdx.x == 0) {
    if (blockIdx.x == gridDim.x - 1) atomicExch(flag, 1u);
    while (atomicAdd(flag, 0u) != 1u) continue;  // the mistake
    if (static_cast<int>(blockIdx.x) < n) y[blockIdx.x] = 1;
  }
}
#endif
