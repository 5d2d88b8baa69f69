// A vector load from an address that is only aligned for floats.
#include "target.cuh"

KERNEL(misaligned_vector, float* y, const float* x, int n) {
  for (int i = 4 * threadIdx.x; i + 5 < n; i += 4 * blockDim.x) {
    const Lanes v = *reinterpret_cast<const Lanes*>(x + i + 1);  // the mistake
    y[i] = sum_of(v);
  }
}
