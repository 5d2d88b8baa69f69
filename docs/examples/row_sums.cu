// y[row] = the sum of x [rows, width] along a row. One block a row.
#include "target.cuh"

KERNEL(row_sums, float* y, const float* x, int rows, int width) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    float sum = 0;
    for (int i = threadIdx.x; i < width; i += blockDim.x) sum += x[row * width + i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) y[row] = sum;
  }
}
