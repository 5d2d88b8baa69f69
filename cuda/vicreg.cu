// VICReg (Bardes, Ponce and LeCun, ICLR 2022) over pairs: row i of [n, D] and the column of the other view of its sample, i + n/2 mod n.
//   loss = I mean_ij (row_ij - column_pair(i),j)^2 + sum over groups g of [V / D sum_j max(0, gamma - sd_gj) + C / D sum_{a != b} (c_gab)^2],
// where a group is one view's rows or columns, m = n/2 of them, c_g = x^T x / (m - 1) is the covariance of its centred rows x, and
// sd_gj = sqrt(c_gjj + eps). With s_gab = 4 C / (D (m - 1)) c_gab off the diagonal and -V / (D (m - 1) sd_ga) [sd_ga < gamma] on it, the
// gradient of the sum over groups is the product x s_g: the centred columns add up to 0, so nothing is left of the mean's part.
// Everything is written (`=`).
#include "elementwise.cuh"

// centred [rows, width] = x less the mean of its group of `group` rows; sums [rows / group, width] are the groups' sums. A warp a row.
KERNEL(vicreg_center, float* __restrict__ centred, const float* __restrict__ x, const float* __restrict__ sums, int rows, int width,
       int group) {
  const float scale = 1.0f / group;
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int64_t at = static_cast<int64_t>(row) * width;
    elementwise<4>(
        warp_threads(), width, [&](int, float v, float s, float& y) { y = v - s * scale; }, in(x + at),
        in(sums + static_cast<int64_t>(row / group) * width), out(centred + at));
  }
}

// difference [rows, width] = each row less its pair's column; losses [rows] = scale times the sum of its squares. A warp a row.
KERNEL(vicreg_pairs, float* __restrict__ difference, float* __restrict__ losses, const float* x, const float* columns, int rows, int width,
       float scale) {
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const float* const a = x + static_cast<int64_t>(row) * width;
    const float* const b = columns + static_cast<int64_t>(row < rows / 2 ? row + rows / 2 : row - rows / 2) * width;
    float* const d = difference + static_cast<int64_t>(row) * width;
    float sum = 0;
    SIMD_SUM(sum)
    for (int i = first_lane(); i < width; i += warp_lanes()) {
      const float v = a[i] - b[i];
      d[i] = v;
      sum += v * v;
    }
    sum = warp_sum(sum);
    if (first_lane() == 0) losses[row] = scale * sum;
  }
}

// matrices [groups, width, width] hold x^T x and become s; losses [groups * width] are the terms of a row of c. `samples` is m, `spread` V/D,
// `decorrelation` C/D. A block a row.
KERNEL(vicreg_matrix, float* __restrict__ matrices, float* __restrict__ losses, int groups, int width, int samples, float spread,
       float decorrelation, float gamma, float eps) {
  SHARED(float, scratch, 32);
  const float scale = 1.0f / (samples - 1);
  for (int row = blockIdx.x; row < groups * width; row += gridDim.x) {
    float* const c = matrices + static_cast<int64_t>(row) * width;
    const int own = row % width;
    const float deviation = sqrtf(c[own] * scale + eps);
    __syncthreads();  // the diagonal is read before anybody writes
    float sum = 0;
    SIMD_SUM(sum)
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
      const float v = j == own ? 0.0f : c[j] * scale;
      sum += v * v;
      c[j] = 4 * decorrelation * scale * v;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == own % blockDim.x) c[own] = deviation < gamma ? -spread * scale / deviation : 0.0f;
    if (threadIdx.x == 0) losses[row] = decorrelation * sum + spread * fmaxf(0.0f, gamma - deviation);
  }
}

// dx = weight (dx + scale difference), where row i takes the difference of row i, or of its pair if `of_pair`. A warp a row.
KERNEL(vicreg_gradient, float* __restrict__ dx, const float* __restrict__ difference, const float* __restrict__ weight, int rows, int width,
       float scale, int of_pair) {
  const float factor = weight[0];
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int from = !of_pair ? row : row < rows / 2 ? row + rows / 2 : row - rows / 2;
    elementwise<4>(
        warp_threads(), width, [&](int, float& d, float v) { d = factor * (d + scale * v); },
        inout(dx + static_cast<int64_t>(row) * width), in(difference + static_cast<int64_t>(from) * width));
  }
}
