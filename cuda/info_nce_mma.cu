// InfoNCE's forward pass (see info_nce.cu for the maths) on tensor cores: products of unit rows in bfloat16, sums in float. The positives'
// logits are taken in float outside the products (info_nce.cuh), so that rounding never meets a difference of nearly equal numbers.
#include "info_nce_mma.cuh"

#if WARP > 1
// Does what copy_chunk does from rows as they come, with their inverse norms in shared memory; what is written is what write_units would.
DEVICE void round_chunk(char* to, const float* x, const float* inverse, int first, int count, int tile, int width, int chunk) {
  for (int i = threadIdx.x; i < tile * 8; i += blockDim.x) {
    const int r = i / 8, unit = i % 8, d = chunk * CHUNK + unit * 8;
    const float* const from = x + static_cast<int64_t>(first + r) * width;
    float v[8];
    UNROLL
    for (int k = 0; k < 8; k++) v[k] = first + r < count && d + k < width ? from[d + k] * inverse[r] : 0.0f;
    *reinterpret_cast<uint4*>(unit_at(to, r, unit)) =
        make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7]));
  }
}

// ---- forward: tiles of 128 x 128 logits, a warp takes 64 x 32 of them ------------------------------------------------------------------

constexpr int TILE = 128, WARP_ROWS = 64, WARP_COLUMNS = 32, WARP_TILES = 8, ACROSS = TILE / WARP_COLUMNS, DOWN = TILE / WARP_ROWS;
constexpr int STAGE_BYTES = TILE * CHUNK_BYTES;
// Up to so many chunks the rows' side stays in shared memory while columns pass by.
constexpr int RESIDENT = 2;

// Partial sums of a tile, in shared memory.
struct TileSums {
  float (*row_totals)[TILE];  // [ACROSS]
  float (*row_maxima)[TILE];
  float (*column_totals)[TILE];  // [DOWN]
  float (*column_maxima)[TILE];
};

// A tile, and what of it counts: columns from `left` on and rows from `down` on do not.
struct TilePlace {
  int row, column, down, left;
  bool both;  // its columns' sums count too
};

// The larger of two, or their sum, in all lanes that differ in the bits of `lanes`.
template <bool MAX, int FIRST, int LAST>
DEVICE float across_lanes(float v) {
  UNROLL
  for (int step = FIRST; step <= LAST; step *= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, v, step);
    v = MAX ? fmaxf(v, other) : v + other;
  }
  return v;
}

// The sum of exp(scale * v[k] - maximum) over eight logits of a line, and of the lanes that have more of it: those that differ in bits FIRST to
// LAST. Where logits are bounded v holds exponentials already. counts(k): whether logit k is in the sum.
template <bool BOUNDED, int FIRST, int LAST, class Value, class Counts>
DEVICE PartialSum line_sum(float scale, Value value, Counts counts) {
  float maximum = BOUNDED ? 0.0f : kLeftOut, total = 0;
  if (!BOUNDED) {
    UNROLL
    for (int k = 0; k < 8; k++) maximum = fmaxf(maximum, counts(k) ? scale * value(k) : kLeftOut);
    maximum = across_lanes<true, FIRST, LAST>(maximum);
  }
  UNROLL
  for (int k = 0; k < 8; k++) total += counts(k) ? (BOUNDED ? value(k) : exp2_f(scale * value(k) - maximum)) : 0.0f;
  return {across_lanes<false, FIRST, LAST>(total), maximum / kLog2e};
}

// A warp's sums of exponentials along rows and columns. MASKED: some of its logits are left out of one or both. acc is changed.
template <bool MASKED, bool BOUNDED>
DEVICE void sum_warp(const TileSums& sums, float (&acc)[4][4][4], const TilePlace& place, const Pairs& pairs, int rows, int columns,
                     int warp_row, int warp_column, float inverse_temperature) {
  const int group = own_lane() / 4, pair = own_lane() % 4;
  const float scale = inverse_temperature * kLog2e;
  if (BOUNDED) {
    UNROLL
    for (int i = 0; i < 64; i++) acc[i / 16][i / 4 % 4][i % 4] = exp2_f(scale * acc[i / 16][i / 4 % 4][i % 4]);
  }
  UNROLL
  for (int k = 0; k < 8; k++) {  // a thread's rows
    const int r = anew(warp_row + 8 * k + group), row = place.row + r, c0 = warp_column + 2 * pair;
    const int own = MASKED && row < rows ? pairs.positive[row] - place.column : -1;
    const int out = MASKED && row < rows ? pairs.excluded[row] - place.column : -1;
    const PartialSum sum = line_sum<BOUNDED, 1, 2>(
        scale, [&](int i) { return acc[k / 2][i / 2][k % 2 * 2 + i % 2]; },
        [&](int i) {
          const int c = c0 + i / 2 * 8 + i % 2;
          return !MASKED || (c < place.left && c != own && c != out);
        });
    if (pair == 0) {
      sums.row_totals[warp_column / WARP_COLUMNS][r] = sum.total;
      if (!BOUNDED) sums.row_maxima[warp_column / WARP_COLUMNS][r] = sum.maximum;
    }
  }
  if (!place.both) return;
  UNROLL
  for (int k = 0; k < 8; k++) {  // its columns
    const int c = anew(warp_column + 8 * (k / 2) + 2 * pair + k % 2), column = place.column + c, r0 = warp_row + group;
    const int own = MASKED && column < columns ? pairs.positive[column] - place.row : -1;
    const PartialSum sum = line_sum<BOUNDED, 4, 16>(
        scale, [&](int i) { return acc[i / 2][k / 2][i % 2 * 2 + k % 2]; },
        [&](int i) { return !MASKED || (r0 + 8 * i < place.down && r0 + 8 * i != own); });
    if (group == 0) {
      sums.column_totals[warp_row / WARP_ROWS][c] = sum.total;
      if (!BOUNDED) sums.column_maxima[warp_row / WARP_ROWS][c] = sum.maximum;
    }
  }
}

// Whether a warp's part of a tile has logits that are left out of a sum. The same for all lanes.
DEVICE bool is_masked(const TilePlace& place, const Pairs& pairs, int rows, int columns, int warp_row, int warp_column) {
  bool found = warp_column + WARP_COLUMNS > place.left || warp_row + WARP_ROWS > place.down;
  const int column0 = place.column + warp_column, row0 = place.row + warp_row;
  UNROLL
  for (int k = 0; k < WARP_ROWS / WARP; k++) {
    const int row = row0 + own_lane() + k * WARP;
    if (row >= rows) continue;
    const int own = pairs.positive[row] - column0, out = pairs.excluded[row] - column0;
    found |= (own >= 0 && own < WARP_COLUMNS) || (out >= 0 && out < WARP_COLUMNS);
  }
  const int column = column0 + own_lane();
  if (place.both && column < columns) {
    const int own = pairs.positive[column] - row0;
    found |= own >= 0 && own < WARP_ROWS;
  }
  return __any_sync(0xffffffffu, found);
}

// Adds up what a tile's warps found for a side, `pieces` numbers for each of `count` rows from `first` on.
DEVICE void add_tile(const PartialSums& sums, const float (*totals)[TILE], const float (*maxima)[TILE], int pieces, bool bounded, int part,
                     int first, int count, bool fresh) {
  for (int r = threadIdx.x; r < count; r += blockDim.x) {
    PartialSum sum = nothing(bounded);
    for (int k = 0; k < pieces; k++) sum = merged(sum, {totals[k][r], bounded ? 0.0f : maxima[k][r]});
    sums.add(part, first + r, sum, fresh);
  }
}

// The parameters of info_nce_forward_mma that stay the same.
struct Forward {
  const float* p;
  const float* z;
  bf16* half_p;
  bf16* half_z;
  int rows, columns, width, padded, strip;
  float inverse_temperature;
  bool bounded, symmetric, raw;
};

// A warp's part of a chunk's product; its rows begin at a and b.
DEVICE void add_chunk(float (&acc)[4][4][4], char* a_chunk, char* b_chunk) {
  const LanePlace a_lane = a_place(own_lane()), b_lane = b_place(own_lane());
  UNROLL
  for (int unit = 0; unit < CHUNK / 8; unit += 2) {
    uint32_t a[4][4], b[2][4];
    UNROLL
    for (int m = 0; m < 4; m++) load_matrices(a[m], operand(a_chunk, a_lane, 16 * m, unit));
    UNROLL
    for (int n = 0; n < 2; n++) load_matrices(b[n], operand(b_chunk, b_lane, 16 * n, unit));
    UNROLL
    for (int m = 0; m < 4; m++) {
      UNROLL
      for (int n = 0; n < 4; n++) add_mma(acc[m][n], a[m], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
    }
  }
}

// Row tile i against the column tiles from j0 to j1. While a chunk is multiplied the next one is copied, be it of the next tile.
DEVICE void run_tiles(const Forward& f, const ForwardEnd& end, char* shared, const TileSums& tile, const float* row_inverse,
                      const float* column_inverse, int i, int j0, int j1) {
  const int chunks = f.padded / CHUNK, warps = full_warps();
  const bool resident = chunks <= RESIDENT;
  char* const b_stages = shared + 2 * STAGE_BYTES;
  const auto start = [&](int j, int chunk, bool first, int stage) {
    char* const a = shared + (resident ? chunk : stage) * STAGE_BYTES;
    char* const b = b_stages + stage * STAGE_BYTES;
    if (f.raw) {
      if (!resident || first) round_chunk(a, f.p, row_inverse, i, f.rows, TILE, f.width, chunk);
      round_chunk(b, f.z, column_inverse, j, f.columns, TILE, f.width, chunk);
    } else {
      if (!resident || first) copy_chunk(a, f.half_p, i, f.rows, TILE, f.padded, chunk);
      copy_chunk(b, f.half_z, j, f.columns, TILE, f.padded, chunk);
    }
    commit_copies();
  };
  __syncthreads();  // the stages may still be read
  start(j0, 0, true, 0);
  int stage = 0;
  for (int j = j0; j < j1; j += TILE) {
    const TilePlace place{i, j, least(f.rows - i, TILE), least(j1 - j, TILE), f.symmetric && i != j};
    for (int first_part = 0; first_part < WARP_TILES; first_part += warps) {  // once, if the block has a warp for each part
      const int part = first_part + own_warp();
      const int warp_row = part / ACROSS * WARP_ROWS, warp_column = part % ACROSS * WARP_COLUMNS;
      const bool busy = own_warp() < warps && part < WARP_TILES;
      float acc[4][4][4] = {};
      for (int chunk = 0; chunk < chunks; chunk++, stage ^= 1) {
        wait_for_copies<0>();
        __syncthreads();
        const bool more_chunks = chunk + 1 < chunks, again = first_part + warps < WARP_TILES;
        if (more_chunks || again || j + TILE < j1)
          start(more_chunks || again ? j : j + TILE, more_chunks ? chunk + 1 : 0, j == j0 && first_part == 0 && more_chunks, stage ^ 1);
        if (busy) {
          add_chunk(acc, shared + (resident ? chunk : stage) * STAGE_BYTES + warp_row * CHUNK_BYTES,
                    b_stages + stage * STAGE_BYTES + warp_column * CHUNK_BYTES);
        }
      }
      if (!busy) continue;
      if (!f.bounded) {
        sum_warp<true, false>(tile, acc, place, end.pairs, f.rows, f.columns, warp_row, warp_column, f.inverse_temperature);
      } else if (is_masked(place, end.pairs, f.rows, f.columns, warp_row, warp_column)) {
        sum_warp<true, true>(tile, acc, place, end.pairs, f.rows, f.columns, warp_row, warp_column, f.inverse_temperature);
      } else {
        sum_warp<false, true>(tile, acc, place, end.pairs, f.rows, f.columns, warp_row, warp_column, f.inverse_temperature);
      }
    }
    __syncthreads();
    const int row_strip = i / f.strip, column_strip = j / f.strip;
    add_tile(end.sums, tile.row_totals, tile.row_maxima, ACROSS, f.bounded, column_strip, i, place.down, j == column_strip * f.strip);
    if (place.both)
      add_tile(end.sums, tile.column_totals, tile.column_maxima, DOWN, f.bounded, row_strip, j, place.left, i == row_strip * f.strip);
  }
}

// As info_nce_forward. half_p [rows, padded] and half_z [columns, padded]: the unit rows in bfloat16, read, or written too if `raw`. A block
// takes neighbouring jobs, and the rows' side stays with it where it fits.
KERNEL_BOUNDED(256, 2, info_nce_forward_mma, float* loss, float* statistics, float* unit_p, float* inverse_p, bf16* half_p, float* unit_z,
               float* inverse_z, bf16* half_z, float* sums, const float* p, const float* z, int* pairs, int rows, int columns, int width,
               int padded, int strip, float inverse_temperature, int bounded, int symmetric, int raw) {
  DYNAMIC_SHARED(char, shared);
  SHARED(float, row_totals, ACROSS * TILE);
  SHARED(float, row_maxima, ACROSS * TILE);
  SHARED(float, column_totals, DOWN * TILE);
  SHARED(float, column_maxima, DOWN * TILE);
  SHARED(float, row_inverse, TILE);
  SHARED(float, column_inverse, TILE);
  SHARED(float, scratch, 32);
  SHARED(int, flag, 1);
  typedef float(*Rows)[TILE];
  const TileSums tile{reinterpret_cast<Rows>(row_totals), reinterpret_cast<Rows>(row_maxima), reinterpret_cast<Rows>(column_totals),
                      reinterpret_cast<Rows>(column_maxima)};
  const Forward f{p, z, half_p, half_z, rows, columns, width, padded, strip, inverse_temperature, bounded != 0, symmetric != 0, raw != 0};
  const ForwardEnd end = forward_end(loss, statistics, sums, p, z, pairs, rows, columns, width, strip, inverse_temperature, bounded, !raw);
  const int64_t jobs = job_count(end.row_strips, end.column_strips, symmetric);
  const int last = static_cast<int>(jobs * (blockIdx.x + 1) / gridDim.x);
  for (int index = static_cast<int>(jobs * blockIdx.x / gridDim.x); index < last;) {
    // As many jobs as share a strip of rows.
    const Job job = job_at(index, end.column_strips, symmetric);
    const int together = least(last - index, end.column_strips - job.column_strip);
    const int row0 = job.row_strip * strip, row1 = least(row0 + strip, rows);
    const int column0 = job.column_strip * strip, column1 = least(column0 + together * strip, columns);
    for (int i = row0; i < row1; i += TILE) {
      const int from = symmetric && i > column0 ? i : column0;
      if (!raw) {
        run_tiles(f, end, shared, tile, row_inverse, column_inverse, i, from, column1);
        continue;
      }
      for (int j = from; j < column1; j += TILE) {
        __syncthreads();  // the inverse norms may still be read
        inverse_norms(row_inverse, p, i, rows, TILE, width, false);
        inverse_norms(column_inverse, z, j, columns, TILE, width, false);
        __syncthreads();
        if (symmetric ? i == j : j == 0) write_units(unit_p, inverse_p, half_p, row_inverse, p, i, rows, TILE, width, padded);
        if (!symmetric && i == 0) write_units(unit_z, inverse_z, half_z, column_inverse, z, j, columns, TILE, width, padded);
        run_tiles(f, end, shared, tile, row_inverse, column_inverse, i, j, least(j + TILE, column1));
      }
    }
    end.strip_done(job.row_strip, together, scratch, flag);
    for (int k = 0; k < together; k++)
      if (symmetric && job.column_strip + k != job.row_strip) end.strip_done(job.column_strip + k, 1, scratch, flag);
    index += together;
  }
}
#endif
