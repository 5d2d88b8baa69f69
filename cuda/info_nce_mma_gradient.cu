// InfoNCE's gradient (see info_nce.cu for the maths) on tensor cores. A block keeps its outer rows' unit rows in shared memory and their sums in
// registers while inner tiles pass by: logits by a first product, coefficients in place, rounded to bfloat16, and a second product with the
// same inner tile. The positives' coefficients stay out of the products and are taken in float (info_nce.cuh).
//
// 32 outer rows belong to SPLIT warps, each of which adds up 128 columns of their sums, so that 128 SPLIT columns are the widest rows. With
// one warp the coefficients become the second product's operands where they are, in its registers; more warps share the first product and
// exchange coefficients through shared memory.
#include "info_nce_mma.cuh"

#if WARP > 1
// How a block with rows of up to 128 SPLIT columns divides its work. Shared memory stays below 99 KiB, what every card has since sm_80.
template <int SPLIT>
struct Layout {
  static constexpr int kWarps = SPLIT == 8 ? 8 : 4, kGroups = kWarps / SPLIT, kRows = 32 * kGroups;
  static constexpr int kColumns = SPLIT == 1 ? 64 : SPLIT == 8 ? 16 : 32;
  static constexpr int kStages = SPLIT == 8 ? 1 : 2;
  // A warp's part of the first product: m-tiles of 16 rows, n-tiles of 8 columns. A warp alone takes two parts in turn, since both at once do
  // not fit its registers beside the sums; with SPLIT 8 there are only parts for four warps.
  static constexpr int kM = SPLIT <= 2 ? 2 : 1, kN = SPLIT == 1 ? 4 : SPLIT == 8 ? 1 : 2;
  static constexpr int kTurns = SPLIT == 1 ? 2 : 1, kAcross = kColumns / 8 / kN / kTurns, kParts = 2 / kM * kAcross;
};

// An inner tile's weights (exp(-lse), or lse in units of log2), positives and excluded columns, in shared memory.
struct Inner {
  float* weight;
  int* own;
  int* out;
};

// What the job of a block does not change.
struct Pass {
  const bf16* outer;
  const bf16* inner;
  const float* weights;
  int padded, chunks;
  float scale;  // of a product, to a logit in units of log2
  bool bounded;
};

template <int SPLIT>
DEVICE char* chunk_of(char* tile, int rows, int chunk) {
  return tile + chunk * rows * CHUNK_BYTES;
}

// Starts to copy an inner tile.
template <int SPLIT>
DEVICE void copy_inner(char* to, const Inner& known, const Pass& pass, const Side& side, const Pairs& pairs, int first) {
  constexpr int kColumns = Layout<SPLIT>::kColumns;
  for (int chunk = 0; chunk < pass.chunks; chunk++)
    copy_chunk(chunk_of<SPLIT>(to, kColumns, chunk), pass.inner, first, side.inner, kColumns, pass.padded, chunk);
  if (side.pass != kByRows) {
    for (int c = threadIdx.x; c < kColumns; c += blockDim.x) {
      const int column = first + c < side.inner ? first + c : 0, filled = first + c < side.inner ? 4 : 0;
      copy_async<4>(known.weight + c, pass.weights + column, filled);
      copy_async<4>(known.own + c, pairs.positive + column, filled);
      copy_async<4>(known.out + c, pairs.excluded + column, filled);
    }
  }
  commit_copies();
}

// A warp's part of the first product, from its rows at a and its columns at b on.
template <int SPLIT>
DEVICE void multiply(float (&s)[Layout<SPLIT>::kM][Layout<SPLIT>::kN][4], char* a, char* b, const Pass& pass) {
  typedef Layout<SPLIT> L;
  const int lane = anew(own_lane());
  const LanePlace a_lane = a_place(lane), b_lane = L::kN == 1 ? lane_place(lane % 8, lane / 8) : b_place(lane);
  UNROLL
  for (int i = 0; i < L::kM * L::kN * 4; i++) s[i / 4 / L::kN][i / 4 % L::kN][i % 4] = 0;
  for (int chunk = 0; chunk < pass.chunks; chunk++) {
    char* const a_chunk = chunk_of<SPLIT>(a, L::kRows, chunk);
    char* const b_chunk = chunk_of<SPLIT>(b, L::kColumns, chunk);
    UNROLL
    for (int unit = 0; unit < CHUNK / 8; unit += 2) {
      uint32_t am[L::kM][4];
      UNROLL
      for (int m = 0; m < L::kM; m++) load_matrices(am[m], operand(a_chunk, a_lane, 16 * m, unit));
      UNROLL
      for (int n = 0; n < L::kN; n += 2) {
        uint32_t bn[4];
        // Eight columns only: the lanes load them for 32 steps at once, of which these 16 are the first or the second half.
        if (L::kN == 1) {
          load_matrices(bn, operand(b_chunk, b_lane, 0, unit / 4 * 4));
        } else {
          load_matrices(bn, operand(b_chunk, b_lane, 8 * n, unit));
        }
        UNROLL
        for (int m = 0; m < L::kM; m++) {
          if (L::kN == 1) {
            add_mma(s[m][0], am[m], bn[unit % 4], bn[unit % 4 + 1]);
          } else {
            add_mma(s[m][n], am[m], bn[0], bn[1]);
            add_mma(s[m][L::kN == 1 ? 0 : n + 1], am[m], bn[2], bn[3]);
          }
        }
      }
    }
  }
}

// What a warp knows of 16 M outer rows.
template <int M>
struct OuterRows {
  // Of row 8 k + lane / 4; 0, or lse beyond any logit, where they do not count.
  float weight[2 * M];
  // Of row `lane`, or -1.
  int own, out;
};

template <int M>
DEVICE OuterRows<M> outer_rows(const Pass& pass, const Side& side, const Pairs& pairs, int first) {
  OuterRows<M> rows;
  UNROLL
  for (int k = 0; k < 2 * M; k++) {
    const int row = first + 8 * k + own_lane() / 4;
    const bool counts = row < side.count && side.pass != kByColumns;
    const float weight = counts ? pass.weights[row] : 0.0f;
    rows.weight[k] = pass.bounded ? weight : counts ? weight * kLog2e : -kLeftOut;
  }
  const int row = first + own_lane();
  const bool counts = own_lane() < 16 * M && row < side.count && side.pass != kByColumns;
  rows.own = counts ? pairs.positive[row] : -1;
  rows.out = counts ? pairs.excluded[row] : -1;
  return rows;
}

// Turns logits into coefficients in place: row by row first + 16 m.., columns from `column` of the tile on. MASKED: some are left out.
template <bool MASKED, bool BOUNDED, int M, int N>
DEVICE void coefficients(float (&s)[M][N][4], const OuterRows<M>& rows, const Inner& known, const Pass& pass, const Side& side,
                         const Pairs& pairs, int first_row, int first_column, int column) {
  const int group = own_lane() / 4, pair = own_lane() % 4;
  int own[2 * M], out[2 * M];
  UNROLL
  for (int k = 0; k < 2 * M; k++) {
    const int row = first_row + 8 * k + group;
    const bool has_own = MASKED && side.pass != kByColumns && row < side.count;
    own[k] = has_own ? pairs.positive[row] : -1;
    out[k] = has_own ? pairs.excluded[row] : -1;
  }
  UNROLL
  for (int i = 0; i < 2 * N; i++) {
    const int c = anew(column + 8 * (i / 2) + 2 * pair + i % 2), j = first_column + c;
    const bool inner_counts = side.pass != kByRows;
    const float weight = inner_counts ? known.weight[c] : BOUNDED ? 0.0f : -kLeftOut;
    const int inner_own = MASKED && inner_counts ? known.own[c] : -1, inner_out = MASKED && inner_counts ? known.out[c] : -1;
    UNROLL
    for (int k = 0; k < 2 * M; k++) {
      float& value = s[k / 2][i / 2][k % 2 * 2 + i % 2];
      const int row = first_row + 8 * k + group;
      const float v = pass.scale * value, e = BOUNDED ? exp2_f(v) : v;
      if (!MASKED) {  // bounded always
        value = e * (rows.weight[k] + weight);
        continue;
      }
      const bool of_row = j < side.inner && j != own[k] && j != out[k];
      const bool of_column = j < side.inner && inner_own != row && inner_out != row;
      value = (of_row ? (BOUNDED ? e * rows.weight[k] : exp2_f(e - rows.weight[k])) : 0.0f) +
              (of_column ? (BOUNDED ? e * weight : exp2_f(e - weight * kLog2e)) : 0.0f);
    }
  }
}

// Whether a warp's part of an inner tile has coefficients that are left out, by the outer rows or by the inner ones. The same for all lanes.
template <int ROWS, int COLUMNS, int M>
DEVICE bool is_masked(const Side& side, const OuterRows<M>& rows, const Inner& known, int first_row, int first_column, int column) {
  bool found = first_column + column + COLUMNS > side.inner;
  const int to_own = rows.own - first_column - column, to_out = rows.out - first_column - column;
  found |= (to_own >= 0 && to_own < COLUMNS) || (to_out >= 0 && to_out < COLUMNS);
  for (int c = own_lane(); c < COLUMNS && side.pass != kByRows; c += WARP) {
    const int from_own = known.own[column + c] - first_row, from_out = known.out[column + c] - first_row;
    found |= (from_own >= 0 && from_own < ROWS) || (from_out >= 0 && from_out < ROWS);
  }
  return __any_sync(0xffffffffu, found);
}

template <int M, int N>
DEVICE void find_coefficients(float (&s)[M][N][4], const OuterRows<M>& rows, const Inner& known, const Pass& pass, const Side& side,
                              const Pairs& pairs, int first_row, int first_column, int column) {
  if (!pass.bounded) {
    coefficients<true, false>(s, rows, known, pass, side, pairs, first_row, first_column, column);
  } else if (is_masked<16 * M, 8 * N>(side, rows, known, first_row, first_column, column)) {
    coefficients<true, true>(s, rows, known, pass, side, pairs, first_row, first_column, column);
  } else {
    coefficients<false, true>(s, rows, known, pass, side, pairs, first_row, first_column, column);
  }
}

// Where 16 bytes of a row of COLUMNS coefficients lie.
template <int COLUMNS>
DEVICE char* coefficient_at(char* tile, int row, int unit) {
  return tile + chunk_place<COLUMNS / 8>(row, unit) * 16;
}

// acc += coefficients [32, 16] times 16 inner rows, a warp's 128 columns of them.
template <int SPLIT>
DEVICE void accumulate(float (&acc)[2][16][4], const uint32_t (&a)[2][4], char* inner, int row, int chunk0, int chunks) {
  const LanePlace lane = a_place(anew(own_lane()));
  UNROLL
  for (int n = 0; n < 16; n += 2) {
    if (chunk0 + n / 8 >= chunks) break;
    uint32_t b[4];
    load_matrices_transposed(b, operand(chunk_of<SPLIT>(inner, Layout<SPLIT>::kColumns, chunk0 + n / 8), lane, row, n % 8));
    UNROLL
    for (int m = 0; m < 2; m++) {
      add_mma(acc[m][n], a[m], b[0], b[1]);
      add_mma(acc[m][n + 1], a[m], b[2], b[3]);
    }
  }
}

// One job: outer rows from i on against every parts-th inner tile from `part` on; writes their sums to acc [rows, stride].
template <int SPLIT>
DEVICE void run_job(const Side& side, const Pass& pass, const Pairs& pairs, char* shared, float* to, int i, int part, int stride) {
  typedef Layout<SPLIT> L;
  constexpr int kInnerBytes = L::kColumns * CHUNK_BYTES, kM = L::kM, kN = L::kN;
  char* const outer = shared;
  char* const inner = outer + pass.chunks * L::kRows * CHUNK_BYTES;
  char* const exchange = inner + L::kStages * pass.chunks * kInnerBytes;
  float* const numbers = reinterpret_cast<float*>(exchange + (SPLIT == 1 ? 0 : L::kRows * L::kColumns * 2));
  const auto known_of = [&](int stage) {
    float* const weight = numbers + stage * 3 * L::kColumns;
    int* const own = reinterpret_cast<int*>(weight + L::kColumns);
    return Inner{weight, own, own + L::kColumns};
  };
  const int warps = full_warps();
  const int tiles = (side.inner + L::kColumns - 1) / L::kColumns;
  for (int first_warp = 0; first_warp < L::kWarps; first_warp += warps) {  // once, if the block has all the warps
    const int warp = first_warp + own_warp(), last_warp = least(first_warp + warps, L::kWarps) - 1;
    const int share = warp % SPLIT, group_row = warp / SPLIT * 32;
    const bool busy = own_warp() < warps && warp < L::kWarps;
    // Of the first product the parts of all groups of rows that this time's warps have.
    const int first_part = first_warp / SPLIT * L::kParts + own_warp();
    const int last_part = own_warp() < warps ? last_warp / SPLIT * L::kParts + L::kParts : 0;
    float acc[2][16][4] = {};
    __syncthreads();  // shared memory may still be read
    for (int chunk = 0; chunk < pass.chunks; chunk++)
      copy_chunk(chunk_of<SPLIT>(outer, L::kRows, chunk), pass.outer, i, side.count, L::kRows, pass.padded, chunk);
    copy_inner<SPLIT>(inner, known_of(0), pass, side, pairs, part * L::kColumns);
    for (int tile = part, stage = 0; tile < tiles; tile += side.parts, stage ^= L::kStages - 1) {
      wait_for_copies<0>();
      __syncthreads();
      const int next = tile + side.parts;
      if (L::kStages == 2 && next < tiles)
        copy_inner<SPLIT>(inner + (stage ^ 1) * pass.chunks * kInnerBytes, known_of(stage ^ 1), pass, side, pairs, next * L::kColumns);
      char* const now = inner + stage * pass.chunks * kInnerBytes;
      uint32_t a[2][4];
      for (int s_part = first_part; s_part < last_part; s_part += warps) {
        const int s_row = s_part / L::kParts * 32 + s_part % L::kParts / L::kAcross * 16 * kM, first = tile * L::kColumns;
        const OuterRows<kM> rows = outer_rows<kM>(pass, side, pairs, i + s_row);
        for (int turn = 0; turn < L::kTurns; turn++) {
          const int column = (s_part % L::kAcross * L::kTurns + turn) * 8 * kN;
          float s[kM][kN][4];
          multiply<SPLIT>(s, outer + s_row * CHUNK_BYTES, now + column * CHUNK_BYTES, pass);
          find_coefficients(s, rows, known_of(stage), pass, side, pairs, i + s_row, first, column);
          if constexpr (SPLIT == 1) {
            UNROLL
            for (int step = 0; step < kN / 2; step++) {
              UNROLL
              for (int m = 0; m < 2; m++) to_left_operand(a[m], s[m][2 * step], s[m][2 * step + 1]);
              accumulate<SPLIT>(acc, a, now, column + 16 * step, 0, pass.chunks);
            }
          } else {
            UNROLL
            for (int k = 0; k < 2 * kM * kN; k++) {
              const int row = s_row + k / kN * 8 + own_lane() / 4, n = k % kN;
              char* const at = coefficient_at<L::kColumns>(exchange, row, column / 8 + n) + own_lane() % 4 * 4;
              *reinterpret_cast<uint32_t*>(at) = pack_bf16(s[k / kN / 2][n][k / kN % 2 * 2], s[k / kN / 2][n][k / kN % 2 * 2 + 1]);
            }
          }
        }
      }
      if constexpr (SPLIT > 1) {
        __syncthreads();
        UNROLL
        for (int step = 0; step < L::kColumns / 16 && busy; step++) {
          UNROLL
          for (int m = 0; m < 2; m++) {
            load_matrices(a[m], coefficient_at<L::kColumns>(exchange, group_row + 16 * m + own_lane() % 16, 2 * step + own_lane() / 16));
          }
          accumulate<SPLIT>(acc, a, now, 16 * step, 2 * share, pass.chunks);
        }
      }
      if (L::kStages == 1 && next < tiles) {
        __syncthreads();  // the tile may still be read
        copy_inner<SPLIT>(inner, known_of(0), pass, side, pairs, next * L::kColumns);
      }
    }
    UNROLL
    for (int k = 0; k < 64; k++) {
      const int m = k / 32, n = k / 2 % 16, h = k % 2;
      const int row = group_row + 16 * m + 8 * h + own_lane() / 4, column = 128 * share + 8 * n + own_lane() % 4 * 2;
      if (busy && i + row < side.count && column < stride)
        *reinterpret_cast<float2*>(to + static_cast<int64_t>(row) * stride + column) = make_float2(acc[m][n][2 * h], acc[m][n][2 * h + 1]);
    }
  }
}

// As info_nce_gradient: a job takes the outer rows of Layout, and inner tiles of as many columns. half_p [rows, padded], half_z [columns,
// padded]: the unit rows in bfloat16; padded is at most 128 SPLIT. Blocks of at least a warp.
template <int SPLIT>
DEVICE void gradient(float* dx, float* dz, float* acc, const float* p, const float* z, const bf16* half_p, const bf16* half_z,
                     const float* inverse_p, const float* inverse_z, float* statistics, const float* weight, int* pairs, int rows,
                     int columns, int width, int padded, int stride, int row_parts, int column_parts, float inverse_temperature, float scale,
                     int bounded, int symmetric) {
  DYNAMIC_SHARED(char, shared);
  SHARED(int, flag, 1);
  constexpr int kRows = Layout<SPLIT>::kRows;
  const Pairs table = pairs_in(pairs, rows, columns);
  const Statistics known = statistics_in(statistics, rows);
  const int row_jobs = (rows + kRows - 1) / kRows * row_parts;
  const int jobs = row_jobs + (symmetric ? 0 : (columns + kRows - 1) / kRows * column_parts);
  for (int index = blockIdx.x; index < jobs; index += gridDim.x) {
    // Asked twice, so that what the end needs takes no registers while the sums do.
    const auto side_of = [&](int job) {
      return side_at(job < row_jobs ? 0 : 1, symmetric, dx, dz, acc, p, z, inverse_p, inverse_z, table, rows, columns, stride, row_parts,
                     column_parts, kRows);
    };
    const Side side = side_of(index);
    const bool by_rows = index < row_jobs;
    const Pass pass{by_rows ? half_p : half_z, by_rows && !symmetric ? half_z : half_p, bounded ? known.inverse_sum : known.lse,
                    padded, padded / CHUNK, inverse_temperature * kLog2e, bounded != 0};
    const int job = by_rows ? index : index - row_jobs, part = job % side.parts, i = job / side.parts * kRows;
    run_job<SPLIT>(side, pass, table, shared, side.acc + (static_cast<int64_t>(part) * side.count + i) * stride, i, part, stride);
    const Side done = side_of(anew(index));
    const int first = anew(i), end = least(first + kRows, done.count);
    if (last_to_come(done.counters + first / kRows, done.parts, 1, flag))
      finish_gradient(done, pairs_in(pairs, anew(rows), columns), known.others, first, end, width, stride, weight[0] * scale);
  }
}

#define GRADIENT(name, split)                                                                                                                \
  KERNEL_BOUNDED(32 * Layout<split>::kWarps, 1, name, float* dx, float* dz, float* acc, const float* p, const float* z, const bf16* half_p, \
                 const bf16* half_z, const float* inverse_p, const float* inverse_z, float* statistics, const float* weight, int* pairs,     \
                 int rows, int columns, int width, int padded, int stride, int row_parts, int column_parts, float inverse_temperature,      \
                 float scale, int bounded, int symmetric) {                                                                                  \
    gradient<split>(dx, dz, acc, p, z, half_p, half_z, inverse_p, inverse_z, statistics, weight, pairs, rows, columns, width, padded,        \
                    stride, row_parts, column_parts, inverse_temperature, scale, bounded, symmetric);                                        \
  }

// For rows of up to 128, 256, 512 and 1024 columns.
GRADIENT(info_nce_gradient_mma_128, 1)
GRADIENT(info_nce_gradient_mma_256, 2)
GRADIENT(info_nce_gradient_mma_512, 4)
GRADIENT(info_nce_gradient_mma_1024, 8)
#endif
