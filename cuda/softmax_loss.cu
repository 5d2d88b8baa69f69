// InfoNCE as it is written down, with all logits and their gradient in memory: the yardstick for info_nce.cu, which holds neither. With
// l_ij = u_i . v_j of unit rows u [R, D] and columns v [K, D], which a matrix product makes,
//   p_ij = exp(l_ij / tau) / sum_{k != excluded_i} exp(l_ik / tau), 0 at the excluded column,   loss = mean_i -log p_i,positive(i),
//   dl_ij = w / (R tau) (p_ij - [j = positive(i)]),   and the products du = dl v, dv = dl^T u are again the matrix product's business.
// Everything is written (`=`).
#include "elementwise.cuh"

// logits [rows, columns] become probabilities in place; losses [rows] are -log p of the positives, divided by the number of rows. A block a
// row.
KERNEL(softmax_loss, float* __restrict__ logits, float* __restrict__ losses, const int* __restrict__ positive,
       const int* __restrict__ excluded, int rows, int columns, float inverse_temperature) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    float* const l = logits + static_cast<int64_t>(row) * columns;
    const int out = excluded[row];
    const float at_positive = l[positive[row]] * inverse_temperature;
    float high = -INFINITY;
    SIMD_MAX(high)
    for (int j = threadIdx.x; j < columns; j += blockDim.x) high = j != out && l[j] > high ? l[j] : high;
    high = block_max(high, scratch) * inverse_temperature;
    float sum = 0;
    SIMD_SUM(sum)
    for (int j = threadIdx.x; j < columns; j += blockDim.x) {
      const float e = j == out ? 0.0f : exp_f(l[j] * inverse_temperature - high);
      l[j] = e;  // every thread has read the positive's logit: two barriers lie between
      sum += e;
    }
    sum = block_sum(sum, scratch);
    const float scale = 1 / sum;
    SIMD
    for (int j = threadIdx.x; j < columns; j += blockDim.x) l[j] *= scale;
    if (threadIdx.x == 0) losses[row] = (high + logf(sum) - at_positive) / rows;
  }
}

// gradient [rows, columns] = weight scale (p - 1 at the positive). A block a row.
KERNEL(softmax_loss_gradient, float* __restrict__ gradient, const float* __restrict__ probabilities, const int* __restrict__ positive,
       const float* __restrict__ weight, int rows, int columns, float scale) {
  const float factor = weight[0] * scale;
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t at = static_cast<int64_t>(row) * columns;
    const int own = positive[row];
    elementwise<4>(
        block_threads(), columns, [&](int j, float p, float& d) { d = factor * (p - (j == own ? 1.0f : 0.0f)); },
        in(probabilities + at), out(gradient + at));
  }
}

// The gradient through u = x / |x|: dx = (du - (du . u) u) / |x| for each row, in place. A warp a row.
KERNEL(unit_rows_backward, float* __restrict__ dx, const float* __restrict__ unit, const float* __restrict__ inverse_norm, int rows,
       int width) {
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    float* const d = dx + static_cast<int64_t>(row) * width;
    const float* const u = unit + static_cast<int64_t>(row) * width;
    float dot = 0;
    SIMD_SUM(dot)
    for (int i = first_lane(); i < width; i += warp_lanes()) dot += d[i] * u[i];
    dot = warp_sum(dot);
    const float scale = inverse_norm[row];
    SIMD
    for (int i = first_lane(); i < width; i += warp_lanes()) d[i] = (d[i] - dot * u[i]) * scale;
  }
}
