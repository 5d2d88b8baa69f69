// Batch normalisation (Ioffe and Szegedy 2015) of `groups` blocks of `rows` rows, each block with statistics of its own, then a ReLU where
// wanted: y = relu((x - mean) * rstd * gamma + beta), rstd = 1 / sqrt(var + eps), var biased.
//
// Forward writes y, mean, rstd, and moves the running statistics by one step for each group, in order (with the unbiased variance).
// Backward writes dx (`=`; it may be dy) and adds to dgamma and dbeta (`+=`).
//
// A block takes a strip of columns through all groups. Its threads stand in ROW_LANES rows of STRIP columns; each sums every ROW_LANES-th
// row of its column, and one thread a column adds the lanes up, so the order of the sums does not depend on blockDim. On a GPU a thread for
// each item of the strip keeps its rows in registers, where they are no more than fit: each element is then read once, and all of them at
// the same time. x, y and their gradients are bfloat16 in the kernels that end in _bf16; statistics, parameters and their gradients are
// floats.
#include "elementwise.cuh"

#if WARP > 1
#define STRIP 32
#define ROW_LANES 8
#else
#define STRIP 128
#define ROW_LANES 1
#endif

// Adds the lanes of sums [ROW_LANES, STRIP] into its first row.
DEVICE void add_lanes(float* sums, int count) {
  __syncthreads();
  for (int c = threadIdx.x; c < count; c += blockDim.x) {
    float total = 0;
    for (int lane = 0; lane < ROW_LANES; lane++) total += sums[lane * STRIP + c];
    sums[c] = total;
  }
  __syncthreads();
}

// A group's rows of a strip, whose elements value(row, column) gives: visit calls body(row, column, item, element) for all of them, on the
// CPU a row at a time with the columns innermost.
template <class Value>
struct StripInMemory {
  int rows, count;
  Value value;
  template <class Body>
  MEMBER void visit(Body body) const {
    const int items = ROW_LANES == 1 ? count : ROW_LANES * STRIP;
    for (int first = 0; first < rows; first += ROW_LANES) {
      SIMD
      for (int item = threadIdx.x; item < items; item += blockDim.x) {
        const int row = ROW_LANES == 1 ? first : first + item / STRIP;
        const int c = ROW_LANES == 1 ? item : item % STRIP;
        if (ROW_LANES == 1 || (c < count && row < rows)) body(row, c, item, value(row, c));
      }
    }
  }
};

#if WARP > 1
#define HELD_ROWS 32

// The same with an item for each thread, which keeps its elements.
template <class Element>
struct StripInRegisters {
  int rows, count;
  Element held[HELD_ROWS];
  template <class Value>
  MEMBER StripInRegisters(int strip_rows, int strip_count, Value value) : rows(strip_rows), count(strip_count) {
    const int c = column() < count ? column() : count - 1;
    UNROLL  // where there is no such row or column another one is read, so that no branch stands between the loads
    for (int k = 0; k < HELD_ROWS; k++) held[k] = value(row(k) < rows ? row(k) : rows - 1, c);
  }
  MEMBER int column() const { return threadIdx.x % STRIP; }
  MEMBER int row(int k) const { return threadIdx.x / STRIP + k * ROW_LANES; }
  MEMBER bool has(int k) const { return column() < count && row(k) < rows; }
  template <class Body>
  MEMBER void visit(Body body) const {
    UNROLL
    for (int k = 0; k < HELD_ROWS; k++)
      if (has(k)) body(row(k), column(), static_cast<int>(threadIdx.x), held[k]);
  }
};
#endif

// HELD: rows_fit(rows).
template <bool HELD, class Value>
DEVICE auto strip_of(int rows, int count, Value value) {
#if WARP > 1
  if constexpr (HELD) return StripInRegisters<decltype(value(0, 0))>(rows, count, value);
  else
#endif
    return StripInMemory<Value>{rows, count, value};
}

#if WARP > 1
DEVICE bool rows_fit(int rows) { return rows <= HELD_ROWS * ROW_LANES && blockDim.x == ROW_LANES * STRIP; }
#endif

template <bool HELD, class T>
DEVICE void normalize_strips(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, float* __restrict__ running_mean,
                             float* __restrict__ running_var, const T* __restrict__ x, const float* __restrict__ gamma,
                             const float* __restrict__ beta, int groups, int rows, int width, float eps, float momentum, int relu) {
  SHARED(float, sums, ROW_LANES * STRIP);
  SHARED(float, squares, ROW_LANES * STRIP);
  SHARED(float, center, STRIP);
  SHARED(float, scale, STRIP);
  for (int first = blockIdx.x * STRIP; first < width; first += gridDim.x * STRIP) {
    const int count = width - first < STRIP ? width - first : STRIP;
    for (int g = 0; g < groups; g++) {
      const int64_t at = static_cast<int64_t>(g) * rows * width + first;
      const T* __restrict__ xg = x + at;
      T* __restrict__ yg = y + at;
      const auto strip = strip_of<HELD>(rows, count, [=](int row, int c) -> float { return xg[static_cast<int64_t>(row) * width + c]; });
      for (int item = threadIdx.x; item < ROW_LANES * STRIP; item += blockDim.x) sums[item] = 0;
      strip.visit([&](int, int, int item, float v) { sums[item] += v; });
      add_lanes(sums, count);
      for (int c = threadIdx.x; c < count; c += blockDim.x) center[c] = sums[c] / rows;
      __syncthreads();
      for (int item = threadIdx.x; item < ROW_LANES * STRIP; item += blockDim.x) sums[item] = squares[item] = 0;
      // Second pass, centred: no cancellation in the variance, and what the first sum lost by rounding is given back to the mean.
      strip.visit([&](int, int c, int item, float v) {
        const float d = v - center[c];
        sums[item] += d;
        squares[item] += d * d;
      });
      add_lanes(sums, count);
      add_lanes(squares, count);
      for (int c = threadIdx.x; c < count; c += blockDim.x) {
        const int i = first + c;
        const float rest = sums[c] / rows;
        const float m = center[c] + rest;
        const float var = fmaxf(squares[c] / rows - rest * rest, 0.0f);
        const float r = 1.0f / sqrtf(var + eps);
        mean[static_cast<int64_t>(g) * width + i] = m;
        rstd[static_cast<int64_t>(g) * width + i] = r;
        running_mean[i] += momentum * (m - running_mean[i]);
        running_var[i] += momentum * (var * rows / (rows - 1) - running_var[i]);
        center[c] = m;
        scale[c] = r * gamma[i];
      }
      __syncthreads();
      const float floor = relu ? 0.0f : -INFINITY;
      strip.visit([&](int row, int c, int, float v) {
        const float normed = (v - center[c]) * scale[c] + beta[first + c];
        yg[static_cast<int64_t>(row) * width + c] = normed < floor ? floor : normed;
      });
    }
  }
}

template <class T>
DEVICE void normalize(T* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, float* __restrict__ running_mean,
                      float* __restrict__ running_var, const T* __restrict__ x, const float* __restrict__ gamma,
                      const float* __restrict__ beta, int groups, int rows, int width, float eps, float momentum, int relu) {
#if WARP > 1
  if (rows_fit(rows))
    normalize_strips<true>(y, mean, rstd, running_mean, running_var, x, gamma, beta, groups, rows, width, eps, momentum, relu);
  else
#endif
    normalize_strips<false>(y, mean, rstd, running_mean, running_var, x, gamma, beta, groups, rows, width, eps, momentum, relu);
}

// One block a strip. x, y [groups, rows, width]; mean, rstd [groups, width]; the rest [width].
KERNEL(batch_norm_forward, float* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd, float* __restrict__ running_mean,
       float* __restrict__ running_var, const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ beta,
       int groups, int rows, int width, float eps, float momentum, int relu) {
  normalize(y, mean, rstd, running_mean, running_var, x, gamma, beta, groups, rows, width, eps, momentum, relu);
}
KERNEL(batch_norm_forward_bf16, bf16* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd,
       float* __restrict__ running_mean, float* __restrict__ running_var, const bf16* __restrict__ x, const float* __restrict__ gamma,
       const float* __restrict__ beta, int groups, int rows, int width, float eps, float momentum, int relu) {
  normalize(y, mean, rstd, running_mean, running_var, x, gamma, beta, groups, rows, width, eps, momentum, relu);
}

// The gradient that passes the ReLU, and the normalised input.
struct Slope {
  float g, normed;
};

template <bool HELD, class T>
DEVICE void gradient_of_strips(T* dx, float* __restrict__ dgamma, float* __restrict__ dbeta, const T* dy, const T* __restrict__ y,
                               const T* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
                               const float* __restrict__ rstd, int groups, int rows, int width, int relu) {
  SHARED(float, sums, ROW_LANES * STRIP);
  SHARED(float, dots, ROW_LANES * STRIP);
  for (int first = blockIdx.x * STRIP; first < width; first += gridDim.x * STRIP) {
    const int count = width - first < STRIP ? width - first : STRIP;
    for (int g = 0; g < groups; g++) {
      const int64_t at = static_cast<int64_t>(g) * rows * width + first;
      const float* __restrict__ m = mean + static_cast<int64_t>(g) * width + first;
      const float* __restrict__ r = rstd + static_cast<int64_t>(g) * width + first;
      const auto strip = strip_of<HELD>(rows, count, [=](int row, int c) -> Slope {
        const int64_t i = at + static_cast<int64_t>(row) * width + c;
        const float d = dy[i];
        return {!relu || y[i] > 0 ? d : 0.0f, (x[i] - m[c]) * r[c]};
      });
      __syncthreads();  // the group before may still read what is cleared here
      for (int item = threadIdx.x; item < ROW_LANES * STRIP; item += blockDim.x) sums[item] = dots[item] = 0;
      strip.visit([&](int, int, int item, Slope s) {
        sums[item] += s.g;
        dots[item] += s.g * s.normed;
      });
      add_lanes(sums, count);
      add_lanes(dots, count);
      for (int c = threadIdx.x; c < count; c += blockDim.x) {
        dbeta[first + c] += sums[c];
        dgamma[first + c] += dots[c];
      }
      const float share = 1.0f / rows;
      strip.visit([&](int row, int c, int, Slope s) {
        dx[at + static_cast<int64_t>(row) * width + c] =
            gamma[first + c] * r[c] * (s.g - sums[c] * share - s.normed * (dots[c] * share));
      });
    }
  }
}

template <class T>
DEVICE void normalize_gradient(T* dx, float* __restrict__ dgamma, float* __restrict__ dbeta, const T* dy, const T* __restrict__ y,
                               const T* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
                               const float* __restrict__ rstd, int groups, int rows, int width, int relu) {
#if WARP > 1
  if (rows_fit(rows))
    gradient_of_strips<true>(dx, dgamma, dbeta, dy, y, x, gamma, mean, rstd, groups, rows, width, relu);
  else
#endif
    gradient_of_strips<false>(dx, dgamma, dbeta, dy, y, x, gamma, mean, rstd, groups, rows, width, relu);
}

// One block a strip: dx = gamma * rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy where y > 0 or there is no ReLU.
KERNEL(batch_norm_backward, float* dx, float* __restrict__ dgamma, float* __restrict__ dbeta, const float* dy, const float* __restrict__ y,
       const float* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean, const float* __restrict__ rstd,
       int groups, int rows, int width, int relu) {
  normalize_gradient(dx, dgamma, dbeta, dy, y, x, gamma, mean, rstd, groups, rows, width, relu);
}
KERNEL(batch_norm_backward_bf16, bf16* dx, float* __restrict__ dgamma, float* __restrict__ dbeta, const bf16* dy,
       const bf16* __restrict__ y, const bf16* __restrict__ x, const float* __restrict__ gamma, const float* __restrict__ mean,
       const float* __restrict__ rstd, int groups, int rows, int width, int relu) {
  normalize_gradient(dx, dgamma, dbeta, dy, y, x, gamma, mean, rstd, groups, rows, width, relu);
}
