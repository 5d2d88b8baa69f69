// C [16, 8] = A [16, 16] B [16, 8] by one warp's matrix instruction: A by ldmatrix, B [16, 8] by its transposed form.
#include "mma.cuh"

KERNEL(mma_product, float* c, const float* a, const float* b) {
  SHARED(uint16_t, sa, 16 * 16);
  SHARED(uint16_t, sb, 16 * 16);  // columns 8 to 15 are zero
  for (int i = threadIdx.x; i < 256; i += blockDim.x) {
    sa[i] = to_bf16(a[i]);
    sb[i] = i % 16 < 8 ? to_bf16(b[i / 16 * 8 + i % 16]) : 0;
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    const int lane = threadIdx.x;
    uint32_t fa[4], fb[4];
    load_matrices(fa, sa + lane % 16 * 16 + lane / 16 * 8);
    load_matrices_transposed(fb, sb + lane % 16 * 16 + lane / 16 * 8);
    const uint32_t left[2] = {fb[0], fb[1]};
    float sum[4] = {};
    mma_bf16(sum, fa, left);
    for (int i = 0; i < 4; i++) c[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sum[i];
  }
}
