// A contrastive loss of your own. This one is InfoNCE; change it into yours.
//
//   vicmae lab FILE.cu --like infonce   builds it, checks it, looks for races and stray accesses, and times it beside the built-in losses
//   vicmae lab FILE.cu                  the same for a loss that is like none of them: its gradient is held against the loss itself
//   vicmae pretrain --contrast FILE.cu  trains with it
//
// With unit rows p = x / |x| [R, D] and unit columns z [K, D], temperature t, and positive(i) the other view of row i:
//   s_ij = p_i . z_j / t,   lse_i = log sum_{j != excluded(i)} exp(s_ij),   loss = mean_i (lse_i - s_i,positive(i)),
//   ds_ij = (exp(s_ij - lse_i) - [j = positive(i)]) / R,   dp_i = sum_j ds_ij z_j / t,   dz_j = sum_i ds_ij p_i / t,
// and through the normalisation dx = (dp - (dp . p) p) / |x|. Where the columns are the rows, a row gets both sums.
//
// The lines with @ say how the kernels are launched, in the order in which they stand here. Sizes are made of numbers, rows (R), columns (K),
// width (D), + - * / and brackets. @scratch is a number of floats; what the forward kernels leave there is there for the backward ones.
// `shared` is a block's dynamic shared memory in bytes, and can be left out.
//
// @scratch   4 * rows + columns
// @forward   lab_inverse_norms  blocks = rows + columns  threads = 64
// @forward   lab_row_losses     blocks = rows            threads = 128
// @forward   lab_mean_loss      blocks = 1               threads = 256
// @backward  lab_gradients      blocks = rows + columns  threads = 128  shared = 4 * width
//
// One source is compiled for three targets, so a kernel is right for any number of threads a block, 1 included (that is the CPU), and for any
// number of blocks: loops stride by blockDim and gridDim. SHARED(type, name, count) is a __shared__ array, DYNAMIC_SHARED(type, name) the
// dynamic one. A warp has first_lane(), warp_lanes(), warp_sum(x); a block has first_warp(), warps(), block_sum(x, 32 shared floats).
// SIMD and SIMD_SUM(x) before an innermost loop let the CPU vectorise it. No float atomics: two runs must give the same bits.

// The parameters that every kernel has: loss, drows, dcolumns, rows, columns, positive, excluded, weight, scratch, R, K, D, temperature.
#include "user_loss.cuh"

// What scratch holds.
struct LabScratch {
  float* row_scale;     // [R] 1 / |x|
  float* column_scale;  // [K]
  float* lse;           // [R]
  float* others;        // [R] what the positive lacks of the sum: sum_{j != positive(i), excluded(i)} exp(s_ij - lse_i)
  float* row_loss;      // [R]
};

DEVICE LabScratch parts_of(float* scratch, int R, int K) {
  float* const lse = scratch + R + K;
  return {scratch, scratch + R, lse, lse + R, lse + 2 * static_cast<int64_t>(R)};
}

// The product of two vectors, by the lanes of a warp.
DEVICE float dot(const float* a, const float* b, int D) {
  float sum = 0;
  SIMD_SUM(sum)
  for (int d = first_lane(); d < D; d += warp_lanes()) sum += a[d] * b[d];
  return warp_sum(sum);
}

// ---- forward -------------------------------------------------------------------------------------------------------------------------

// A block for each row and column.
KERNEL(lab_inverse_norms, LOSS_PARAMETERS) {
  SHARED(float, partial, 32);
  const LabScratch s = parts_of(scratch, R, K);
  for (int b = blockIdx.x; b < R + K; b += gridDim.x) {
    const float* const x = b < R ? rows + static_cast<int64_t>(b) * D : columns + static_cast<int64_t>(b - R) * D;
    float squares = 0;
    SIMD_SUM(squares)
    for (int d = threadIdx.x; d < D; d += blockDim.x) squares += x[d] * x[d];
    squares = block_sum(squares, partial);
    if (threadIdx.x == 0) (b < R ? s.row_scale[b] : s.column_scale[b - R]) = 1 / fmaxf(sqrtf(squares), 1e-12f);
  }
}

// A block for each row, a warp for each of its columns. Logits lie between -1 / t and 1 / t: while t is 0.02 or more, exp(s) lies between
// e^-50 and e^50, and floats add it up as it comes; below that, take the largest logit off first. The positive stays out of the sum until the
// end: as its part of it nears 1, what is left are the others, and 1 - exp(s - lse) would have lost their digits.
KERNEL(lab_row_losses, LOSS_PARAMETERS) {
  SHARED(float, partial, 32);
  const LabScratch s = parts_of(scratch, R, K);
  for (int i = blockIdx.x; i < R; i += gridDim.x) {
    const float* const x = rows + static_cast<int64_t>(i) * D;
    const float scale = s.row_scale[i] / temperature;
    float others = 0, at_positive = 0;
    for (int j = first_warp(); j < K; j += warps()) {
      const float logit = dot(x, columns + static_cast<int64_t>(j) * D, D) * scale * s.column_scale[j];
      if (j == positive[i]) at_positive = logit;
      else if (j != excluded[i]) others += exp_f(logit);
    }
    // Every lane of a warp has the warp's sum: one of them hands it on.
    others = block_sum(first_lane() == 0 ? others : 0.0f, partial);
    at_positive = block_sum(first_lane() == 0 ? at_positive : 0.0f, partial);
    if (threadIdx.x == 0) {
      const float own = exp_f(at_positive), sum = others + own;
      s.lse[i] = logf(sum);
      s.others[i] = others / sum;
      s.row_loss[i] = others < own ? log1pf(others / own) : s.lse[i] - at_positive;
    }
  }
}

KERNEL(lab_mean_loss, LOSS_PARAMETERS) {
  SHARED(float, partial, 32);
  const LabScratch s = parts_of(scratch, R, K);
  float sum = 0;
  SIMD_SUM(sum)
  for (int i = threadIdx.x; i < R; i += blockDim.x) sum += s.row_loss[i];
  sum = block_sum(sum, partial);
  if (blockIdx.x == 0 && threadIdx.x == 0) loss[0] = sum / R;
}

// ---- backward ------------------------------------------------------------------------------------------------------------------------

constexpr int CHUNK = 64;  // columns whose slopes a block holds at once

// R ds_ij.
DEVICE float slope(float logit, int i, int j, const LabScratch& s, const int* positive, const int* excluded) {
  if (j == positive[i]) return -s.others[i];
  return j == excluded[i] ? 0.0f : exp_f(logit - s.lse[i]);
}

// A block for each row, and for each column that is not a row.
KERNEL(lab_gradients, LOSS_PARAMETERS) {
  DYNAMIC_SHARED(float, sum);  // [D]; a thread touches its own elements alone
  SHARED(float, slopes, CHUNK);
  SHARED(float, partial, 32);
  const LabScratch s = parts_of(scratch, R, K);
  const bool symmetric = dcolumns == nullptr;
  for (int b = blockIdx.x; b < (symmetric ? R : R + K); b += gridDim.x) {
    const bool is_row = b < R;
    const int own = is_row ? b : b - R, count = is_row ? K : R;
    const float* const x = (is_row ? rows : columns) + static_cast<int64_t>(own) * D;
    float* const dx = (is_row ? drows : dcolumns) + static_cast<int64_t>(own) * D;
    const float own_scale = (is_row ? s.row_scale : s.column_scale)[own];
    const float* const others = is_row ? columns : rows;
    const float* const other_scale = is_row ? s.column_scale : s.row_scale;
    for (int d = threadIdx.x; d < D; d += blockDim.x) sum[d] = 0;
    for (int first = 0; first < count; first += CHUNK) {
      const int size = count - first < CHUNK ? count - first : CHUNK;
      for (int c = first_warp(); c < size; c += warps()) {
        const int j = first + c;
        const float logit = dot(x, others + static_cast<int64_t>(j) * D, D) * own_scale * other_scale[j] / temperature;
        float g = is_row ? slope(logit, own, j, s, positive, excluded) : slope(logit, j, own, s, positive, excluded);
        if (symmetric) g += slope(logit, j, own, s, positive, excluded);
        if (first_lane() == 0) slopes[c] = g * other_scale[j];
      }
      __syncthreads();  // all slopes are there
      for (int c = 0; c < size; c++) {
        const float* const other = others + static_cast<int64_t>(first + c) * D;
        const float g = slopes[c];
        SIMD
        for (int d = threadIdx.x; d < D; d += blockDim.x) sum[d] += g * other[d];
      }
      __syncthreads();  // all slopes are used
    }
    float along = 0;
    SIMD_SUM(along)
    for (int d = threadIdx.x; d < D; d += blockDim.x) along += sum[d] * x[d];
    along = block_sum(along, partial) * own_scale * own_scale;
    const float scale = weight[0] * own_scale / (R * temperature);
    SIMD
    for (int d = threadIdx.x; d < D; d += blockDim.x) dx[d] = scale * (sum[d] - along * x[d]);
  }
}
