// Multi-head self-attention (Vaswani et al. 2017) on fused rows [q | k | v], each heads x head_dim, for each sample and head:
//   S = scale * Q K^T, scale = 1 / sqrt(head_dim);  P = softmax of S's rows;  O = P V;  lse = log(sum of e^S) along a row
// and, given dO, with delta = the rows' sums of dO * O:
//   dV = P^T dO;  dP = dO V^T;  dS = P * (dP - delta);  dQ = scale * dS K;  dK = scale * dS^T Q
//
// A block takes one head of one sample. Queries and keys come in tiles; at the usual lengths (50 to 200 tokens) one tile holds all keys,
// or even everything. Where there are more key tiles, the forward pass keeps a running maximum and sum and rescales what it has (Milakov
// and Gimelshein 2018); the backward pass gets P back from lse. All outputs are written (`=`); partial sums of several tiles pass
// through the output itself, always by the same thread, in the same order. Kernels that end in _bf16 read and write rows in bfloat16 and
// compute in float; their partial sums lie elsewhere as floats, so that each result is rounded once. attention_mma.cu does that on a GPU's
// matrix units.
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

// Where sums of several tiles wait for the next: at their place in the output if that holds floats, else in `part`, of the same shape.
DEVICE void add_tile(float* to, float*, int count, Lanes sum, float shrink, bool first, bool) {
  store_lanes(to, first ? sum : sum + shrink * load_lanes(to, count), count);
}
DEVICE void add_tile(bf16* to, float* part, int count, Lanes sum, float shrink, bool first, bool last) {
  if (!first) sum = sum + shrink * load_lanes(part, count);
  if (last) {
    store_lanes(to, sum, count);
  } else {
    store_lanes(part, sum, count);
  }
}

template <class T>
DEVICE void forward_of(T* __restrict__ out, float* __restrict__ lse, const T* __restrict__ qkv, int samples, int tokens, int heads,
                       int head_dim, int query_tile, int key_tile) {
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
  float* const part = shrink + query_tile;           // [query][dim]: the results so far, for bfloat16 alone
  const int width = heads * head_dim;
  const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));

  for (int pair = blockIdx.x; pair < samples * heads; pair += gridDim.x) {
    const int sample = pair / heads, head = pair % heads;
    const T* const rows = qkv + static_cast<int64_t>(sample) * tokens * 3 * width + head * head_dim;
    T* const result = out + static_cast<int64_t>(sample) * tokens * width + head * head_dim;
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
          const T* const from = rows + static_cast<int64_t>(k0) * 3 * width;
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
          T* const to = result + static_cast<int64_t>(q0 + r) * width + c;
          if (last) o = sum_now[r] * o;
          add_tile(to, part + r * dim_row + c, head_dim - c, o, shrink[r], first, last);
        });
      }
    }
  }
}

// One block a head of a sample. out [samples, tokens, heads * head_dim]; lse [samples, heads, tokens]; qkv [samples, tokens, 3 * heads *
// head_dim]. query_tile is a multiple of 12, key_tile of 16. Shared memory: see PortableAttention.forwardFloats.
KERNEL(attention_forward, float* __restrict__ out, float* __restrict__ lse, const float* __restrict__ qkv, int samples, int tokens,
       int heads, int head_dim, int query_tile, int key_tile) {
  forward_of(out, lse, qkv, samples, tokens, heads, head_dim, query_tile, key_tile);
}
KERNEL(attention_forward_bf16, bf16* __restrict__ out, float* __restrict__ lse, const bf16* __restrict__ qkv, int samples, int tokens,
       int heads, int head_dim, int query_tile, int key_tile) {
  forward_of(out, lse, qkv, samples, tokens, heads, head_dim, query_tile, key_tile);
}

template <class T>
DEVICE void backward_of(T* dqkv, const T* __restrict__ dout, const T* __restrict__ qkv, const T* __restrict__ out,
                        const float* __restrict__ lse, float* delta, float* partial, int samples, int tokens, int heads, int head_dim,
                        int query_tile, int key_tile) {
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
  // [key][dim] each: dK and dV so far, for bfloat16 alone; behind what may be read past ds
  float* const dk_part = ds + query_tile * key_row + 16;
  float* const dv_part = dk_part + key_tile * dim_row;
  const int width = heads * head_dim;
  const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));

  for (int pair = blockIdx.x; pair < samples * heads; pair += gridDim.x) {
    const int64_t at = static_cast<int64_t>(pair / heads) * tokens * width;
    const int column = pair % heads * head_dim;
    const T* const rows = qkv + 3 * at + column;
    const T* const out_rows = out + at + column;
    const T* const dout_rows = dout + at + column;
    T* const result = dqkv + 3 * at + column;
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
          const T* const from = rows + static_cast<int64_t>(k0) * 3 * width;
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
        T* const dq = result + static_cast<int64_t>(q0) * 3 * width;
        T* const dk = result + static_cast<int64_t>(k0) * 3 * width + width;
        T* const dv = dk + width;
        float* const dq_part = partial + (static_cast<int64_t>(pair) * tokens + q0) * head_dim;
        const auto add = [&](T* to, float* part, int part_row, int r, int c, Lanes sum, bool first, bool last) {
          add_tile(to + static_cast<int64_t>(r) * 3 * width + c, part + static_cast<int64_t>(r) * part_row + c, head_dim - c, sum, 1, first,
                   last);
        };
        const bool first_queries = q0 == 0, last_queries = q0 + queries == tokens;
        block_product(keys, groups, p, 1, key_row, g, dim_row, queries,
                      [&](int r, int c, Lanes sum) { add(dv, dv_part, dim_row, r, c, sum, first_queries, last_queries); });
        block_product(keys, groups, ds, 1, key_row, q, dim_row, queries,
                      [&](int r, int c, Lanes sum) { add(dk, dk_part, dim_row, r, c, sum, first_queries, last_queries); });
        block_product(queries, groups, ds, key_row, 1, k, dim_row, keys,
                      [&](int r, int c, Lanes sum) { add(dq, dq_part, head_dim, r, c, sum, k0 == 0, k0 + keys == tokens); });
      }
    }
  }
}

// One block a head of a sample. dqkv [samples, tokens, 3 * heads * head_dim] is written whole; delta [samples, heads, tokens] is scratch.
// Tiles as for attention_forward; shared memory: see PortableAttention.backwardFloats.
KERNEL(attention_backward, float* dqkv, const float* __restrict__ dout, const float* __restrict__ qkv, const float* __restrict__ out,
       const float* __restrict__ lse, float* delta, int samples, int tokens, int heads, int head_dim, int query_tile, int key_tile) {
  backward_of(dqkv, dout, qkv, out, lse, delta, delta, samples, tokens, heads, head_dim, query_tile, key_tile);
}
// partial [samples, heads, tokens, head_dim] is scratch if there are several key tiles, else it may be null.
KERNEL(attention_backward_bf16, bf16* dqkv, const bf16* __restrict__ dout, const bf16* __restrict__ qkv, const bf16* __restrict__ out,
       const float* __restrict__ lse, float* delta, float* partial, int samples, int tokens, int heads, int head_dim, int query_tile,
       int key_tile) {
  backward_of(dqkv, dout, qkv, out, lse, delta, partial, samples, tokens, heads, head_dim, query_tile, key_tile);
}
