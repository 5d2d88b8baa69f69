// Pooling of a sample's tokens [tokens, width] to one row; row 0 is the class token, which only `cls` takes and the others leave out:
//   mean: sum_t x_t / n,  max: max_t x_t,  gem (Radenovic et al. 2018, p = 3): (sum_t max(x_t, 1e-6)^3 / n)^(1/3),  n = tokens - 1.
//
// Forward writes pooled, and argmax for max. Backward adds to dtokens (the residual stream's gradient, `+=`). Of equal maxima the first
// takes the whole gradient. GeM's clamp passes the gradient where x >= 1e-6. Tokens and pooled features are bfloat16 in the kernels that end
// in _bf16; gradients are floats.
#include "target.cuh"

// The values of io.github.vicmae.kernel.Pooling.
#define POOL_MEAN 0
#define POOL_MAX 1
#define POOL_GEM 2
#define POOL_CLS 3

// Columns that a block takes: their sums stay on chip while the rows stream by, and a row's piece is long enough for the prefetcher.
#define STRIP 256

template <class T>
DEVICE void pool(T* __restrict__ pooled, int* __restrict__ argmax, const T* __restrict__ tokens, int pooling, int samples, int token_count,
                 int width) {
  SHARED(float, sum, STRIP);
  SHARED(int, best, STRIP);
  const int first = blockIdx.y * STRIP;
  const int count = width - first < STRIP ? width - first : STRIP;
  for (int n = blockIdx.x; n < samples; n += gridDim.x) {
    const T* __restrict__ x = tokens + static_cast<int64_t>(n) * token_count * width + first;
    T* __restrict__ out = pooled + static_cast<int64_t>(n) * width + first;
    const float share = 1.0f / (token_count - 1);
    if (pooling == POOL_CLS) {
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = x[i];
    } else if (pooling == POOL_MAX) {
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) {
        sum[i] = x[width + i];
        best[i] = 1;
      }
      for (int t = 2; t < token_count; t++) {
        const T* __restrict__ xt = x + static_cast<int64_t>(t) * width;
        SIMD
        for (int i = threadIdx.x; i < count; i += blockDim.x) {
          const float v = xt[i], m = sum[i];
          best[i] = v > m ? t : best[i];
          sum[i] = v > m ? v : m;
        }
      }
      int* __restrict__ at = argmax + static_cast<int64_t>(n) * width + first;
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) {
        out[i] = sum[i];
        at[i] = best[i];
      }
    } else {
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) sum[i] = 0;
      for (int t = 1; t < token_count; t++) {
        const T* __restrict__ xt = x + static_cast<int64_t>(t) * width;
        if (pooling == POOL_MEAN) {
          SIMD
          for (int i = threadIdx.x; i < count; i += blockDim.x) sum[i] += xt[i];
        } else {
          SIMD
          for (int i = threadIdx.x; i < count; i += blockDim.x) {
            const float v = xt[i], clamped = v < 1e-6f ? 1e-6f : v;
            sum[i] += clamped * clamped * clamped;
          }
        }
      }
      if (pooling == POOL_MEAN) {
        SIMD
        for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = sum[i] * share;
      } else {
        for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = cbrtf(sum[i] * share);
      }
    }
  }
}

// Block (n, s): sample n, strip s of its columns. A thread keeps to its own columns: no barrier.
KERNEL(pool_forward, float* __restrict__ pooled, int* __restrict__ argmax, const float* __restrict__ tokens, int pooling, int samples,
       int token_count, int width) {
  pool(pooled, argmax, tokens, pooling, samples, token_count, width);
}
KERNEL(pool_forward_bf16, bf16* __restrict__ pooled, int* __restrict__ argmax, const bf16* __restrict__ tokens, int pooling, int samples,
       int token_count, int width) {
  pool(pooled, argmax, tokens, pooling, samples, token_count, width);
}

template <class T>
DEVICE void spread(float* __restrict__ dtokens, const float* __restrict__ dpooled, const T* __restrict__ pooled,
                   const T* __restrict__ tokens, int pooling, int samples, int token_count, int width) {
  const int64_t rows = static_cast<int64_t>(samples) * token_count;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t n = row / token_count;
    const float share = row % token_count == 0 ? 0.0f : 1.0f / (token_count - 1);
    const float* __restrict__ g = dpooled + n * width;
    const T* __restrict__ m = pooled + n * width;
    const T* __restrict__ x = tokens + row * width;
    float* __restrict__ dx = dtokens + row * width;
    if (share == 0) continue;
    if (pooling == POOL_MEAN) {
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) dx[i] += g[i] * share;
    } else {
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) {
        const float ratio = x[i] / m[i];
        dx[i] += x[i] >= 1e-6f ? g[i] * share * ratio * ratio : 0.0f;
      }
    }
  }
}

// dtokens += dpooled / n (mean), or dpooled / n * (x / pooled)^2 where x >= 1e-6 (GeM). One block a token.
KERNEL(pool_backward_all, float* __restrict__ dtokens, const float* __restrict__ dpooled, const float* __restrict__ pooled,
       const float* __restrict__ tokens, int pooling, int samples, int token_count, int width) {
  spread(dtokens, dpooled, pooled, tokens, pooling, samples, token_count, width);
}
KERNEL(pool_backward_all_bf16, float* __restrict__ dtokens, const float* __restrict__ dpooled, const bf16* __restrict__ pooled,
       const bf16* __restrict__ tokens, int pooling, int samples, int token_count, int width) {
  spread(dtokens, dpooled, pooled, tokens, pooling, samples, token_count, width);
}

// dtokens += dpooled at one token of each column: the maximum's, or with argmax null the class token's. One block a sample.
KERNEL(pool_backward_one, float* __restrict__ dtokens, const float* __restrict__ dpooled, const int* __restrict__ argmax, int samples,
       int token_count, int width) {
  for (int n = blockIdx.x; n < samples; n += gridDim.x) {
    float* __restrict__ dx = dtokens + static_cast<int64_t>(n) * token_count * width;
    const int64_t at = static_cast<int64_t>(n) * width;
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
      const int t = argmax == nullptr ? 0 : argmax[at + i];
      dx[static_cast<int64_t>(t) * width + i] += dpooled[at + i];
    }
  }
}
