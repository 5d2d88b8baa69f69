// Softmax cross-entropy with targets t [B, K] that may be soft: labels after smoothing, mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019).
// With logits l [B, K] and p = softmax(l) of each row,
//   loss_i = -sum_j t_ij log p_ij = m_i log sum_k exp(l_ik) - sum_j t_ij l_ij   with m_i = sum_j t_ij,
//   dl_ij = w / B (m_i p_ij - t_ij): the gradient of w times the mean of the losses.
// Both are written (`=`). A row's logits are taken relative to their largest, so that none overflows. Floats, but for dl, which is floats or,
// in the kernel whose name ends in _bf16, bfloat16.
#include "elementwise.cuh"

// A block a row.
template <class T>
DEVICE void cross_entropy_of(T* __restrict__ dlogits, float* __restrict__ losses, const float* __restrict__ logits,
                             const float* __restrict__ targets, const float* __restrict__ weight, int rows, int columns) {
  SHARED(float, scratch, 32);
  const float factor = weight[0] / rows;
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t at = static_cast<int64_t>(row) * columns;
    const float* const l = logits + at;
    const float* const t = targets + at;
    float high = -INFINITY;
    SIMD_MAX(high)
    for (int j = threadIdx.x; j < columns; j += blockDim.x) high = l[j] > high ? l[j] : high;
    high = block_max(high, scratch);
    float sum = 0, mass = 0, dot = 0;
    SIMD_SUM(sum, mass, dot)
    for (int j = threadIdx.x; j < columns; j += blockDim.x) {
      const float x = l[j] - high;
      sum += exp_f(x);
      mass += t[j];
      dot += t[j] * x;
    }
    sum = block_sum(sum, scratch);
    mass = block_sum(mass, scratch);
    dot = block_sum(dot, scratch);
    const float scale = mass / sum;
    elementwise<4>(
        block_threads(), columns, [&](int, float x, float target, auto& d) { d = factor * (scale * exp_f(x - high) - target); }, in(l),
        in(t), out(dlogits + at));
    if (threadIdx.x == 0) losses[row] = mass * logf(sum) - dot;
  }
}

KERNEL(cross_entropy, float* __restrict__ dlogits, float* __restrict__ losses, const float* __restrict__ logits,
       const float* __restrict__ targets, const float* __restrict__ weight, int rows, int columns) {
  cross_entropy_of(dlogits, losses, logits, targets, weight, rows, columns);
}
KERNEL(cross_entropy_bf16, bf16* __restrict__ dlogits, float* __restrict__ losses, const float* __restrict__ logits,
       const float* __restrict__ targets, const float* __restrict__ weight, int rows, int columns) {
  cross_entropy_of(dlogits, losses, logits, targets, weight, rows, columns);
}
