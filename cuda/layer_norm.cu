// Layer normalisation over rows (Ba, Kiros and Hinton 2016): y = (x - mean) * rstd * gamma + beta, rstd = 1 / sqrt(var + eps), var biased.
//
// Forward writes y, mean, rstd. Backward adds to dx (the residual stream's gradient, `+=`) or writes it, as `accumulate` says;
// dgamma and dbeta are summed in two stages, without atomics: per-block partial sums, then columns added to the gradients (`+=`).
// x and dx belong to the residual stream and are floats; y and dy are bfloat16 in the kernels that end in _bf16. Where it is wanted, dx is
// written once more, rounded: the products that come next read it so.
#include "target.cuh"

template <class T>
DEVICE void layer_norm(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
                       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* __restrict__ xr = x + static_cast<int64_t>(row) * width;
    T* __restrict__ yr = y + static_cast<int64_t>(row) * width;
    float sum = 0;
    SIMD_SUM(sum)
    for (int i = threadIdx.x; i < width; i += blockDim.x) sum += xr[i];
    const float m = block_sum(sum, scratch) / width;
    float squares = 0;
    SIMD_SUM(squares)
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
      const float d = xr[i] - m;
      squares += d * d;
    }
    const float r = 1.0f / sqrtf(block_sum(squares, scratch) / width + eps);
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) yr[i] = (xr[i] - m) * r * gamma[i] + beta[i];
    if (threadIdx.x == 0) {
      mean[row] = m;
      rstd[row] = r;
    }
  }
}

// One block a row. x, y [rows, width]; gamma, beta [width]; mean, rstd [rows].
KERNEL(layer_norm_forward, float* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  layer_norm(y, mean, rstd, x, gamma, beta, rows, width, eps);
}
KERNEL(layer_norm_forward_bf16, bf16* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  layer_norm(y, mean, rstd, x, gamma, beta, rows, width, eps);
}

template <class T>
DEVICE void layer_norm_gradient(float* __restrict__ dx, bf16* __restrict__ rounded, const T* __restrict__ dy,
                                const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
                                const float* __restrict__ rstd, int rows, int width, int accumulate) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t at = static_cast<int64_t>(row) * width;
    const float* __restrict__ xr = x + at;
    const T* __restrict__ gr = dy + at;
    float* __restrict__ dr = dx + at;
    const float m = mean[row], r = rstd[row];
    float sum = 0, dot = 0;
    SIMD_SUM(sum, dot)
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
      const float g = gr[i] * gamma[i];
      sum += g;
      dot += g * (xr[i] - m) * r;
    }
    sum = block_sum(sum, scratch) / width;
    dot = block_sum(dot, scratch) / width;
    if (accumulate) {
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) dr[i] += r * (gr[i] * gamma[i] - sum - (xr[i] - m) * r * dot);
    } else {
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) dr[i] = r * (gr[i] * gamma[i] - sum - (xr[i] - m) * r * dot);
    }
    if (rounded != nullptr) {  // a thread reads what it has written itself
      bf16* __restrict__ br = rounded + at;
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) br[i] = dr[i];
    }
  }
}

// One block a row: dx (+)= rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma; rounded = dx, or null.
KERNEL(layer_norm_backward_input, float* __restrict__ dx, bf16* __restrict__ rounded, const float* __restrict__ dy,
       const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean, const float* __restrict__ rstd,
       int rows, int width, int accumulate) {
  layer_norm_gradient(dx, rounded, dy, x, gamma, mean, rstd, rows, width, accumulate);
}
KERNEL(layer_norm_backward_input_bf16, float* __restrict__ dx, bf16* __restrict__ rounded, const bf16* __restrict__ dy,
       const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean, const float* __restrict__ rstd,
       int rows, int width, int accumulate) {
  layer_norm_gradient(dx, rounded, dy, x, gamma, mean, rstd, rows, width, accumulate);
}

template <class T>
DEVICE void affine_gradient(float* __restrict__ partial, const T* __restrict__ dy, const float* __restrict__ x,
                            const float* __restrict__ mean, const float* __restrict__ rstd, int rows, int width) {
  float* __restrict__ dgamma = partial + static_cast<int64_t>(blockIdx.x) * 2 * width;
  float* __restrict__ dbeta = dgamma + width;
  // Each thread keeps to its own columns from here on: no barrier.
  for (int i = threadIdx.x; i < width; i += blockDim.x) dgamma[i] = dbeta[i] = 0;
  const int share = (rows + gridDim.x - 1) / gridDim.x;
  const int first = blockIdx.x * share, last = first + share < rows ? first + share : rows;
  for (int row = first; row < last; row++) {
    const int64_t at = static_cast<int64_t>(row) * width;
    const float m = mean[row], r = rstd[row];
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
      dgamma[i] += dy[at + i] * (x[at + i] - m) * r;
      dbeta[i] += dy[at + i];
    }
  }
}

// Stage one: block p of gridDim.x sums its share of the rows into partial[p] = [dgamma | dbeta], each [width].
KERNEL(layer_norm_backward_affine, float* __restrict__ partial, const float* __restrict__ dy, const float* __restrict__ x,
       const float* __restrict__ mean, const float* __restrict__ rstd, int rows, int width) {
  affine_gradient(partial, dy, x, mean, rstd, rows, width);
}
KERNEL(layer_norm_backward_affine_bf16, float* __restrict__ partial, const bf16* __restrict__ dy, const float* __restrict__ x,
       const float* __restrict__ mean, const float* __restrict__ rstd, int rows, int width) {
  affine_gradient(partial, dy, x, mean, rstd, rows, width);
}
