// SimSiam's loss (Chen and He, CVPR 2021), the negative cosine of each row of [n, D] and the column of the other view of its sample,
// i + n/2 mod n, which counts as a constant:
//   loss = -1/n sum_i p_i . z_pair(i) / (|p_i| |z_pair(i)|),   dp_i = -1 / (n |p_i|) (z/|z| - cos p_i/|p_i|).
// Norms are at least 1e-12. Everything is written (`=`).
#include "elementwise.cuh"

// losses [rows] = -cos / rows, and gradient [rows, width] of the loss with weight 1. A warp a row.
KERNEL(cosine_loss, float* __restrict__ gradient, float* __restrict__ losses, const float* x, const float* columns, int rows, int width) {
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const float* const p = x + static_cast<int64_t>(row) * width;
    const float* const z = columns + static_cast<int64_t>(row < rows / 2 ? row + rows / 2 : row - rows / 2) * width;
    float* const d = gradient + static_cast<int64_t>(row) * width;
    float dot = 0, squares = 0, others = 0;
    SIMD_SUM(dot, squares, others)
    for (int i = first_lane(); i < width; i += warp_lanes()) {
      dot += p[i] * z[i];
      squares += p[i] * p[i];
      others += z[i] * z[i];
    }
    const float inverse = 1 / fmaxf(sqrtf(warp_sum(squares)), 1e-12f), other = 1 / fmaxf(sqrtf(warp_sum(others)), 1e-12f);
    const float cosine = warp_sum(dot) * inverse * other;
    const float to_column = -inverse * other / rows, to_row = cosine * inverse * inverse / rows;
    SIMD
    for (int i = first_lane(); i < width; i += warp_lanes()) d[i] = to_column * z[i] + to_row * p[i];
    if (first_lane() == 0) losses[row] = -cosine / rows;
  }
}

// dx = weight * gradient.
KERNEL(cosine_loss_gradient, float* __restrict__ dx, const float* __restrict__ gradient, const float* __restrict__ weight, int rows,
       int width) {
  const float factor = weight[0];
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int64_t at = static_cast<int64_t>(row) * width;
    elementwise<4>(
        warp_threads(), width, [&](int, float g, float& d) { d = factor * g; }, in(gradient + at), out(dx + at));
  }
}
