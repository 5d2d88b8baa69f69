// An index that does not fit 32 bits before it is made 64 bits wide.
#include "target.cuh"

KERNEL(integer_overflow, float* y, const float* x, int n) {
  const int rows = 1 << 16;
  const int64_t last = (n + rows) * rows;  // the mistake
  if (threadIdx.x == 0) y[0] = last < 0 ? x[0] : x[1];
}
