// Threads of several warps wait in a loop until another has set a flag, in either direction; all access the flags as volatile.
#include "target.cuh"

KERNEL(waiting_for_a_flag, float* y, const float* x, int n) {
  SHARED(int, flags, 2);
  volatile int* const flag = flags;
  const int last = blockDim.x - 1, i = threadIdx.x;
  if (i < 2) flag[i] = 0;
  __syncthreads();
  if (i == last) flag[0] = 1;
  while (flag[0] == 0) {
  }
  if (i == 0) flag[1] = 1;
  while (flag[1] == 0) {
  }
  if (i < n) y[i] = x[i];
}
