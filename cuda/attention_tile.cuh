// The rows of one head in bfloat16 as a warp's matrix instructions take them: tiles of 16 rows in shared memory, fragments in registers
// (mma.cuh says which lane holds what). A chunk is 8 elements, 16 bytes: what a lane moves at once. Lane 4 g + p of a warp moves chunks p,
// p + 4, ... of rows g and g + 8 of a tile, in whatever direction, so a lane finds again what it has brought.
//
// A row in shared memory has CHUNKS chunks; in global memory it may have fewer (a head dimension between those that kernels are built for),
// and the rest is zero. For whole warps only.
#pragma once

#include "mma.cuh"

#if WARP > 1

constexpr int kTileRows = 16;
constexpr int kChunk = 8;
constexpr unsigned kAllLanes = 0xffffffffu;

// A head's rows in global memory: `count` rows of `chunks` chunks, `stride` elements apart, 16-byte aligned.
struct HeadRows {
  const bf16* first;
  int64_t stride;
  int count;
  int chunks;
};

// One head of one sample.
struct Head {
  int pair;  // sample * heads + head
  int tokens, heads, head_dim;

  // Part 0, 1, 2 of rows [q | k | v].
  MEMBER HeadRows of_qkv(const bf16* qkv, int part) const { return rows(qkv, 3, part); }
  // Rows that have the heads' outputs side by side.
  MEMBER HeadRows of_out(const bf16* out) const { return rows(out, 1, 0); }

 private:
  MEMBER HeadRows rows(const bf16* x, int parts, int part) const {
    const int64_t width = static_cast<int64_t>(heads) * head_dim;
    const int own = anew(pair);
    return {x + (static_cast<int64_t>(own / heads) * tokens * parts + part) * width + own % heads * head_dim, parts * width, tokens,
            head_dim / kChunk};
  }
};

DEVICE int own_group() { return static_cast<int>(threadIdx.x % WARP / 4); }
DEVICE int own_pair() { return static_cast<int>(threadIdx.x % 4); }

// Where a row's chunk lies in a tile.
template <int CHUNKS>
struct Layout {
  static constexpr int kBit = CHUNKS & -CHUNKS, kUnspread = kBit < 8 ? kBit : 8;
  MEMBER static int place(int row, int chunk) { return static_cast<int>(chunk_place<CHUNKS>(row, chunk)); }
  // The place that lies 2 step chunks further than `from`, which is the place of a row's first or second chunk.
  MEMBER static int further(int from, int step) { return (from ^ (2 * step & (kUnspread - 1))) + (2 * step & ~(kUnspread - 1)); }
};

// The tile of rows from `row` on, to shared memory by cp.async; the caller commits and waits.
template <int CHUNKS>
DEVICE void stage_tile(uint4* to, const HeadRows& from, int row) {
  const int lane = anew(threadIdx.x % WARP);
  UNROLL
  for (int half = 0; half < 2; half++) {
    const int r = lane / 4 + 8 * half;
    UNROLL
    for (int j = 0; j < (CHUNKS + 3) / 4; j++) {
      const int chunk = 4 * j + lane % 4;
      const bool filled = row + r < from.count && chunk < from.chunks;
      const bf16* const source = filled ? from.first + (row + r) * from.stride + chunk * kChunk : from.first;
      if (chunk < CHUNKS) copy_async<16>(to + Layout<CHUNKS>::place(r, chunk), source, filled ? 16 : 0);
    }
  }
}

// Lane 4 g + p gives words 0 to 3 of its chunk and gets word p of the four chunks of lanes 4 g to 4 g + 3; and the other way about.
DEVICE void transpose_quad(uint32_t (&w)[4]) {
  const bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
  UNROLL
  for (int i = 0; i < 4; i += 2) {
    const uint32_t other = __shfl_xor_sync(kAllLanes, odd ? w[i] : w[i + 1], 1);
    (odd ? w[i] : w[i + 1]) = other;
  }
  UNROLL
  for (int i = 0; i < 2; i++) {
    const uint32_t other = __shfl_xor_sync(kAllLanes, high ? w[i] : w[i + 2], 2);
    (high ? w[i] : w[i + 2]) = other;
  }
}

// A lane's part of a tile as it comes from global memory: its own chunks.
template <int CHUNKS>
struct RawTile {
  static constexpr int kQuads = (CHUNKS + 3) / 4;
  uint4 at[2][kQuads];

  // The rows from `row` on; zeros where there are none.
  MEMBER void load(const HeadRows& from, int row) {
    const int lane = anew(threadIdx.x % WARP);
    UNROLL
    for (int half = 0; half < 2; half++) {
      const int r = row + lane / 4 + 8 * half;
      UNROLL
      for (int j = 0; j < kQuads; j++) {
        const int chunk = 4 * j + lane % 4;
        at[half][j] = make_uint4(0, 0, 0, 0);
        if (r < from.count && chunk < from.chunks)
          at[half][j] = *reinterpret_cast<const uint4*>(from.first + r * from.stride + chunk * kChunk);
      }
    }
  }
};

// A tile as left operands A, one for each 16 columns. In registers of its own: an operand's four lie side by side, and so do a chunk's, but
// these are not the same.
template <int CHUNKS>
struct LeftOperands {
  uint32_t at[CHUNKS / 2][4];

  MEMBER void take(const RawTile<CHUNKS>& raw) {
    UNROLL
    for (int half = 0; half < 2; half++) {
      UNROLL
      for (int j = 0; j < RawTile<CHUNKS>::kQuads; j++) {
        const uint4 chunk = raw.at[half][j];
        uint32_t w[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
        transpose_quad(w);
        UNROLL
        for (int i = 0; i < 4; i++)
          if (4 * j + i < CHUNKS) at[(4 * j + i) / 2][half + 2 * (i % 2)] = w[i];
      }
    }
  }

  MEMBER void clear() {
    UNROLL
    for (int step = 0; step < CHUNKS / 2; step++) {
      UNROLL
      for (int i = 0; i < 4; i++) at[step][i] = 0;
    }
  }
};

// What a lane hands to ldmatrix of a tile's first 16 columns, for load_columns and for load_rows.
template <int CHUNKS>
DEVICE int own_column_place() {
  const int lane = threadIdx.x % WARP;
  return anew(Layout<CHUNKS>::place(lane / 16 * 8 + lane % 8, lane / 8 % 2));
}
template <int CHUNKS>
DEVICE int own_row_place() {
  const int lane = threadIdx.x % WARP;
  return anew(Layout<CHUNKS>::place(lane % 16, lane / 16));
}

// Two right operands B [16, 8] out of a tile's rows, which are B's columns: `step` counts 16 of the tile's columns, which are B's rows.
template <int CHUNKS>
DEVICE void load_columns(uint32_t (&low)[2], uint32_t (&high)[2], const uint4* tile, int own, int step) {
  uint32_t r[4];
  load_matrices(r, tile + Layout<CHUNKS>::further(own, step));
  low[0] = r[0];
  low[1] = r[1];
  high[0] = r[2];
  high[1] = r[3];
}

// Two right operands B [16, 8]: the tile's rows are B's rows, and of its columns the 16 that `step` counts.
template <int CHUNKS>
DEVICE void load_rows(uint32_t (&low)[2], uint32_t (&high)[2], const uint4* tile, int own, int step) {
  uint32_t r[4];
  load_matrices_transposed(r, tile + Layout<CHUNKS>::further(own, step));
  low[0] = r[0];
  low[1] = r[1];
  high[0] = r[2];
  high[1] = r[3];
}

// sums += A B for the two operands that lie in 16 neighbouring columns of the result.
DEVICE void multiply(float (&left)[4], float (&right)[4], const uint32_t (&a)[4], const uint32_t (&low)[2], const uint32_t (&high)[2]) {
  mma_bf16(left, a, low);
  mma_bf16(right, a, high);
}

// A tile of sums, times a factor for the rows of each half, rounded, to the `count` rows that there are.
template <int CHUNKS>
DEVICE void store_tile(bf16* to, int64_t stride, int count, int chunks, const float (&sums)[CHUNKS][4], const float (&factor)[2]) {
  const int lane = anew(threadIdx.x % WARP);
  UNROLL
  for (int half = 0; half < 2; half++) {
    const int r = lane / 4 + 8 * half;
    UNROLL
    for (int j = 0; j < (CHUNKS + 3) / 4; j++) {
      uint32_t w[4] = {};
      UNROLL
      for (int i = 0; i < 4; i++)
        if (4 * j + i < CHUNKS)
          w[i] = pack_bf16(factor[half] * sums[4 * j + i][2 * half], factor[half] * sums[4 * j + i][2 * half + 1]);
      transpose_quad(w);
      const int chunk = 4 * j + lane % 4;
      if (r < count && chunk < chunks)
        *reinterpret_cast<uint4*>(to + r * stride + chunk * kChunk) = make_uint4(w[0], w[1], w[2], w[3]);
    }
  }
}

// The sum over a row's four lanes.
DEVICE float quad_sum(float v) {
  v += __shfl_xor_sync(kAllLanes, v, 1);
  return v + __shfl_xor_sync(kAllLanes, v, 2);
}
DEVICE float quad_max(float v) {
  v = fmaxf(v, __shfl_xor_sync(kAllLanes, v, 1));
  return fmaxf(v, __shfl_xor_sync(kAllLanes, v, 2));
}

#endif
