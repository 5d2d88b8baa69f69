// InfoNCE (van den Oord et al. 2018) over unit rows p [R, D] and unit columns z [K, D], without ever holding R x K logits:
//   s_ij = p_i . z_j / tau,   lse_i = log sum_{j != excluded_i} exp(s_ij),   loss = mean_i (lse_i - s_i,positive(i)).
// Its gradients, with w the loss's weight and e_ij = exp(s_ij - lse_i), or 0 for the excluded column:
//   dp_i = w / (R tau) sum_j (e_ij - [j = positive(i)]) z_j,   dz_j = w / (R tau) sum_i (e_ij - [j = positive(i)]) p_i.
// In the symmetric form (SimCLR; Chen et al. 2020) p is z, a row excludes itself and positive is an involution, so s is symmetric and
//   dp_i = w / (R tau) sum_j (e_ij + e_ji - 2 [j = positive(i)]) z_j   takes one pass instead of two.
// The gradient before the L2 normalisation u = x / |x| is dx = (du - (du . u) u) / |x|.
//
// A block holds a tile of 64 rows against one tile of 64 columns at a time: logits by a product, their exponentials in place, and (backward)
// a second product with the columns. Everything is written (`=`), nothing accumulates from call to call. Partial sums meet in a fixed order.
//
// Unit rows bound the logits by 1 / tau: down to tau = 0.02 sums of exp(s) neither overflow nor vanish in fp32 and need no running maximum.
// Below that (`bounded` = 0) one is kept.
//
// The positive is left out of every sum and every product, and comes in at the end: its coefficient e - 1 is minus the sum of all other e
// of its row, and its row's loss log(1 + the other terms / its own). Written so, both keep their digits when e is close to 1.
#include "tile.cuh"

// Rows of the logits' tile in shared memory, and the threads that share one row's sum: on a GPU the odd stride avoids bank conflicts.
#if WARP > 1
#define TILE_STRIDE (TILE + 1)
#define SPLIT 4
#define DEPTH 32
#else
#define TILE_STRIDE TILE
#define SPLIT 1
#endif

// The passes of the backward kernel: what its outer tile holds, and so whose lse and positive count.
#define BY_ROWS 0
#define BY_COLUMNS 1
#define SYMMETRIC 2

// unit = x / max(|x|, 1e-12), inverse_norm = 1 / max(|x|, 1e-12). One block a row.
KERNEL(info_nce_normalize, float* __restrict__ unit, float* __restrict__ inverse_norm, const float* __restrict__ x, int rows, int width) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t at = static_cast<int64_t>(row) * width;
    float squares = 0;
    SIMD_SUM(squares)
    for (int i = threadIdx.x; i < width; i += blockDim.x) squares += x[at + i] * x[at + i];
    const float norm = sqrtf(block_sum(squares, scratch));
    const float inverse = 1.0f / (norm < 1e-12f ? 1e-12f : norm);
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) unit[at + i] = x[at + i] * inverse;
    if (threadIdx.x == 0) inverse_norm[row] = inverse;
  }
}

// Copies unit rows [count, width] in tiles of 64, filled up with zeros: straight [tile][64][padded] and transposed [tile][padded][64].
// One block a tile.
KERNEL(info_nce_pack, float* __restrict__ straight, float* __restrict__ transposed, const float* __restrict__ unit, int count, int width,
       int padded) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * TILE * padded;
  const int first = blockIdx.x * TILE;
  for (int row = 0; row < TILE; row++) {
    const float* __restrict__ from = unit + static_cast<int64_t>(first + row) * width;
    for (int d = threadIdx.x; d < padded; d += blockDim.x) {
      const float value = first + row < count && d < width ? from[d] : 0.0f;
      straight[at + row * padded + d] = value;
      transposed[at + d * TILE + row] = value;
    }
  }
}

// s = dot products of an outer and an inner tile, both transposed. All threads may read s afterwards.
DEVICE void tile_logits(float* s, const float* __restrict__ outer, const float* __restrict__ inner, int width,
                        [[maybe_unused]] float* stage) {
#if WARP > 1
  float* const a = stage;
  float* const b = stage + DEPTH * TILE;
  for (int d = 0; d < width; d += DEPTH) {  // padded with zeros up to a multiple of 64
    __syncthreads();
    for (int i = threadIdx.x; i < DEPTH * TILE; i += blockDim.x) {
      a[i] = outer[d * TILE + i];
      b[i] = inner[d * TILE + i];
    }
    __syncthreads();
    tile_product<1, TILE>(s, TILE_STRIDE, a, b, TILE, DEPTH, d > 0);
  }
#else
  tile_product<1, TILE>(s, TILE_STRIDE, outer, inner, TILE, width, false);
#endif
  __syncthreads();
}

// acc [64, padded] (+)= e [64, 64] times an inner tile [64, padded].
DEVICE void tile_accumulate(float* acc, const float* e, const float* __restrict__ inner, int padded,
                            [[maybe_unused]] float* stage, bool accumulate) {
  for (int d = 0; d < padded; d += TILE) {
#if WARP > 1
    __syncthreads();
    for (int i = threadIdx.x; i < TILE * TILE; i += blockDim.x) stage[i] = inner[static_cast<int64_t>(i / TILE) * padded + d + i % TILE];
    __syncthreads();
    tile_product<TILE_STRIDE, 1>(acc + d, padded, e, stage, TILE, TILE, accumulate);
#else
    tile_product<TILE_STRIDE, 1>(acc + d, padded, e, inner + d, padded, TILE, accumulate);
#endif
  }
  __syncthreads();
}

// Block (t, part): row tile t against every gridDim.y-th column tile. sums, maxima [part, row tiles * 64]: the sum of exp(s - maximum)
// over all columns but the positive and the excluded one.
KERNEL(info_nce_sums, float* __restrict__ sums, float* __restrict__ maxima, const float* __restrict__ p, const float* __restrict__ z,
       const int* __restrict__ positive, const int* __restrict__ excluded, int rows, int columns, int width, int padded,
       float inverse_temperature, int bounded) {
  SHARED(float, s, TILE * TILE_STRIDE);
  SHARED(float, total, TILE * SPLIT);
  SHARED(float, maximum, TILE * SPLIT);
#if WARP > 1
  SHARED(float, stage, 2 * DEPTH * TILE);
#else
  float* const stage = nullptr;
#endif
  const int first = blockIdx.x * TILE, tiles = (columns + TILE - 1) / TILE;
  const int64_t tile_size = static_cast<int64_t>(TILE) * padded;
  for (int i = threadIdx.x; i < TILE * SPLIT; i += blockDim.x) {
    total[i] = 0;
    maximum[i] = bounded ? 0.0f : -1e30f;
  }
  for (int tile = blockIdx.y; tile < tiles; tile += gridDim.y) {
    tile_logits(s, p + blockIdx.x * tile_size, z + tile * tile_size, width, stage);
    const int left = columns - tile * TILE;
    for (int i = threadIdx.x; i < TILE * SPLIT; i += blockDim.x) {
      const int r = i / SPLIT, from = i % SPLIT;
      const float* __restrict__ sr = s + r * TILE_STRIDE;
      const int out = first + r < rows ? excluded[first + r] - tile * TILE : -1;
      const int own = first + r < rows ? positive[first + r] - tile * TILE : -1;
      float m = maximum[i], sum = 0;
      if (!bounded) {
        SIMD_MAX(m)
        for (int c = from; c < TILE; c += SPLIT) {
          const float v = c == out || c == own || c >= left ? -1e30f : sr[c] * inverse_temperature;
          m = m < v ? v : m;
        }
        total[i] *= exp_f(maximum[i] - m);
        maximum[i] = m;
      }
      SIMD_SUM(sum)
      for (int c = from; c < TILE; c += SPLIT) {
        const float e = exp_f(sr[c] * inverse_temperature - m);
        sum += c == out || c == own || c >= left ? 0.0f : e;
      }
      total[i] += sum;
    }
    __syncthreads();  // the next tile overwrites s
  }
  for (int r = threadIdx.x; r < TILE; r += blockDim.x) {
    float m = maximum[r * SPLIT], sum = 0;
    for (int k = 1; k < SPLIT; k++) m = fmaxf(m, maximum[r * SPLIT + k]);
    for (int k = 0; k < SPLIT; k++) sum += total[r * SPLIT + k] * exp_f(maximum[r * SPLIT + k] - m);
    const int64_t at = (static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x) * TILE + r;
    sums[at] = sum;
    maxima[at] = m;
  }
}

// lse from the partial sums [parts, stride], and each row's loss. One block a row.
KERNEL(info_nce_rows, float* __restrict__ lse, float* __restrict__ row_loss, const float* __restrict__ sums,
       const float* __restrict__ maxima, const float* __restrict__ p, const float* __restrict__ z, const int* __restrict__ positive,
       const int* __restrict__ excluded, int rows, int width, int parts, int stride, float inverse_temperature) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* __restrict__ pr = p + static_cast<int64_t>(row) * width;
    const float* __restrict__ zr = z + static_cast<int64_t>(positive[row]) * width;
    float dot = 0;
    SIMD_SUM(dot)
    for (int i = threadIdx.x; i < width; i += blockDim.x) dot += pr[i] * zr[i];
    dot = block_sum(dot, scratch);
    if (threadIdx.x == 0) {
      const float logit = dot * inverse_temperature;
      float m = logit, others = 0;
      for (int k = 0; k < parts; k++) m = fmaxf(m, maxima[static_cast<int64_t>(k) * stride + row]);
      for (int k = 0; k < parts; k++) {
        const int64_t at = static_cast<int64_t>(k) * stride + row;
        others += sums[at] * exp_f(maxima[at] - m);
      }
      const float own = positive[row] == excluded[row] ? 0.0f : exp_f(logit - m);
      lse[row] = m + logf(others + own);
      row_loss[row] = others <= own ? log1pf(others / own) : lse[row] - logit;
    }
  }
}

// loss = mean of row_loss [rows]. One block.
KERNEL(info_nce_mean, float* __restrict__ loss, const float* __restrict__ row_loss, int rows) {
  SHARED(float, scratch, 32);
  double sum = 0;
  SIMD_SUM(sum)
  for (int i = threadIdx.x; i < rows; i += blockDim.x) sum += row_loss[i];
  const float total = block_sum(static_cast<float>(sum), scratch);
  if (threadIdx.x == 0) loss[0] = total / rows;
}

// One row of coefficients in place: columns `from`, `from` + SPLIT, ... of s; `own` and `out` are its positive's and excluded columns. What
// comes back is the sum of the row's own e. Beyond the last column (`left`) the second product meets rows of zeros, so there any finite
// coefficient does.
DEVICE float coefficients_by_rows(float* __restrict__ s, int from, int left, int own, int out, float lse, float inverse_temperature) {
  float sum = 0;
  SIMD_SUM(sum)
  for (int c = from; c < TILE; c += SPLIT) {
    const float v = exp_f(s[c] * inverse_temperature - lse);
    const float e = c == out || c == own || c >= left ? 0.0f : v;
    s[c] = e;
    sum += e;
  }
  return sum;
}

// Here lse, positive, excluded and the sums `rest` of e, known from the pass by rows, are those of the tile's columns.
DEVICE void coefficients_by_columns(float* __restrict__ s, int from, int row, const int* __restrict__ positive,
                                    const int* __restrict__ excluded, const float* __restrict__ lse, const float* __restrict__ rest,
                                    float inverse_temperature) {
  SIMD
  for (int c = from; c < TILE; c += SPLIT) {
    const float v = exp_f(s[c] * inverse_temperature - lse[c]);
    const float e = excluded[c] == row ? 0.0f : v;
    s[c] = positive[c] == row ? -rest[c] : e;
  }
}

// Where bounded, own_lse and lse hold exp(-lse): one exponential serves both sides.
DEVICE float coefficients_symmetric(float* __restrict__ s, int from, int left, int self, int own, float own_lse,
                                    const float* __restrict__ lse, float inverse_temperature, int bounded) {
  float sum = 0;
  if (bounded) {
    SIMD_SUM(sum)
    for (int c = from; c < TILE; c += SPLIT) {
      const float v = exp_f(s[c] * inverse_temperature);
      const float e = c == self || c == own || c >= left ? 0.0f : v;
      s[c] = e * (own_lse + lse[c]);
      sum += e * own_lse;
    }
  } else {
    SIMD_SUM(sum)
    for (int c = from; c < TILE; c += SPLIT) {
      const float v = s[c] * inverse_temperature;
      const bool none = c == self || c == own || c >= left;
      const float e = none ? 0.0f : exp_f(v - own_lse), other = none ? 0.0f : exp_f(v - lse[c]);
      s[c] = e + other;
      sum += e;
    }
  }
  return sum;
}

// Block (t, part): outer tile t against every gridDim.y-th inner tile. acc [part, outer tiles * 64, padded] = sum of coefficient times
// inner unit row; rest [part, outer tiles * 64] = sum of the row's own e (not by columns, where known_rest [R] is read instead). lse,
// positive, excluded [R]: of the outer side by rows and in the symmetric form, of the inner side by columns.
KERNEL(info_nce_gradient, float* acc, float* __restrict__ rest, const float* __restrict__ known_rest, const float* __restrict__ outer,
       const float* __restrict__ inner, const float* __restrict__ inner_straight, const float* __restrict__ lse,
       const int* __restrict__ positive, const int* __restrict__ excluded, int outer_count, int inner_count, int width, int padded,
       float inverse_temperature, int bounded, int mode) {
  SHARED(float, s, TILE * TILE_STRIDE);
  SHARED(float, total, TILE * SPLIT);
  SHARED(float, tile_lse, TILE);
  SHARED(float, tile_rest, TILE);
  SHARED(int, tile_positive, TILE);
  SHARED(int, tile_excluded, TILE);
#if WARP > 1
  SHARED(float, stage, 2 * DEPTH * TILE);
#else
  float* const stage = nullptr;
#endif
  const int first = blockIdx.x * TILE, tiles = (inner_count + TILE - 1) / TILE;
  const int64_t tile_size = static_cast<int64_t>(TILE) * padded;
  const int64_t outer_tile = static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x;
  for (int i = threadIdx.x; i < TILE * SPLIT; i += blockDim.x) total[i] = 0;
  for (int tile = blockIdx.y; tile < tiles; tile += gridDim.y) {
    const int start = tile * TILE, left = inner_count - start;
    for (int c = threadIdx.x; c < TILE && mode != BY_ROWS; c += blockDim.x) {
      const bool inside = c < left;
      const float v = inside ? lse[start + c] : 0.0f;
      tile_lse[c] = mode == SYMMETRIC && bounded ? exp_f(-v) : v;
      if (mode == BY_COLUMNS) {
        tile_rest[c] = inside ? known_rest[start + c] : 0.0f;
        tile_positive[c] = inside ? positive[start + c] : -1;
        tile_excluded[c] = inside ? excluded[start + c] : -1;
      }
    }
    tile_logits(s, outer + blockIdx.x * tile_size, inner + tile * tile_size, width, stage);
    for (int i = threadIdx.x; i < TILE * SPLIT; i += blockDim.x) {
      const int r = i / SPLIT, from = i % SPLIT, row = first + r;
      float* __restrict__ sr = s + r * TILE_STRIDE;
      if (row >= outer_count) {
        for (int c = from; c < TILE; c += SPLIT) sr[c] = 0;
      } else if (mode == BY_ROWS) {
        total[i] += coefficients_by_rows(sr, from, left, positive[row] - start, excluded[row] - start, lse[row], inverse_temperature);
      } else if (mode == BY_COLUMNS) {
        coefficients_by_columns(sr, from, row, tile_positive, tile_excluded, tile_lse, tile_rest, inverse_temperature);
      } else {
        const float own_lse = bounded ? exp_f(-lse[row]) : lse[row];
        total[i] += coefficients_symmetric(sr, from, left, row - start, positive[row] - start, own_lse, tile_lse, inverse_temperature,
                                           bounded);
      }
    }
    __syncthreads();
    tile_accumulate(acc + outer_tile * tile_size, s, inner_straight + tile * tile_size, padded, stage,
                    tile != static_cast<int>(blockIdx.y));
  }
  __syncthreads();
  for (int r = threadIdx.x; r < TILE && mode != BY_COLUMNS; r += blockDim.x) {
    float sum = 0;
    for (int k = 0; k < SPLIT; k++) sum += total[r * SPLIT + k];
    rest[outer_tile * TILE + r] = sum;
  }
}

// dx = weight * scale * inverse_norm * (du - (du . u) u), du = sum of acc's parts [parts, stride, padded] plus the positive's term: its
// coefficient, minus rest [parts, stride], times its unit row in `other`. By columns that is in acc already. Row tiles give their rest on
// in known_rest. One block a row.
KERNEL(info_nce_input, float* __restrict__ dx, float* __restrict__ known_rest, const float* __restrict__ acc,
       const float* __restrict__ rest, const float* unit, const float* other, const int* __restrict__ positive,
       const float* __restrict__ inverse_norm, const float* __restrict__ weight, int rows, int width, int padded, int parts, int stride,
       float scale, int mode) {
  SHARED(float, scratch, 32);
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* u = unit + static_cast<int64_t>(row) * width;
    float* __restrict__ d = dx + static_cast<int64_t>(row) * width;
    for (int k = 0; k < parts; k++) {
      const float* __restrict__ part = acc + (static_cast<int64_t>(k) * stride + row) * padded;
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) d[i] = k == 0 ? part[i] : d[i] + part[i];
    }
    if (mode != BY_COLUMNS) {
      const int own = positive[row];
      float sum = 0;
      for (int k = 0; k < parts; k++) sum += rest[static_cast<int64_t>(k) * stride + row];
      if (threadIdx.x == 0) known_rest[row] = sum;
      for (int k = 0; k < parts && mode == SYMMETRIC; k++) sum += rest[static_cast<int64_t>(k) * stride + own];
      const float* z = other + static_cast<int64_t>(own) * width;
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) d[i] -= sum * z[i];
    }
    float dot = 0;
    SIMD_SUM(dot)
    for (int i = threadIdx.x; i < width; i += blockDim.x) dot += d[i] * u[i];
    dot = block_sum(dot, scratch);
    const float factor = weight[0] * scale * inverse_norm[row];
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) d[i] = factor * (d[i] - dot * u[i]);
  }
}
