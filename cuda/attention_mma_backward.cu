// Multi-head self-attention on tensor cores, backward: the maths of attention.cu for bfloat16 rows, sums in float. GPUs only.
//
// A block takes heads of samples one after the other. Of a head everything is on chip at once where it fits: queries, dO and keys in shared
// memory, delta too; values go to registers. A warp owns tiles of 16 keys. It meets the queries 16 at a time:
//   S^T = K Q^T, dP^T = V dO^T;  P^T = exp(scale S^T - lse), dS^T = P^T * (dP^T - delta)  in registers, which are then left operands of
//   dV += P^T dO, dK += dS^T Q;  dS^T also goes to shared memory.
// When all warps have done so, the queries' and dO's place is free and those of the next head start to come; meanwhile each warp takes tiles
// of 16 queries for dQ = scale * dS K.
//
// Where a head does not fit, queries come in panels, and keys in groups with a tile for each warp at most; dQ then sums up over the groups
// in `partial`, by the same lanes. Nothing is rounded to bfloat16 before its sum is complete but P and dS, as operands. Every output is
// written (`=`) by one warp, in one order: two runs are bitwise equal. A block's threads beyond its last whole warp only wait; it has at
// least one whole warp.
#include "attention_tile.cuh"

#if WARP > 1

// What a block does at a time: one head's panel of queries with one group of keys. In two registers.
class Work {
 public:
  MEMBER explicit Work(int pair) : pair_(pair), place_(0) {}
  MEMBER int pair() const { return anew(pair_); }
  // The first tiles of the group and of the panel.
  MEMBER int key_tile() const { return anew(place_) >> 16; }
  MEMBER int query_tile() const { return anew(place_) >> 1 & 0x7fff; }
  // Which of the two places the group's keys take.
  MEMBER int buffer() const { return anew(place_) & 1; }

  MEMBER Work next(int tiles, int group, int panel) const {
    Work w = *this;
    int key = key_tile(), query = query_tile() + panel, side = buffer();
    if (query >= tiles) {
      query = 0;
      key += group;
      side ^= 1;
    }
    if (key >= tiles) {
      key = 0;
      w.pair_ += gridDim.x;
    }
    w.place_ = key << 16 | query << 1 | side;
    return w;
  }

 private:
  int pair_, place_;
};

template <int DIM, int KEY_TILES>
class Gradients {
 public:
  static constexpr int kChunks = DIM / kChunk, kSteps = DIM / 16, kTile = kTileRows * kChunks;
  static constexpr int kColumns = 2 / KEY_TILES;  // groups of 8 queries whose scores are in registers at a time
  static constexpr bool kAhead = DIM < 128;       // whether there are registers for what comes from memory directly

  bf16* dqkv;
  const bf16* dout;
  const bf16* qkv;
  const bf16* out;
  const float* lse;
  float* partial;
  int samples, tokens, heads, head_dim;
  int most_keys, panel;  // tiles of keys and of queries at a time

  uint4* shared;

  using Operands = LeftOperands<kChunks>[KEY_TILES];
  // What a warp holds of its keys.
  struct Keys {
    RawTile<kChunks> v[KEY_TILES];
    float dk[KEY_TILES][kChunks][4], dv[KEY_TILES][kChunks][4];
  };

  MEMBER void run() {
    Keys own;
    RawTile<kChunks> o;
    Work work(blockIdx.x);
    start(work, own, o);
    while (work.pair() < samples * heads) {
      wait_for_copies<0>();
      if (warp() < warps()) sum_rows(work, o);
      __syncthreads();
      if (warp() < warps()) own_keys(work, own);
      __syncthreads();  // dS is complete; queries, dO and delta have been used
      const Work next = work.next(tiles(), group(), panel);
      start(next, own, o);
      if (warp() < warps()) own_queries(work);
      work = next;
    }
  }

 private:
  // Shared memory, in this order: [16 * panel] pairs of lse * log2(e) and delta; [panel] tiles of queries, as many of dO; [2][group] tiles of
  // keys, this group's and the next; [16 * group] rows of 16 * panel elements of dS^T, and 16 bytes more, so that neighbouring rows start in
  // other banks.
  MEMBER float2* bounds(int row) const { return reinterpret_cast<float2*>(shared) + row; }
  MEMBER uint4* queries(int tile) const { return shared + anew(panel) * 8 + tile * kTile; }
  MEMBER uint4* gradients(int tile) const { return queries(tile) + panel * kTile; }
  MEMBER uint4* keys(int side, int tile) const { return queries(2 * panel + side * group() + tile); }
  MEMBER uint4* derivative(int row) const { return keys(2, 0) + row * derivative_row(); }
  MEMBER int derivative_row() const { return 2 * panel + 1; }

  MEMBER static int warp() { return anew(threadIdx.x) / WARP; }
  MEMBER static int warps() { return blockDim.x / WARP; }
  // With several panels, sums stay in registers from panel to panel: no more keys than the warps take once.
  MEMBER int group() const {
    const int once = warps() * KEY_TILES;
    return panel < tiles() && once < most_keys ? once : anew(most_keys);
  }
  MEMBER int tiles() const { return (tokens + kTileRows - 1) / kTileRows; }
  MEMBER Head head(const Work& w) const { return {w.pair(), tokens, heads, head_dim}; }
  // Key tiles from w.key_tile() on, query tiles from w.query_tile() on.
  MEMBER int keys_of(const Work& w) const { return w.key_tile() + group() < tiles() ? group() : tiles() - w.key_tile(); }
  MEMBER int queries_of(const Work& w) const { return w.query_tile() + panel < tiles() ? panel : tiles() - w.query_tile(); }

  // Starts to load what `w` wants, if it is work. A warp brings the tiles that it will take first; registers are loaded in every case, so
  // that none wait for a warp that might have work without having loaded.
  MEMBER void start(const Work& w, Keys& own, RawTile<kChunks>& o) const {
    const bool works = warp() < warps() && w.pair() < samples * heads;
    const int none = tokens;
    if (works) {
      const HeadRows queries = head(w).of_qkv(qkv, 0), gradients = head(w).of_out(dout);
      const int query_tiles = queries_of(w);
      NO_UNROLL
      for (int i = warp(); i < query_tiles; i += warps()) {
        stage_tile<kChunks>(this->queries(i), queries, (w.query_tile() + i) * kTileRows);
        stage_tile<kChunks>(this->gradients(i), gradients, (w.query_tile() + i) * kTileRows);
      }
      const HeadRows keys = head(w).of_qkv(qkv, 1);
      const int key_tiles = w.query_tile() == 0 ? (keys_of(w) + KEY_TILES - 1) / KEY_TILES * KEY_TILES : 0;
      NO_UNROLL
      for (int i = warp(); i < key_tiles; i += warps())
        stage_tile<kChunks>(this->keys(w.buffer(), i), keys, (w.key_tile() + i) * kTileRows);
    }
    commit_copies();
    if (kAhead) {
      o.load(head(w).of_out(out), works && warp() < queries_of(w) ? (w.query_tile() + warp()) * kTileRows : none);
      const int first = warp() * KEY_TILES;
      load_values(w, own, works && first < keys_of(w) ? (w.key_tile() + first) * kTileRows : none);
    }
  }

  MEMBER void load_values(const Work& w, Keys& own, int row) const {
    UNROLL
    for (int t = 0; t < KEY_TILES; t++) own.v[t].load(head(w).of_qkv(qkv, 2), row + t * kTileRows);
  }

  // delta and lse of the panel's queries. A lane reads of dO what it has brought itself.
  MEMBER void sum_rows(const Work& w, RawTile<kChunks>& o) const {
    const int query_tiles = queries_of(w);
    NO_UNROLL
    for (int i = warp(); i < query_tiles; i += warps()) {
      const int row = (w.query_tile() + i) * kTileRows;
      if (!kAhead || i >= warps()) o.load(head(w).of_out(out), row);
      UNROLL
      for (int half = 0; half < 2; half++) {
        const int r = own_group() + 8 * half;
        float sum = 0;
        UNROLL
        for (int j = 0; j < RawTile<kChunks>::kQuads; j++) {
          const int chunk = 4 * j + own_pair();
          if (chunk < kChunks) sum += dot(o.at[half][j], gradients(i)[Layout<kChunks>::place(r, chunk)]);
        }
        sum = quad_sum(sum);
        if (own_pair() == 0) {
          const bool there = row + r < tokens;  // else P becomes 0
          const float top = there ? lse[static_cast<int64_t>(w.pair()) * tokens + row + r] * kLog2e : INFINITY;
          *bounds(i * kTileRows + r) = make_float2(top, sum);
        }
      }
    }
  }

  MEMBER static float dot(const uint4& a, const uint4& b) {
    return (dot_two(a.x, b.x) + dot_two(a.y, b.y)) + (dot_two(a.z, b.z) + dot_two(a.w, b.w));
  }
  MEMBER static float dot_two(uint32_t a, uint32_t b) {
    return from_bf16(static_cast<uint16_t>(a)) * from_bf16(static_cast<uint16_t>(b)) +
           from_bf16(static_cast<uint16_t>(a >> 16)) * from_bf16(static_cast<uint16_t>(b >> 16));
  }

  // P^T and dS^T of this warp's keys with the panel's queries. With several panels a warp takes keys once, and their sums stay.
  MEMBER void own_keys(const Work& w, Keys& own) const {
    const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));
    for (int i = warp() * KEY_TILES; i < keys_of(w); i += warps() * KEY_TILES) {
      const int row = (w.key_tile() + i) * kTileRows;
      if (!kAhead) load_values(w, own, row);
      if (w.query_tile() == 0) {
        UNROLL
        for (int t = 0; t < KEY_TILES; t++) {
          clear(own.dk[t]);
          clear(own.dv[t]);
        }
      }
      LeftOperands<kChunks> keys[KEY_TILES], values[KEY_TILES];
      const int place = own_row_place<kChunks>();
      UNROLL
      for (int t = 0; t < KEY_TILES; t++) {
        values[t].take(own.v[t]);
        UNROLL
        for (int step = 0; step < kSteps; step++)
          load_matrices(keys[t].at[step], this->keys(w.buffer(), i + t) + Layout<kChunks>::further(place, step));
      }
      NO_UNROLL
      for (int j = queries_of(w) - 1; j >= 0; j--) meet(w, keys, values, own, i, j, scale * kLog2e);
      if (w.query_tile() + panel >= tiles()) {
        UNROLL
        for (int t = 0; t < KEY_TILES; t++) {
          store(w, 1, row + t * kTileRows, own.dk[t], scale);
          store(w, 2, row + t * kTileRows, own.dv[t], 1);
        }
      }
      // Here, so that no registers are kept for it meanwhile.
      if (kAhead) load_values(w, own, row + warps() * KEY_TILES * kTileRows);
    }
  }

  // The keys that begin with tile `i` of the group and row `row`, with query tile `j` of the panel.
  MEMBER void meet(const Work& w, const Operands& keys, const Operands& values, Keys& own, int i, int j, float scale) const {
    const int left = tokens - (w.key_tile() + i) * kTileRows - own_group();
    const uint4 *const qj = queries(j), *const gj = gradients(j);
    uint32_t p[KEY_TILES][4], d[KEY_TILES][4];
    UNROLL
    for (int n = 0; n < 2; n += kColumns) {
      float s[KEY_TILES][kColumns][4] = {}, dp[KEY_TILES][kColumns][4] = {};
      scores(s, keys, qj, n);
      scores(dp, values, gj, n);
      UNROLL
      for (int c = 0; c < kColumns; c++) {
        const float2* const at = reinterpret_cast<const float2*>(bounds(j * kTileRows + 8 * (n + c) + 2 * own_pair()));
        UNROLL
        for (int t = 0; t < KEY_TILES; t++) derivatives(p[t], d[t], s[t][c], dp[t][c], n + c, at, left - t * kTileRows, scale);
      }
    }
    UNROLL
    for (int t = 0; t < KEY_TILES; t++) {
      uint32_t* const to = reinterpret_cast<uint32_t*>(derivative((i + t) * kTileRows + own_group()) + 2 * j) + own_pair();
      UNROLL
      for (int half = 0; half < 2; half++) {
        to[8 * half * derivative_row() * 4] = d[t][half];
        to[8 * half * derivative_row() * 4 + 4] = d[t][half + 2];
      }
    }
    const int place = own_row_place<kChunks>();
    UNROLL
    for (int step = 0; step < kSteps; step++) {
      uint32_t low[2], high[2];
      load_rows<kChunks>(low, high, gj, place, step);
      UNROLL
      for (int t = 0; t < KEY_TILES; t++) multiply(own.dv[t][2 * step], own.dv[t][2 * step + 1], p[t], low, high);
      load_rows<kChunks>(low, high, qj, place, step);
      UNROLL
      for (int t = 0; t < KEY_TILES; t++) multiply(own.dk[t][2 * step], own.dk[t][2 * step + 1], d[t], low, high);
    }
  }

  // sums += keys (or values) with 8 kColumns rows of a tile of queries (or of dO), from column 8 n of the result on.
  MEMBER static void scores(float (&sums)[KEY_TILES][kColumns][4], const Operands& left, const uint4* tile, int n) {
    const int lane = threadIdx.x % WARP;
    if constexpr (kColumns == 2) {
      const int place = own_column_place<kChunks>();
      UNROLL
      for (int step = 0; step < kSteps; step++) {
        uint32_t low[2], high[2];
        load_columns<kChunks>(low, high, tile, place, step);
        UNROLL
        for (int t = 0; t < KEY_TILES; t++) multiply(sums[t][0], sums[t][1], left[t].at[step], low, high);
      }
    } else {
      const int place = anew(Layout<kChunks>::place(lane % 8, lane / 8));
      UNROLL
      for (int step = 0; step < kSteps; step += 2) {
        uint32_t r[4];
        load_matrices(r, tile + n * kTile / 2 + Layout<kChunks>::further(place, step));
        UNROLL
        for (int half = 0; half < 2; half++) {
          const uint32_t b[2] = {r[2 * half], r[2 * half + 1]};
          UNROLL
          for (int t = 0; t < KEY_TILES; t++) mma_bf16(sums[t][0], left[t].at[step + half], b);
        }
      }
    }
  }

  // P and dS of 16 keys, of which this lane's half begins `left` rows before the end, and 8 queries, rounded, into places 2 n and 2 n + 1 of
  // the left operands p and d.
  MEMBER static void derivatives(uint32_t (&p)[4], uint32_t (&d)[4], float (&s)[4], float (&dp)[4], int n, const float2* at, int left,
                                 float scale) {
    UNROLL
    for (int c = 0; c < 2; c++) {
      const float2 bound = at[c];
      UNROLL
      for (int half = 0; half < 2; half++) {
        const float e = exp2_f(s[2 * half + c] * scale - bound.x);
        s[2 * half + c] = left > 8 * half ? e : 0;  // infinite where there is no key and all scores are far below 0
        dp[2 * half + c] = s[2 * half + c] * (dp[2 * half + c] - bound.y);
      }
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
      p[2 * n + half] = pack_bf16(s[2 * half], s[2 * half + 1]);
      d[2 * n + half] = pack_bf16(dp[2 * half], dp[2 * half + 1]);
    }
  }

  // dQ of this warp's query tiles: what this group of keys gives to it.
  MEMBER void own_queries(const Work& w) const {
    const int lane = threadIdx.x % WARP, query_tiles = queries_of(w), key_tiles = keys_of(w);
    NO_UNROLL
    for (int j = warp(); j < query_tiles; j += warps()) {
      const int row = (w.query_tile() + j) * kTileRows;
      const uint4* from = derivative(lane / 16 * 8 + lane % 8) + 2 * j + lane / 8 % 2;
      const uint4* tile = keys(w.buffer(), 0);
      float dq[kChunks][4];
      clear(dq);
      NO_UNROLL
      for (int i = 0; i < key_tiles; i++) {
        uint32_t d[4];
        load_matrices_transposed(d, from);
        const int own = own_row_place<kChunks>();
        UNROLL
        for (int step = 0; step < kSteps; step++) {
          uint32_t low[2], high[2];
          load_rows<kChunks>(low, high, tile, own, step);
          multiply(dq[2 * step], dq[2 * step + 1], d, low, high);
        }
        from += kTileRows * derivative_row();
        tile += kTile;
      }
      if (group() < tiles()) add_partial(w, row, dq);
      if (w.key_tile() + group() >= tiles()) store(w, 0, row, dq, 1.0f / sqrtf(static_cast<float>(head_dim)));
    }
  }

  // sums += the groups before, and to memory for the groups to come.
  MEMBER void add_partial(const Work& w, int row, float (&sums)[kChunks][4]) const {
    UNROLL
    for (int half = 0; half < 2; half++) {
      const int r = row + own_group() + 8 * half;
      float* const at = partial + (static_cast<int64_t>(w.pair()) * tokens + r) * head_dim + 2 * own_pair();
      UNROLL
      for (int n = 0; n < kChunks; n++) {
        if (r < tokens && n < head_dim / kChunk) {
          float2* const two = reinterpret_cast<float2*>(at + n * kChunk);
          if (w.key_tile() > 0) {
            const float2 before = *two;
            sums[n][2 * half] += before.x;
            sums[n][2 * half + 1] += before.y;
          }
          *two = make_float2(sums[n][2 * half], sums[n][2 * half + 1]);
        }
      }
    }
  }

  // Rows from `row` on of part 0, 1, 2 of [dq | dk | dv].
  MEMBER void store(const Work& w, int part, int row, const float (&sums)[kChunks][4], float factor) const {
    const HeadRows to = head(w).of_qkv(dqkv, part);
    const float both[2] = {factor, factor};
    store_tile<kChunks>(const_cast<bf16*>(to.first) + row * to.stride, to.stride, tokens - row, to.chunks, sums, both);
  }

  MEMBER static void clear(float (&sums)[kChunks][4]) {
    UNROLL
    for (int n = 0; n < kChunks; n++) {
      UNROLL
      for (int i = 0; i < 4; i++) sums[n][i] = 0;
    }
  }
};

template <int DIM, int KEY_TILES>
DEVICE void gradients(bf16* dqkv, const bf16* dout, const bf16* qkv, const bf16* out, const float* lse, float* partial, int samples,
                      int tokens, int heads, int head_dim, int key_tiles, int query_tiles) {
  DYNAMIC_SHARED(uint4, shared);
  using Of = Gradients<DIM, KEY_TILES>;
  Of{dqkv, dout, qkv, out, lse, partial, samples, tokens, heads, head_dim, key_tiles, query_tiles, shared}.run();
}

// dqkv as qkv [samples, tokens, 3 * heads * head_dim]; dout, out [samples, tokens, heads * head_dim]; 16-byte aligned; lse [samples, heads,
// tokens]; head_dim is a multiple of 8 up to DIM. key_tiles (a multiple of KEY_TILES) and query_tiles count tiles of 16 that are on chip at
// a time. partial [samples, heads, tokens, head_dim] is used if key_tiles, or with several panels of queries the tiles that a block's warps
// take at once, are fewer than the keys' tiles. Any grid. Shared memory: see MmaAttention.
#define BACKWARD(DIM, KEY_TILES, THREADS)                                                                                                \
  KERNEL_BOUNDED(THREADS, 1, attention_mma_backward_##DIM, bf16* __restrict__ dqkv, const bf16* __restrict__ dout,                       \
                 const bf16* __restrict__ qkv, const bf16* __restrict__ out, const float* __restrict__ lse, float* partial, int samples, \
                 int tokens, int heads, int head_dim, int key_tiles, int query_tiles) {                                                  \
    gradients<DIM, KEY_TILES>(dqkv, dout, qkv, out, lse, partial, samples, tokens, heads, head_dim, key_tiles, query_tiles);             \
  }

BACKWARD(32, 2, 384)
BACKWARD(64, 2, 256)
BACKWARD(80, 1, 256)
BACKWARD(128, 1, 256)

#endif
