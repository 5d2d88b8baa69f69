// Threads wait in the same helper, but were led there from two branches: its barrier is on one line.
#include "target.cuh"

KERNEL(divergent_helper, float* y, const float* x, int n) {
  SHARED(float, scratch, 32);
  const int i = threadIdx.x;
  float sum;
  if (i < n / 2) {
    sum = block_sum(x[i], scratch);
  } else {
    sum = 2.0f * block_sum(x[i] + 1.0f, scratch);  // the mistake
  }
  y[i] = sum;
}
