// Multi-head self-attention (Vaswani et al. 2017) on fused rows [q | k | v], each heads x head_dim, for each sample and head:
//   S = scale * Q K^T, scale = 1 / sqrt(head_dim);  P = softmax of S's rows;  O = P V;  lse = log(sum of e^S) along a row
// and, given dO, with delta = the rows' sums of dO * O:
//   dV = P^T dO;  dP = dO V^T;  dS = P * (dP - delta);  dQ = scale * dS K;  dK = scale * dS^T Q
//
// A block takes one head of one sample. Queries and keys come in tiles; at the usual lengths (50 to 200 tokens) one tile holds all keys,
// or even everything. Where there are more key tiles, the forward pass keeps a running maximum and sum and rescales what it has (Milakov
// and Gimelshein 2018); the backward pass gets P back from lse. All outputs are written (`=`); partial sums of several tiles pass
// through the output itself, always by the same thread, in the same order.
#include "micro_tile.cuh"

constexpr int ROWS = WARP == 1 ? 6 : 4, COLS = WARP == 1 ? 2 : 1;
// Rows in shared memory are a little longer than they need be, so that neighbouring rows start in other banks.
constexpr int SKEW = WARP == 1 ? 0 : 4;

DEVICE int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }
DEVICE int least(int a, int b) { return a < b ? a : b; }

template <int R, int C, class Finish>
DEVICE void micro_product(int row, int rows, int group, const float* a, int a_row, int a_step, const float* b, int b_step, int depth,
                          Finish finish) {
  MicroTile<R, C> sum;
  clear(sum);
  add_product(sum, a + row * a_row, a_row, a_step, b + group * LANES, b_step, LANES, depth);
  UNROLL
  for (int r = 0; r < R; r++) {
    if (row + r < rows) {
      UNROLL
      for (int g = 0; g < C; g++) finish(row + r, (group + g) * LANES, sum.at[r][g]);
    }
  }
}

// C = A B in shared memory, C having `rows` rows of `groups` groups of LANES columns: the threads share the micro-tiles and call
// finish(row, first column, lanes) for each result. A may be read up to the next multiple of ROWS; see add_product for the strides.
template <class Finish>
DEVICE void block_product(int rows, int groups, const float* a, int a_row, int a_step, const float* b, int b_step, int depth,
                          Finish finish) {
  const int down = (rows + ROWS - 1) / ROWS, across = (groups + COLS - 1) / COLS;
  for (int i = threadIdx.x; i < down * across; i += blockDim.x) {
    // Neighbouring threads take neighbouring columns; a single thread goes down the rows, so that its columns of B stay in the cache.
    const int row = (WARP == 1 ? i % down : i / across) * ROWS, group = (WARP == 1 ? i / down : i % across) * COLS;
    if (group + COLS <= groups) {
      micro_product<ROWS, COLS>(row, rows, group, a, a_row, a_step, b, b_step, depth, finish);
    } else {
      micro_product<ROWS, 1>(row, rows, group, a, a_row, a_step, b, b_step, depth, finish);
    }
  }
}

// One block a head of a sample. out [samples, tokens, heads * head_dim]; lse [samples, heads, tokens]; qkv [samples, tokens, 3 * heads *
// head_dim]. query_tile is a multiple of 12, key_tile of 16. Shared memory: see AttentionKernels.forwardFloats.
KERNEL(attention_forward, float* __restrict__ out, float* __restrict__ lse, const float* __restrict__ qkv, int samples, int tokens,
       int heads, int head_dim, int query_tile, int key_tile) {
  DYNAMIC_SHARED(float, shared);
  const int groups = (head_dim + LANES - 1) / LANES, padded_dim = groups * LANES;
  const int dim_row = padded_dim + SKEW, key_row = key_tile + SKEW;
  float* const q = shared;                           // [query][dim]
  float* const kt = q + query_tile * dim_row;        // [dim][key]
  float* const v = kt + head_dim * key_row;          // [key][dim]
  float* const p = v + key_tile * dim_row;           // [query][key]: S, then its exponentials
  float* const top = p + query_tile * key_row;       // [2][query]: the running maximum after even and odd key tiles
  float* const sum = top + 2 * query_tile;           // [2][query]: the running sum; at the end, 1 / sum
  float* const shrink = sum + 2 * query_tile;        // [query]: what the results so far are multiplied with
  const int width = heads * head_dim;
  const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));

  for (int pair = blockIdx.x; pair < samples * heads; pair += gridDim.x) {
    const int sample = pair / heads, head = pair % heads;
    const float* const rows = qkv + static_cast<int64_t>(sample) * tokens * 3 * width + head * head_dim;
    float* const result = out + static_cast<int64_t>(sample) * tokens * width + head * head_dim;
    for (int q0 = 0; q0 < tokens; q0 += query_tile) {
      const int queries = least(tokens - q0, query_tile), padded_queries = round_up(queries, ROWS);
      for (int k0 = 0, tile = 0; k0 < tokens; k0 += key_tile, tile++) {
        const int keys = least(tokens - k0, key_tile), padded_keys = round_up(keys, LANES);
        const bool first = k0 == 0, last = k0 + keys == tokens;
        const float* const top_before = top + (tile & 1) * query_tile;
        const float* const sum_before = sum + (tile & 1) * query_tile;
        float* const top_now = top + (~tile & 1) * query_tile;
        float* const sum_now = sum + (~tile & 1) * query_tile;
        __syncthreads();  // the tiles may still be read
        if (first) {
          stage_rows(q, dim_row, padded_queries, padded_dim, rows + static_cast<int64_t>(q0) * 3 * width, 3 * width, queries,
                     head_dim);
        }
        if (q0 == 0 || key_tile < tokens) {
          const float* const from = rows + static_cast<int64_t>(k0) * 3 * width;
          stage_columns(kt, key_row, padded_keys, head_dim, from + width, 3 * width, keys, head_dim);
          stage_rows(v, dim_row, keys, padded_dim, from + 2 * width, 3 * width, keys, head_dim);
        }
        __syncthreads();
        block_product(padded_queries, padded_keys / LANES, q, dim_row, 1, kt, key_row, head_dim,
                      [&](int r, int c, Lanes s) { store_aligned(p + r * key_row + c, keep_lanes(s, keys - c, -INFINITY)); });
        __syncthreads();
        for (int r = first_warp(); r < queries; r += warps()) {
          float* const row = p + r * key_row;
          const float before = first ? -INFINITY : top_before[r];
          Lanes high = all_lanes(before);
          for (int c = first_lane() * LANES; c < padded_keys; c += warp_lanes() * LANES) high = max_lanes(high, load_aligned(row + c));
          const float m = warp_max(max_of(high));
          Lanes part{};
          for (int c = first_lane() * LANES; c < padded_keys; c += warp_lanes() * LANES) {
            const Lanes e = exp_lanes(scale * (load_aligned(row + c) - m));
            store_aligned(row + c, e);
            part = part + e;
          }
          float total = warp_sum(sum_of(part));
          if (first_lane() == 0) {
            const float rest = first ? 0.0f : exp_f((before - m) * scale);
            total += first ? 0.0f : rest * sum_before[r];
            shrink[r] = last ? rest / total : rest;
            top_now[r] = m;
            sum_now[r] = last ? 1.0f / total : total;
            if (last) lse[static_cast<int64_t>(pair) * tokens + q0 + r] = m * scale + logf(total);
          }
        }
        __syncthreads();
        block_product(queries, groups, p, key_row, 1, v, dim_row, keys, [&](int r, int c, Lanes o) {
          float* const to = result + static_cast<int64_t>(q0 + r) * width + c;
          if (last) o = sum_now[r] * o;
          if (!first) o = o + shrink[r] * load_lanes(to, head_dim - c);
          store_lanes(to, o, head_dim - c);
        });
      }
    }
  }
}

// One block a head of a sample. dqkv [samples, tokens, 3 * heads * head_dim] is written whole; delta [samples, heads, tokens] is scratch.
// Tiles as for attention_forward; shared memory: see AttentionKernels.backwardFloats.
KERNEL(attention_backward, float* dqkv, const float* __restrict__ dout, const float* __restrict__ qkv, const float* __restrict__ out,
       const float* __restrict__ lse, float* delta, int samples, int tokens, int heads, int head_dim, int query_tile, int key_tile) {
  DYNAMIC_SHARED(float, shared);
  const int groups = (head_dim + LANES - 1) / LANES, padded_dim = groups * LANES;
  const int dim_row = padded_dim + SKEW, key_row = key_tile + SKEW;
  float* const q = shared;                       // [query][dim]
  float* const g = q + query_tile * dim_row;     // [query][dim]: dO
  float* const k = g + query_tile * dim_row;     // [key][dim]
  float* const kt = k + key_tile * dim_row;      // [dim][key]
  float* const vt = kt + head_dim * key_row;     // [dim][key]
  float* const p = vt + head_dim * key_row;      // [query][key]: S, then P
  float* const ds = p + query_tile * key_row;    // [query][key]: dP, then scale * dS
  const int width = heads * head_dim;
  const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));

  for (int pair = blockIdx.x; pair < samples * heads; pair += gridDim.x) {
    const int64_t at = static_cast<int64_t>(pair / heads) * tokens * width;
    const int column = pair % heads * head_dim;
    const float* const rows = qkv + 3 * at + column;
    const float* const out_rows = out + at + column;
    const float* const dout_rows = dout + at + column;
    float* const result = dqkv + 3 * at + column;
    const float* const pair_lse = lse + static_cast<int64_t>(pair) * tokens;
    float* const pair_delta = delta + static_cast<int64_t>(pair) * tokens;

    for (int r = first_warp(); r < tokens; r += warps()) {
      const int64_t row = static_cast<int64_t>(r) * width;
      Lanes part{};
      for (int i = first_lane() * LANES; i < head_dim; i += warp_lanes() * LANES)
        part = part + load_lanes(dout_rows + row + i, head_dim - i) * load_lanes(out_rows + row + i, head_dim - i);
      const float sum = warp_sum(sum_of(part));
      if (first_lane() == 0) pair_delta[r] = sum;
    }
    for (int k0 = 0; k0 < tokens; k0 += key_tile) {
      const int keys = least(tokens - k0, key_tile), padded_keys = round_up(keys, LANES);
      for (int q0 = 0; q0 < tokens; q0 += query_tile) {
        const int queries = least(tokens - q0, query_tile), padded_queries = round_up(queries, ROWS);
        __syncthreads();  // the tiles may still be read
        if (q0 == 0) {
          const float* const from = rows + static_cast<int64_t>(k0) * 3 * width;
          stage_rows(k, dim_row, keys, padded_dim, from + width, 3 * width, keys, head_dim);
          stage_columns(kt, key_row, padded_keys, head_dim, from + width, 3 * width, keys, head_dim);
          stage_columns(vt, key_row, padded_keys, head_dim, from + 2 * width, 3 * width, keys, head_dim);
        }
        if (k0 == 0 || query_tile < tokens) {
          stage_rows(q, dim_row, padded_queries, padded_dim, rows + static_cast<int64_t>(q0) * 3 * width, 3 * width, queries, head_dim);
          stage_rows(g, dim_row, padded_queries, padded_dim, dout_rows + static_cast<int64_t>(q0) * width, width, queries, head_dim);
        }
        __syncthreads();
        block_product(padded_queries, padded_keys / LANES, q, dim_row, 1, kt, key_row, head_dim,
                      [&](int r, int c, Lanes s) { store_aligned(p + r * key_row + c, s); });
        block_product(padded_queries, padded_keys / LANES, g, dim_row, 1, vt, key_row, head_dim,
                      [&](int r, int c, Lanes dp) { store_aligned(ds + r * key_row + c, dp); });
        __syncthreads();
        for (int r = first_warp(); r < queries; r += warps()) {
          float* __restrict__ const p_row = p + r * key_row;
          float* __restrict__ const ds_row = ds + r * key_row;
          const float row_lse = pair_lse[q0 + r], row_delta = pair_delta[q0 + r];
          SIMD
          for (int c = first_lane(); c < padded_keys; c += warp_lanes()) {
            const float e = exp_f(p_row[c] * scale - row_lse);
            p_row[c] = e;
            ds_row[c] = e * (ds_row[c] - row_delta) * scale;
          }
        }
        __syncthreads();
        // The rows that follow the last key's, up to a multiple of ROWS, give results that are not used.
        float* const dq = result + static_cast<int64_t>(q0) * 3 * width;
        float* const dk = result + static_cast<int64_t>(k0) * 3 * width + width;
        float* const dv = dk + width;
        const auto add = [&](float* to, int r, int c, Lanes sum, bool first) {
          to += static_cast<int64_t>(r) * 3 * width + c;
          store_lanes(to, first ? sum : sum + load_lanes(to, head_dim - c), head_dim - c);
        };
        block_product(keys, groups, p, 1, key_row, g, dim_row, queries, [&](int r, int c, Lanes sum) { add(dv, r, c, sum, q0 == 0); });
        block_product(keys, groups, ds, 1, key_row, q, dim_row, queries, [&](int r, int c, Lanes sum) { add(dk, r, c, sum, q0 == 0); });
        block_product(queries, groups, ds, key_row, 1, k, dim_row, keys, [&](int r, int c, Lanes sum) { add(dq, r, c, sum, k0 == 0); });
      }
    }
  }
}
