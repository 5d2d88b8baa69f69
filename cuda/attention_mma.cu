// Multi-head self-attention on tensor cores, forward: the maths of attention.cu for bfloat16 rows, sums in float. GPUs only; the portable
// kernels there are the reference. attention_mma_backward.cu has the gradients.
//
// A block takes one head of one sample. Its keys and values come to shared memory at once (where they fit; else panel by panel), a warp
// takes TILES x 16 queries at a time, whose rows go straight from global memory to registers, and meets the keys 32 at a time: the scores
// stay in registers, and the probabilities are the left operand of the product with the values as they are. The maximum that is subtracted
// is raised only when a score exceeds it by more than 2^8, so results are rescaled rarely; see Dao et al. 2022 for the running sums.
//
// Every output is written (`=`) by one warp, in one order: two runs are bitwise equal, and so are launches with other blocks. A block's
// threads beyond its last whole warp only wait; it has at least one whole warp.
#include "attention_tile.cuh"

#if WARP > 1

constexpr float kRaise = 8;  // in powers of two

template <int DIM, int TILES, int KEY_TILES>
class Queries {
 public:
  static constexpr int kChunks = DIM / kChunk, kSteps = DIM / 16;

  // Starts to load queries from row `first` on.
  MEMBER void load(const HeadRows& rows, int first) {
    UNROLL
    for (int t = 0; t < TILES; t++) raw_[t].load(rows, first + t * kTileRows);
  }

  // What was loaded becomes operands, if the warp has work; nothing is summed yet.
  MEMBER void begin(bool works) {
    UNROLL
    for (int t = 0; t < TILES; t++) {
      if (works) {
        q_[t].take(raw_[t]);
      } else {
        q_[t].clear();
      }
      UNROLL
      for (int n = 0; n < kChunks; n++) {
        UNROLL
        for (int i = 0; i < 4; i++) out_[t][n][i] = 0;
      }
      UNROLL
      for (int half = 0; half < 2; half++) {
        top_[t][half] = -INFINITY;
        sum_[t][half] = 0;
      }
    }
  }

  // Takes in `keys` keys and their values; scale is log2(e) / sqrt(head_dim).
  MEMBER void attend(const uint4* k, const uint4* v, int keys, float scale) {
    constexpr int kKeys = KEY_TILES * kTileRows;
    NO_UNROLL
    for (; keys >= kKeys; keys -= kKeys) {
      attend_tiles<KEY_TILES, false>(k, v, kKeys, scale);
      k += kKeys * kChunks;
      v += kKeys * kChunks;
    }
    if (KEY_TILES > 1 && keys > kTileRows) {
      attend_tiles<KEY_TILES, true>(k, v, keys, scale);
    } else if (keys > 0) {
      attend_tiles<1, true>(k, v, keys, scale);
    }
  }

  // out and lse begin at the first query's row; `count` rows are there; scale is 1 / sqrt(head_dim).
  MEMBER void finish(bf16* out, int64_t stride, float* lse, int count, int chunks, float scale) {
    UNROLL
    for (int t = 0; t < TILES; t++) {
      float inverse[2];
      UNROLL
      for (int half = 0; half < 2; half++) {
        const float total = quad_sum(sum_[t][half]);
        const int row = t * kTileRows + 8 * half + own_group();
        inverse[half] = 1.0f / total;
        if (own_pair() == 0 && row < count) lse[row] = top_[t][half] * scale + logf(total);
      }
      store_tile<kChunks>(out + t * kTileRows * stride, stride, count - t * kTileRows, chunks, out_[t], inverse);
    }
  }

 private:
  template <int COUNT, bool MASKED>
  MEMBER void attend_tiles(const uint4* k, const uint4* v, int keys, float scale) {
    float s[TILES][2 * COUNT][4] = {};
    const int column = own_column_place<kChunks>();
    UNROLL
    for (int step = 0; step < kSteps; step++) {
      UNROLL
      for (int j = 0; j < COUNT; j++) {
        uint32_t low[2], high[2];
        load_columns<kChunks>(low, high, k + j * kTileRows * kChunks, column, step);
        UNROLL
        for (int t = 0; t < TILES; t++) multiply(s[t][2 * j], s[t][2 * j + 1], q_[t].at[step], low, high);
      }
    }
    if (MASKED) mask_last_tile<COUNT>(s, keys);
    raise_top<COUNT>(s, scale);
    UNROLL
    for (int t = 0; t < TILES; t++) {
      UNROLL
      for (int i = 0; i < 4; i++) {
        const float shift = top_[t][i / 2] * scale;
        UNROLL
        for (int n = 0; n < 2 * COUNT; n++) {
          s[t][n][i] = exp2_f(s[t][n][i] * scale - shift);
          sum_[t][i / 2] += s[t][n][i];
        }
      }
    }
    const int row = own_row_place<kChunks>();
    UNROLL
    for (int j = 0; j < COUNT; j++) {
      uint32_t p[TILES][4];
      UNROLL
      for (int t = 0; t < TILES; t++) to_left_operand(p[t], s[t][2 * j], s[t][2 * j + 1]);
      UNROLL
      for (int step = 0; step < kSteps; step++) {
        uint32_t low[2], high[2];
        load_rows<kChunks>(low, high, v + j * kTileRows * kChunks, row, step);
        UNROLL
        for (int t = 0; t < TILES; t++) multiply(out_[t][2 * step], out_[t][2 * step + 1], p[t], low, high);
      }
    }
  }

  // Keys that are not there: the last tile has at least one that is.
  template <int COUNT>
  MEMBER void mask_last_tile(float (&s)[TILES][2 * COUNT][4], int keys) {
    UNROLL
    for (int n = 2 * COUNT - 2; n < 2 * COUNT; n++) {
      UNROLL
      for (int i = 0; i < 4; i++) {
        const bool there = 8 * n + 2 * own_pair() + i % 2 < keys;
        UNROLL
        for (int t = 0; t < TILES; t++) s[t][n][i] = there ? s[t][n][i] : -INFINITY;
      }
    }
  }

  // Where a row's scores are far above what is subtracted from them, that is raised to their maximum, and the sums so far shrink.
  template <int COUNT>
  MEMBER void raise_top(const float (&s)[TILES][2 * COUNT][4], float scale) {
    float high[TILES][2];  // of this lane's scores
    bool far = false;
    UNROLL
    for (int t = 0; t < TILES; t++) {
      UNROLL
      for (int half = 0; half < 2; half++) {
        float m = -INFINITY;
        UNROLL
        for (int n = 0; n < 2 * COUNT; n++) m = fmaxf(m, fmaxf(s[t][n][2 * half], s[t][n][2 * half + 1]));
        high[t][half] = m;
        far = far || (m - top_[t][half]) * scale > kRaise;
      }
    }
    if (!__any_sync(kAllLanes, far)) return;
    UNROLL
    for (int t = 0; t < TILES; t++) {
      UNROLL
      for (int half = 0; half < 2; half++) {
        const float top = fmaxf(top_[t][half], quad_max(high[t][half])), shrink = exp2_f((top_[t][half] - top) * scale);
        top_[t][half] = top;
        sum_[t][half] *= shrink;
        UNROLL
        for (int n = 0; n < kChunks; n++) {
          out_[t][n][2 * half] *= shrink;
          out_[t][n][2 * half + 1] *= shrink;
        }
      }
    }
  }

  RawTile<kChunks> raw_[TILES];
  LeftOperands<kChunks> q_[TILES];
  float out_[TILES][kChunks][4];
  float top_[TILES][2];  // of the rows of each half, the same in a row's four lanes
  float sum_[TILES][2];  // this lane's part
};

// Keys and values from row `first` on come to shared memory, as far as there are any, for all threads to read.
template <int CHUNKS>
DEVICE void stage_panel(uint4* k, const bf16* qkv, const Head& head, int first, int panel) {
  const int warp = anew(threadIdx.x) / WARP, warps = blockDim.x / WARP;
  const int there = head.tokens - first < panel ? head.tokens - first : panel;
  uint4* const v = k + panel * CHUNKS;
  __syncthreads();  // the panel before may still be read
  if (warp < warps) {
    const HeadRows keys = head.of_qkv(qkv, 1), values = head.of_qkv(qkv, 2);
    NO_UNROLL
    for (int r = warp * kTileRows; r < there; r += warps * kTileRows) {
      stage_tile<CHUNKS>(k + r * CHUNKS, keys, first + r);
      stage_tile<CHUNKS>(v + r * CHUNKS, values, first + r);
    }
  }
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
}

template <int DIM, int TILES, int KEY_TILES>
DEVICE void attention(bf16* __restrict__ out, float* __restrict__ lse, const bf16* __restrict__ qkv, int samples, int tokens, int heads,
                      int head_dim, int key_panel) {
  DYNAMIC_SHARED(uint4, shared);
  constexpr int kChunks = DIM / kChunk, kRows = TILES * kTileRows;
  const auto warps = [] { return static_cast<int>(blockDim.x / WARP); };
  // This warp's first query, or no query.
  const auto row_of = [=](int first) {
    const int warp = anew(threadIdx.x) / WARP, row = first + warp * kRows;
    return warp < warps() && row < tokens ? row : tokens;
  };

  for (int pair = blockIdx.x; pair < samples * heads; pair += gridDim.x) {
    const Head head{pair, tokens, heads, head_dim};
    for (int first = blockIdx.y * warps() * kRows; first < tokens; first += gridDim.y * warps() * kRows) {
      // Loaded and begun in every case, so that no registers wait for a warp that might go on without having begun.
      Queries<DIM, TILES, KEY_TILES> queries;
      queries.load(head.of_qkv(qkv, 0), row_of(first));
      if (first == static_cast<int>(blockIdx.y) * warps() * kRows || key_panel < tokens) stage_panel<kChunks>(shared, qkv, head, 0, key_panel);
      const bool works = row_of(first) < tokens;
      queries.begin(works);
      for (int key = 0; key < tokens; key += key_panel) {
        if (key > 0) stage_panel<kChunks>(shared, qkv, head, key, key_panel);
        if (works) {
          const float scale = kLog2e / sqrtf(static_cast<float>(head_dim));
          queries.attend(shared, shared + key_panel * kChunks, tokens - key < key_panel ? tokens - key : key_panel, scale);
        }
      }
      if (works) {
        const int own = anew(pair), row = row_of(first);
        const int64_t at = static_cast<int64_t>(own / heads) * tokens + row, width = static_cast<int64_t>(heads) * head_dim;
        queries.finish(out + at * width + own % heads * head_dim, width, lse + static_cast<int64_t>(own) * tokens + row, tokens - row,
                       head_dim / kChunk, 1.0f / sqrtf(static_cast<float>(head_dim)));
      }
    }
  }
}

// out [samples, tokens, heads * head_dim]; lse [samples, heads, tokens]; qkv [samples, tokens, 3 * heads * head_dim], 16-byte aligned;
// head_dim is a multiple of 8 up to DIM. One block a head of a sample, or gridDim.y blocks that share its queries. key_panel is a multiple
// of 16. Shared memory: 4 * DIM * key_panel bytes.
#define FORWARD(DIM, TILES, KEY_TILES, BLOCKS)                                                                                          \
  KERNEL_BOUNDED(128, BLOCKS, attention_mma_forward_##DIM, bf16* __restrict__ out, float* __restrict__ lse,                              \
                 const bf16* __restrict__ qkv, int samples, int tokens, int heads, int head_dim, int key_panel) {                        \
    attention<DIM, TILES, KEY_TILES>(out, lse, qkv, samples, tokens, heads, head_dim, key_panel);                                        \
  }

// The most queries and keys that leave a multiprocessor three or more blocks; the larger the rows, the fewer.
FORWARD(32, 2, 2, 4)
FORWARD(64, 2, 1, 3)
FORWARD(80, 2, 2, 2)
FORWARD(128, 1, 1, 3)

#endif
