// Layer normalisation over rows (Ba, Kiros and Hinton 2016): y = (x - mean) * rstd * gamma + beta, rstd = 1 / sqrt(var + eps), var biased.
//
// Forward writes y, mean, rstd. Backward adds to dx (the residual stream's gradient, `+=`) or writes it, as `accumulate` says;
// dgamma and dbeta are summed in two stages, without atomics: per-block partial sums in the same pass, then columns added to the gradients
// (`+=`) by reduce.cu.
// x and dx belong to the residual stream and are floats; y and dy are bfloat16 in the kernels that end in _bf16. Where it is wanted, dx is
// written once more, rounded: the products that come next read it so.
//
// On a GPU a warp takes a row and keeps it in registers, so that each element is read once. Rows that do not fit, and warps that are not
// whole, take the other form, a block a row, which reads a row again from the cache; on the CPU, where a row stays in the first cache, that
// form is all there is.
#include "elementwise.cuh"

#if WARP > 1
// Vectors of a row that a lane keeps: a warp holds rows of up to 1280 elements.
#define HELD 10

template <class T>
DEVICE bool rows_fit(int width, const float* x, const T* y) {
  return width <= HELD * WARP * LANES && width % LANES == 0 && blockDim.x % WARP == 0 && is_aligned<LANES>(x) && is_aligned<LANES>(y);
}
// The first element of a lane's vector v.
DEVICE int held_column(int v) { return (v * WARP + first_lane()) * LANES; }

template <class T>
DEVICE Lanes load_held(const T* p) {
  const Pack<LANES> pack = load_pack<LANES>(p);
  return {pack.at[0], pack.at[1], pack.at[2], pack.at[3]};
}
template <class T>
DEVICE void store_held(T* p, Lanes v) {
  store_pack<LANES>(p, {{v.at[0], v.at[1], v.at[2], v.at[3]}});
}

// A row by one warp.
template <class T>
DEVICE void normalize_held(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
                           const float* __restrict__ gamma, const float* __restrict__ beta, int width, float eps) {
  Lanes row[HELD];
  float sum = 0;
  UNROLL
  for (int v = 0; v < HELD; v++) {
    const int c = held_column(v);
    row[v] = c < width ? load_held(x + c) : all_lanes(0);
  }
  UNROLL
  for (int v = 0; v < HELD; v++) sum += sum_of(row[v]);
  const float m = warp_sum(sum) / width;
  float squares = 0;
  UNROLL
  for (int v = 0; v < HELD; v++) {
    row[v] = held_column(v) < width ? row[v] - m : all_lanes(0);
    squares += sum_of(row[v] * row[v]);
  }
  const float r = 1.0f / sqrtf(warp_sum(squares) / width + eps);
  UNROLL
  for (int v = 0; v < HELD; v++) {
    const int c = held_column(v);
    if (c < width) store_held(y + c, r * row[v] * load_held(gamma + c) + load_held(beta + c));
  }
  if (first_lane() == 0) {
    *mean = m;
    *rstd = r;
  }
}
#endif

template <class T>
DEVICE void normalize_row(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
                          const float* __restrict__ gamma, const float* __restrict__ beta, int width, float eps, float* scratch) {
  float sum = 0;
  SIMD_SUM(sum)
  for (int i = threadIdx.x; i < width; i += blockDim.x) sum += x[i];
  const float m = block_sum(sum, scratch) / width;
  float squares = 0;
  SIMD_SUM(squares)
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    const float d = x[i] - m;
    squares += d * d;
  }
  const float r = 1.0f / sqrtf(block_sum(squares, scratch) / width + eps);
  SIMD
  for (int i = threadIdx.x; i < width; i += blockDim.x) y[i] = (x[i] - m) * r * gamma[i] + beta[i];
  if (threadIdx.x == 0) {
    *mean = m;
    *rstd = r;
  }
}

template <class T>
DEVICE void layer_norm(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
                       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  SHARED(float, scratch, 32);
  const Share share = share_of(rows);
#if WARP > 1
  if (rows_fit(width, x, y) && is_aligned<LANES>(gamma) && is_aligned<LANES>(beta)) {
    for (int row = share.first + first_warp(); row < share.last; row += warps()) {
      const int64_t at = static_cast<int64_t>(row) * width;
      normalize_held(y + at, mean + row, rstd + row, x + at, gamma, beta, width, eps);
    }
  } else
#endif
    for (int row = share.first; row < share.last; row++) {
      const int64_t at = static_cast<int64_t>(row) * width;
      normalize_row(y + at, mean + row, rstd + row, x + at, gamma, beta, width, eps, scratch);
    }
}

// A block takes its share of the rows. x, y [rows, width]; gamma, beta [width]; mean, rstd [rows].
KERNEL(layer_norm_forward, float* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  layer_norm(y, mean, rstd, x, gamma, beta, rows, width, eps);
}
KERNEL(layer_norm_forward_bf16, bf16* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, const float* __restrict__ x,
       const float* __restrict__ gamma, const float* __restrict__ beta, int rows, int width, float eps) {
  layer_norm(y, mean, rstd, x, gamma, beta, rows, width, eps);
}

#if WARP > 1
// The rows of a block, a warp a row; each lane keeps the sums of its columns, which the warps add up in order at the end.
template <class T>
DEVICE void gradient_held(float* __restrict__ dx, bf16* __restrict__ rounded, float* __restrict__ partial, const T* __restrict__ dy,
                          const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
                          const float* __restrict__ rstd, Share share, int width, int accumulate) {
  SHARED(float, sums, 2 * HELD * WARP * LANES);
  Lanes dgamma[HELD], dbeta[HELD];
  UNROLL
  for (int v = 0; v < HELD; v++) dgamma[v] = dbeta[v] = all_lanes(0);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int64_t at = static_cast<int64_t>(row) * width;
    const float m = mean[row], r = rstd[row];
    Lanes normed[HELD], g[HELD];
    UNROLL
    for (int v = 0; v < HELD; v++) {
      const int c = held_column(v);
      normed[v] = c < width ? load_held(x + at + c) : all_lanes(0);
      g[v] = c < width ? load_held(dy + at + c) : all_lanes(0);
    }
    float sum = 0, dot = 0;
    UNROLL
    for (int v = 0; v < HELD; v++) {
      const int c = held_column(v);
      if (c >= width) continue;
      normed[v] = r * (normed[v] - m);
      dgamma[v] = dgamma[v] + g[v] * normed[v];
      dbeta[v] = dbeta[v] + g[v];
      g[v] = g[v] * load_held(gamma + c);
      sum += sum_of(g[v]);
      dot += sum_of(g[v] * normed[v]);
    }
    sum = warp_sum(sum) / width;
    dot = warp_sum(dot) / width;
    UNROLL
    for (int v = 0; v < HELD; v++) {
      const int c = held_column(v);
      if (c >= width) continue;
      Lanes d = r * ((g[v] - sum) + -dot * normed[v]);
      if (accumulate) d = load_held(dx + at + c) + d;
      store_held(dx + at + c, d);
      if (rounded != nullptr) store_held(rounded + at + c, d);
    }
  }
  for (int w = 0; w < warps(); w++) {
    if (first_warp() == w) {
      UNROLL
      for (int v = 0; v < HELD; v++) {
        float* own = sums + held_column(v);
        float* next = own + HELD * WARP * LANES;
        store_aligned(own, w == 0 ? dgamma[v] : load_aligned(own) + dgamma[v]);
        store_aligned(next, w == 0 ? dbeta[v] : load_aligned(next) + dbeta[v]);
      }
    }
    __syncthreads();
  }
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    partial[i] = sums[i];
    partial[width + i] = sums[HELD * WARP * LANES + i];
  }
}
#endif

// A row by the whole block; each thread adds to the sums of its own columns.
template <class T>
DEVICE void gradient_of_row(float* __restrict__ dx, bf16* __restrict__ rounded, float* __restrict__ dgamma, float* __restrict__ dbeta,
                            const T* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ gamma, float m, float r,
                            int width, int accumulate, float* scratch) {
  float sum = 0, dot = 0;
  SIMD_SUM(sum, dot)
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    const float d = dy[i], normed = (x[i] - m) * r, g = d * gamma[i];
    dgamma[i] += d * normed;
    dbeta[i] += d;
    sum += g;
    dot += g * normed;
  }
  sum = block_sum(sum, scratch) / width;
  dot = block_sum(dot, scratch) / width;
  if (accumulate) {
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) dx[i] += r * (dy[i] * gamma[i] - sum - (x[i] - m) * r * dot);
  } else {
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) dx[i] = r * (dy[i] * gamma[i] - sum - (x[i] - m) * r * dot);
  }
  if (rounded != nullptr) {  // a thread reads what it has written itself
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) rounded[i] = dx[i];
  }
}

template <class T>
DEVICE void layer_norm_gradient(float* __restrict__ dx, bf16* __restrict__ rounded, float* __restrict__ partial, const T* __restrict__ dy,
                                const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
                                const float* __restrict__ rstd, int rows, int width, int accumulate) {
  SHARED(float, scratch, 32);
  const Share share = share_of(rows);
  float* __restrict__ sums = partial + static_cast<int64_t>(blockIdx.x) * 2 * width;
#if WARP > 1
  if (rows_fit(width, x, dy) && is_aligned<LANES>(dx) && is_aligned<LANES>(gamma) && is_aligned<LANES>(rounded)) {
    gradient_held(dx, rounded, sums, dy, x, gamma, mean, rstd, share, width, accumulate);
  } else
#endif
  {
    for (int i = threadIdx.x; i < 2 * width; i += blockDim.x) sums[i] = 0;
    __syncthreads();  // from here on each thread keeps to its own columns of both
    for (int row = share.first; row < share.last; row++) {
      const int64_t at = static_cast<int64_t>(row) * width;
      gradient_of_row(dx + at, rounded == nullptr ? nullptr : rounded + at, sums, sums + width, dy + at, x + at, gamma, mean[row],
                      rstd[row], width, accumulate, scratch);
    }
  }
}

// dx (+)= rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma; rounded = dx, or null. Block p of gridDim.x takes its share of the
// rows and sums dy * xhat and dy over them into partial[p] = [dgamma | dbeta], each [width].
KERNEL(layer_norm_backward, float* __restrict__ dx, bf16* __restrict__ rounded, float* __restrict__ partial, const float* __restrict__ dy,
       const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean, const float* __restrict__ rstd,
       int rows, int width, int accumulate) {
  layer_norm_gradient(dx, rounded, partial, dy, x, gamma, mean, rstd, rows, width, accumulate);
}
KERNEL(layer_norm_backward_bf16, float* __restrict__ dx, bf16* __restrict__ rounded, float* __restrict__ partial,
       const bf16* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
       const float* __restrict__ rstd, int rows, int width, int accumulate) {
  layer_norm_gradient(dx, rounded, partial, dy, x, gamma, mean, rstd, rows, width, accumulate);
}
