// Pooling of a sample's tokens [tokens, width] to one row. Row 0 may be a class token (prefix = 1), which only `cls` takes and the others leave
// out:
//   mean: sum_t x_t / n,  max: max_t x_t,  gem (Radenovic et al. 2018, p = 3): (sum_t max(x_t, 1e-6)^3 / n)^(1/3),  n = tokens - prefix.
//
// Forward writes pooled, and argmax for max. Backward adds to dtokens (the residual stream's gradient, `+=`). Of equal maxima the first
// takes the whole gradient. GeM's clamp passes the gradient where x >= 1e-6. Tokens and pooled features are bfloat16 in the kernels that
// end in _bf16; gradients are floats.
#include "elementwise.cuh"

// The values of io.github.vicmae.kernel.Pooling.
#define POOL_MEAN 0
#define POOL_MAX 1
#define POOL_GEM 2
#define POOL_CLS 3

// Columns that a block takes: their sums stay on chip while the rows stream by, and on the CPU a row's piece is long enough for the
// prefetcher.
#define STRIP 256

DEVICE float cube(float x) {
  const float clamped = x < 1e-6f ? 1e-6f : x;
  return clamped * clamped * clamped;
}

// How a pooling takes a column's first token and the others, and what it makes of them; `best` is the token that the value comes from.
struct MeanPool {
  static MEMBER float first(float x) { return x; }
  static MEMBER void add(float& sum, int&, int, float x) { sum += x; }
  static MEMBER float result(float sum, float share) { return sum * share; }
};
struct MaxPool {
  static MEMBER float first(float x) { return x; }
  static MEMBER void add(float& value, int& best, int t, float x) {
    best = x > value ? t : best;
    value = x > value ? x : value;
  }
  static MEMBER float result(float value, float) { return value; }
};
struct GemPool {
  static MEMBER float first(float x) { return cube(x); }
  static MEMBER void add(float& sum, int&, int, float x) { sum += cube(x); }
  static MEMBER float result(float sum, float share) { return cbrtf(sum * share); }
};

#if WARP > 1
// N columns a thread, in its registers; several tokens are on their way at a time.
template <class Pool, int N, class T>
DEVICE void pool_columns(T* __restrict__ pooled, int* __restrict__ argmax, const T* __restrict__ x, int token_count, int width, int count,
                         int prefix) {
  constexpr int BATCH = 8;
  for (int c = threadIdx.x * N; c < count; c += blockDim.x * N) {
    Pack<N> value = load_pack<N>(x + prefix * width + c);
    int best[N];
    UNROLL
    for (int k = 0; k < N; k++) {
      value.at[k] = Pool::first(value.at[k]);
      best[k] = prefix;
    }
    const auto take = [&](int t, const Pack<N>& token) {
      UNROLL
      for (int k = 0; k < N; k++) Pool::add(value.at[k], best[k], t, token.at[k]);
    };
    int t = prefix + 1;
    for (; t + BATCH <= token_count; t += BATCH) {
      Pack<N> token[BATCH];
      UNROLL
      for (int b = 0; b < BATCH; b++) token[b] = load_pack<N>(x + static_cast<int64_t>(t + b) * width + c);
      UNROLL
      for (int b = 0; b < BATCH; b++) take(t + b, token[b]);
    }
    for (; t < token_count; t++) take(t, load_pack<N>(x + static_cast<int64_t>(t) * width + c));
    UNROLL
    for (int k = 0; k < N; k++) {
      value.at[k] = Pool::result(value.at[k], 1.0f / (token_count - prefix));
      if (argmax != nullptr) argmax[c + k] = best[k];
    }
    store_pack<N>(pooled + c, value);
  }
}
#endif

// A strip of a sample: x is its first token; argmax may be null.
template <class Pool, class T>
DEVICE void pool_strip(T* __restrict__ pooled, int* __restrict__ argmax, const T* __restrict__ x, int token_count, int width, int count,
                       int prefix) {
#if WARP > 1
  if (width % 4 == 0 && is_aligned<4>(x) && is_aligned<4>(pooled)) {
    pool_columns<Pool, 4>(pooled, argmax, x, token_count, width, count, prefix);
  } else {
    pool_columns<Pool, 1>(pooled, argmax, x, token_count, width, count, prefix);
  }
#else
  alignas(64) float value[STRIP];
  alignas(64) int best[STRIP];
  SIMD
  for (int i = 0; i < count; i++) {
    value[i] = Pool::first(x[prefix * width + i]);
    best[i] = prefix;
  }
  for (int t = prefix + 1; t < token_count; t++) {
    const T* __restrict__ token = x + static_cast<int64_t>(t) * width;
    SIMD
    for (int i = 0; i < count; i++) Pool::add(value[i], best[i], t, token[i]);
  }
  const float share = 1.0f / (token_count - prefix);
  for (int i = 0; i < count; i++) pooled[i] = Pool::result(value[i], share);
  for (int i = 0; argmax != nullptr && i < count; i++) argmax[i] = best[i];
#endif
}

template <class T>
DEVICE void pool(T* __restrict__ pooled, int* __restrict__ argmax, const T* __restrict__ tokens, int pooling, int samples, int token_count,
                 int width, int prefix) {
  const int first = blockIdx.y * STRIP;
  const int count = width - first < STRIP ? width - first : STRIP;
  for (int n = blockIdx.x; n < samples; n += gridDim.x) {
    const T* x = tokens + static_cast<int64_t>(n) * token_count * width + first;
    T* to = pooled + static_cast<int64_t>(n) * width + first;
    if (pooling == POOL_MEAN) {
      pool_strip<MeanPool>(to, nullptr, x, token_count, width, count, prefix);
    } else if (pooling == POOL_MAX) {
      pool_strip<MaxPool>(to, argmax + static_cast<int64_t>(n) * width + first, x, token_count, width, count, prefix);
    } else if (pooling == POOL_GEM) {
      pool_strip<GemPool>(to, nullptr, x, token_count, width, count, prefix);
    } else {
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) to[i] = x[i];
    }
  }
}

// Block (n, s): sample n, strip s of its columns. A thread keeps to its own columns: no barrier.
KERNEL(pool_forward, float* __restrict__ pooled, int* __restrict__ argmax, const float* __restrict__ tokens, int pooling, int samples,
       int token_count, int width, int prefix) {
  pool(pooled, argmax, tokens, pooling, samples, token_count, width, prefix);
}
KERNEL(pool_forward_bf16, bf16* __restrict__ pooled, int* __restrict__ argmax, const bf16* __restrict__ tokens, int pooling, int samples,
       int token_count, int width, int prefix) {
  pool(pooled, argmax, tokens, pooling, samples, token_count, width, prefix);
}

template <class T>
DEVICE void spread(float* dtokens, const float* dpooled, const T* pooled, const T* tokens, int pooling, int samples, int token_count,
                   int width, int prefix) {
  const float share = 1.0f / (token_count - prefix);
  const Share rows = share_of(samples * (token_count - prefix));
  for (int r = rows.first + first_warp(); r < rows.last; r += warps()) {
    const int64_t n = r / (token_count - prefix), row = r + prefix * (n + 1);  // a class row before each sample's others
    const auto g = in(dpooled + n * width);
    const auto dx = inout(dtokens + row * width);
    if (pooling == POOL_MEAN) {
      elementwise<4>(
          warp_threads(), width, [&](int, float gi, float& di) { di += gi * share; }, g, dx);
    } else {
      elementwise<4>(
          warp_threads(), width,
          [&](int, float gi, float m, float x, float& di) {
            const float ratio = x / m;
            di += x >= 1e-6f ? gi * share * ratio * ratio : 0.0f;
          },
          g, in(pooled + n * width), in(tokens + row * width), dx);
    }
  }
}

// dtokens += dpooled / n (mean), or dpooled / n * (x / pooled)^2 where x >= 1e-6 (GeM). A warp a token; class
// tokens are left alone.
KERNEL(pool_backward_all, float* __restrict__ dtokens, const float* __restrict__ dpooled, const float* __restrict__ pooled,
       const float* __restrict__ tokens, int pooling, int samples, int token_count, int width,
       int prefix) {
  spread(dtokens, dpooled, pooled, tokens, pooling, samples, token_count, width, prefix);
}
KERNEL(pool_backward_all_bf16, float* __restrict__ dtokens, const float* __restrict__ dpooled, const bf16* __restrict__ pooled,
       const bf16* __restrict__ tokens, int pooling, int samples, int token_count, int width,
       int prefix) {
  spread(dtokens, dpooled, pooled, tokens, pooling, samples, token_count, width, prefix);
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
