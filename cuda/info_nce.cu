// InfoNCE (van den Oord et al. 2018) over unit rows p [R, D] and unit columns z [K, D], without ever holding R x K logits:
//   s_ij = p_i . z_j / tau,   lse_i = log sum_{j != excluded_i} exp(s_ij),   loss = mean_i (lse_i - s_i,positive(i)).
// Its gradients, with w the loss's weight and e_ij = exp(s_ij - lse_i), or 0 for the excluded column:
//   dp_i = w / (R tau) sum_j (e_ij - [j = positive(i)]) z_j,   dz_j = w / (R tau) sum_i (e_ij - [j = positive(i)]) p_i.
// In the symmetric form (SimCLR; Chen et al. 2020) p is z and a row excludes itself. Then s is symmetric, the sums need its upper triangle
// alone, and   dp_i = w / (R tau) sum_j (e_ij + e_ji - [j = positive(i)] - [i = positive(j)]) z_j   takes one pass instead of two.
// The gradient before the L2 normalisation u = x / |x| is dx = (du - (du . u) u) / |x|. Everything is written (`=`).
//
// In units of the product of all logits, 2 R K D operations: the symmetric form takes 0.5 forward and 2 backward, the other 1 and 4.
//
// The positive is left out of every sum and every product, and comes in at the end: its coefficient e - 1 is minus the sum of all other e
// of its row, and its row's loss log(1 + the other terms / its own). Written so, both keep their digits when e is close to 1.
//
// Unit rows bound the logits by 1 / tau: down to tau = 0.02 sums of exp(s) neither overflow nor vanish in fp32 and need no running maximum.
// Below that (`bounded` = 0) one is kept. Partial sums meet in a fixed order, wherever the block runs that comes last and adds them up.
//
// This is the form in floats, for every device: the exact one on a GPU, and what the CPU runs where it has no library for matrix products.
#include "info_nce.cuh"
#include "micro_tile.cuh"

// A block brings the products of TILE rows and TILE columns to shared memory; its threads hold micro-tiles of them in registers.
#if WARP == 1
constexpr int MICRO_ROWS = 6, MICRO_COLS = 2, TILE = 96, DEPTH = 48, COLUMN_PARTS = 1;
#else
constexpr int MICRO_ROWS = 8, MICRO_COLS = 2, TILE = 128, DEPTH = 16, COLUMN_PARTS = 8;
#endif
// How many terms of a dot product are added up in one chain; the chains' sums are then added. A single chain over 1024 dimensions
// errs by 6e-7 of the cosine (one standard deviation), and the logit is the cosine / tau.
constexpr int CHAIN = (128 + DEPTH - 1) / DEPTH * DEPTH;
constexpr int ROW_MICROS = TILE / MICRO_ROWS, COL_MICROS = TILE / (MICRO_COLS * LANES), MICROS = ROW_MICROS * COL_MICROS;
// Micro-tiles that a thread holds at once: on the CPU the only thread holds the whole tile.
constexpr int HELD = WARP == 1 ? MICROS : 1;
// Rows in shared memory are a little longer than they need be, so that neighbouring rows start in other banks.
constexpr int ROW = TILE + (WARP == 1 ? 0 : 4);

typedef MicroTile<MICRO_ROWS, MICRO_COLS> Micro;

// Where a micro-tile lies in its tile: its first row, and the first column of group g.
DEVICE int micro_row(int micro) { return micro / COL_MICROS * MICRO_ROWS; }
DEVICE int micro_column(int micro, int g) { return (micro % COL_MICROS + g * COL_MICROS) * LANES; }

// What a block knows of one side of its tile, in shared memory: a weight for each of its rows, and where in the other side's tile the row's
// positive and its excluded column are (nowhere: any other number).
struct TileSide {
  float* weight;
  int* own;
  int* out;
};

// A block's shared memory, as many bytes as io.github.vicmae.kernel.contrastive.InfoNceTiles asks for.
struct Tile {
  TileSide rows, columns;
  float* a;  // [DEPTH][ROW] of a product
  float* b;
  float* s;                // [TILE][ROW] the product, and what is made of it
  float* column_totals;    // [COLUMN_PARTS][TILE]
  float* column_maxima;
};

DEVICE Tile tile_in(float* memory) {
  int* const numbers = reinterpret_cast<int*>(memory + 2 * TILE);
  float* const a = memory + 6 * TILE;
  float* const s = a + 2 * DEPTH * ROW;
  float* const totals = s + TILE * ROW;
  return {{memory, numbers, numbers + TILE},
          {memory + TILE, numbers + 2 * TILE, numbers + 3 * TILE},
          a,
          a + DEPTH * ROW,
          s,
          totals,
          totals + COLUMN_PARTS * TILE};
}

// For a side whose rows have positives: those from `first` on, their partners counted from `start` on.
DEVICE void find_partners(const TileSide& side, const Pairs& pairs, int first, int count, int start) {
  for (int r = threadIdx.x; r < TILE; r += blockDim.x) {
    const bool inside = first + r < count;
    side.own[r] = inside ? pairs.positive[first + r] - start : -1;
    side.out[r] = inside ? pairs.excluded[first + r] - start : -1;
  }
}

// Calls body(held, micro) for the micro-tiles that this thread holds and that begin within [rows, columns].
template <class Body>
DEVICE void for_held(Micro (&held)[HELD], int begin, int rows, int columns, Body body) {
  for (int h = 0; h < HELD; h++) {
    const int micro = begin + h * blockDim.x + threadIdx.x;
    if (micro < MICROS && micro_row(micro) < rows && micro_column(micro, 0) < columns) body(held[h], micro);
  }
}

// s = the product of `rows` rows of a and `columns` rows of b, each `width` floats, rounded up to whole micro-tiles. Threads may read each
// other's part after a barrier.
DEVICE void tile_product(const Tile& tile, const float* a, int rows, const float* b, int columns, int width) {
  for (int begin = 0; begin < MICROS; begin += HELD * blockDim.x) {
    Micro held[HELD];
    for (int h = 0; h < HELD; h++) clear(held[h]);
    for (int k = 0; k < width; k += DEPTH) {
      const int depth = least(width - k, DEPTH);
      __syncthreads();  // the stage may still be read, and s from the tile before
      stage_columns(tile.a, ROW, TILE, DEPTH, a + k, width, rows, depth);
      stage_columns(tile.b, ROW, TILE, DEPTH, b + k, width, columns, depth);
      __syncthreads();
      for_held(held, begin, rows, columns, [&](Micro& sum, int micro) {
        add_product(sum, tile.a + micro_row(micro), 1, ROW, tile.b + micro_column(micro, 0), ROW, COL_MICROS * LANES, DEPTH);
      });
      const int done = k + DEPTH;
      if (done % CHAIN != 0 && done < width) continue;
      for_held(held, begin, rows, columns, [&](Micro& sum, int micro) {
        UNROLL
        for (int r = 0; r < MICRO_ROWS; r++) {
          UNROLL
          for (int g = 0; g < MICRO_COLS; g++) {
            float* const s = tile.s + (micro_row(micro) + r) * ROW + micro_column(micro, g);
            store_aligned(s, done <= CHAIN ? sum.at[r][g] : load_aligned(s) + sum.at[r][g]);
          }
        }
        clear(sum);
      });
    }
  }
}

// v, with `other` in lane `a`, in lane `b` and from lane `end` on.
DEVICE Lanes without(Lanes v, int a, int b, int end, float other) {
#if WARP > 1
  UNROLL
  for (int i = 0; i < LANES; i++) v.at[i] = i == a || i == b || i >= end ? other : v.at[i];
  return v;
#else
  LaneIndices index;
  UNROLL
  for (int i = 0; i < LANES; i++) index[i] = i;
  return ((index == a) | (index == b) | (index >= end)) ? Lanes{} + other : v;
#endif
}

// v, with `other` in the lanes i where a[i] or b[i] is `row`.
DEVICE Lanes without_row(Lanes v, const int* a, const int* b, int row, float other) {
#if WARP > 1
  UNROLL
  for (int i = 0; i < LANES; i++) v.at[i] = a[i] == row || b[i] == row ? other : v.at[i];
  return v;
#else
  LaneIndices as, bs;
  __builtin_memcpy(&as, a, sizeof as);
  __builtin_memcpy(&bs, b, sizeof bs);
  return ((as == row) | (bs == row)) ? Lanes{} + other : v;
#endif
}

// ---- normalisation -------------------------------------------------------------------------------------------------------------------

constexpr int ROWS_AT_ONCE = 8;

// unit = x / max(|x|, 1e-12) [rows, width], inverse_norm [rows]; half [rows, padded] the same rounded with zeros behind, unless it is null.
KERNEL(info_nce_normalize, float* unit, float* inverse_norm, bf16* half, const float* x, int rows, int width, int padded) {
  SHARED(float, inverse, ROWS_AT_ONCE);
  for (int first = blockIdx.x * ROWS_AT_ONCE; first < rows; first += gridDim.x * ROWS_AT_ONCE) {
    __syncthreads();  // the rows before may still be scaled
    inverse_norms(inverse, x, first, rows, ROWS_AT_ONCE, width, false);
    __syncthreads();
    write_units(unit, inverse_norm, half, inverse, x, first, rows, ROWS_AT_ONCE, width, padded);
  }
}

// ---- forward -------------------------------------------------------------------------------------------------------------------------

// Adds the sums of exp(s - maximum) along the tile's rows to part `part` of rows from `first` on. Where logits are bounded s becomes exp(s).
DEVICE void sum_rows(const Tile& tile, int rows, int columns, float inverse_temperature, bool bounded, const PartialSums& sums, int part,
                     int first, bool fresh) {
  for (int r = first_warp(); r < rows; r += warps()) {
    float* const s = tile.s + r * ROW;
    const float scale = inverse_temperature * tile.rows.weight[r];
    const int own = tile.rows.own[r], out = tile.rows.out[r];
    float maximum = 0;
    if (!bounded) {
      Lanes high = all_lanes(kLeftOut);
      for (int c = first_lane() * LANES; c < columns; c += warp_lanes() * LANES) {
        const Lanes v = scale * (load_aligned(s + c) * load_aligned(tile.columns.weight + c));
        high = max_lanes(high, without(v, own - c, out - c, columns - c, kLeftOut));
      }
      maximum = warp_max(max_of(high));
    }
    Lanes total{};
    for (int c = first_lane() * LANES; c < columns; c += warp_lanes() * LANES) {
      const Lanes v = scale * (load_aligned(s + c) * load_aligned(tile.columns.weight + c));
      const Lanes e = exp_lanes(v - maximum);
      if (bounded) store_aligned(s + c, e);
      total = total + without(e, own - c, out - c, columns - c, 0);
    }
    const float sum = warp_sum(sum_of(total));
    if (first_lane() == 0) sums.add(part, first + r, {sum, maximum}, fresh);
  }
}

// The same along its columns, COLUMN_PARTS pieces of each at once. Where logits are bounded s is exp(s) already.
DEVICE void sum_columns(const Tile& tile, int rows, int columns, float inverse_temperature, bool bounded, const PartialSums& sums, int part,
                        int first, bool fresh) {
  constexpr int kGroups = TILE / LANES, kPiece = TILE / COLUMN_PARTS;
  for (int item = threadIdx.x; item < kGroups * COLUMN_PARTS; item += blockDim.x) {
    const int c = item % kGroups * LANES, piece = item / kGroups, end = least(piece * kPiece + kPiece, rows);
    if (c >= columns) continue;
    const int* const own = tile.columns.own + c;
    const Lanes scale = inverse_temperature * load_aligned(tile.columns.weight + c);
    Lanes maximum = all_lanes(bounded ? 0.0f : kLeftOut), total{};
    for (int r = piece * kPiece; r < end && !bounded; r++) {
      const Lanes v = scale * (tile.rows.weight[r] * load_aligned(tile.s + r * ROW + c));
      maximum = max_lanes(maximum, without_row(v, own, own, r, kLeftOut));
    }
    for (int r = piece * kPiece; r < end; r++) {
      const Lanes s = load_aligned(tile.s + r * ROW + c);
      const Lanes e = bounded ? s : exp_lanes(scale * (tile.rows.weight[r] * s) - maximum);
      total = total + without_row(e, own, own, r, 0);
    }
    store_aligned(tile.column_totals + piece * TILE + c, total);
    store_aligned(tile.column_maxima + piece * TILE + c, maximum);
  }
  __syncthreads();
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    PartialSum sum = nothing(bounded);
    for (int k = 0; k < COLUMN_PARTS; k++) sum = merged(sum, {tile.column_totals[k * TILE + c], tile.column_maxima[k * TILE + c]});
    sums.add(part, first + c, sum, fresh);
  }
}

// loss [1], statistics [3, rows]; p [rows, width] and z [columns, width]: unit rows or, if `raw`, rows as they come, and then unit_p, unit_z
// and their inverse norms are written too. sums: scratch, see InfoNceTiles. A job takes `strip` rows and columns, a multiple of TILE; in the
// symmetric form (z is p) those of the upper triangle, from tiles off the diagonal the sums of their columns as well.
KERNEL(info_nce_forward, float* loss, float* statistics, float* unit_p, float* inverse_p, float* unit_z, float* inverse_z,
               float* sums, const float* p, const float* z, int* pairs, int rows, int columns, int width, int strip,
               float inverse_temperature, int bounded, int symmetric, int raw) {
  DYNAMIC_SHARED(float, shared);
  SHARED(float, scratch, 32);
  SHARED(int, flag, 1);
  const Tile tile = tile_in(shared);
  const ForwardEnd end = forward_end(loss, statistics, sums, p, z, pairs, rows, columns, width, strip, inverse_temperature, bounded, !raw);
  const int jobs = job_count(end.row_strips, end.column_strips, symmetric);
  for (int index = blockIdx.x; index < jobs; index += gridDim.x) {
    const Job job = job_at(index, end.column_strips, symmetric);
    const int row0 = job.row_strip * strip, row1 = least(row0 + strip, rows);
    const int column0 = job.column_strip * strip, column1 = least(column0 + strip, columns);
    const bool diagonal = symmetric && row0 == column0;
    for (int i = row0; i < row1; i += TILE) {
      for (int j = diagonal ? i : column0; j < column1; j += TILE) {
        const int down = least(row1 - i, TILE), across = least(column1 - j, TILE);
        __syncthreads();  // what is known of the tile before may still be read
        inverse_norms(tile.rows.weight, p, i, rows, TILE, width, !raw);
        inverse_norms(tile.columns.weight, z, j, columns, TILE, width, !raw);
        find_partners(tile.rows, end.pairs, i, rows, j);
        if (symmetric) find_partners(tile.columns, end.pairs, j, columns, i);
        tile_product(tile, p + static_cast<int64_t>(i) * width, down, z + static_cast<int64_t>(j) * width, across, width);
        __syncthreads();
        if (raw && (symmetric ? i == j : j == 0)) write_units(unit_p, inverse_p, nullptr, tile.rows.weight, p, i, rows, TILE, width, 0);
        if (raw && !symmetric && i == 0)
          write_units(unit_z, inverse_z, nullptr, tile.columns.weight, z, j, columns, TILE, width, 0);
        // Bounded logits become exponentials in the pass along rows; others are needed as they are along columns.
        if (bounded) sum_rows(tile, down, across, inverse_temperature, true, end.sums, job.column_strip, i, j == column0);
        if (bounded) __syncthreads();
        if (symmetric && i != j)
          sum_columns(tile, down, across, inverse_temperature, bounded, end.sums, job.row_strip, j, i == row0);
        if (!bounded) sum_rows(tile, down, across, inverse_temperature, false, end.sums, job.column_strip, i, j == column0);
      }
    }
    end.strip_done(job.row_strip, 1, scratch, flag);
    if (symmetric && !diagonal) end.strip_done(job.column_strip, 1, scratch, flag);
  }
}

// ---- backward ------------------------------------------------------------------------------------------------------------------------

// For a side whose rows have positives: its partners, and lse or exp(-lse) as the weights.
DEVICE void find_weights(const TileSide& side, const Pairs& pairs, const float* weights, int first, int count, int start) {
  find_partners(side, pairs, first, count, start);
  for (int r = threadIdx.x; r < TILE; r += blockDim.x) side.weight[r] = first + r < count ? weights[first + r] : 0.0f;
}

// Puts coefficients in the place of s: the row's e and the column's e, as the pass has them.
DEVICE void put_coefficients(const Tile& tile, int rows, int columns, float inverse_temperature, bool bounded, int pass) {
  for (int r = first_warp(); r < rows; r += warps()) {
    float* const s = tile.s + r * ROW;
    for (int c = first_lane() * LANES; c < columns; c += warp_lanes() * LANES) {
      const Lanes v = inverse_temperature * load_aligned(s + c);
      const Lanes e = bounded ? exp_lanes(v) : v;
      Lanes sum{};
      if (pass != kByColumns) {
        const float weight = tile.rows.weight[r];
        sum = without(bounded ? weight * e : exp_lanes(v - weight), tile.rows.own[r] - c, tile.rows.out[r] - c, columns - c, 0);
      }
      if (pass != kByRows) {
        const Lanes weight = load_aligned(tile.columns.weight + c);
        sum = sum + without_row(bounded ? weight * e : exp_lanes(v - weight), tile.columns.own + c, tile.columns.out + c, r, 0);
      }
      store_aligned(s + c, sum);
    }
  }
}

// acc [rows, stride] = or += s [rows, columns] times `columns` rows of b. The same thread touches the same elements of acc at every call.
DEVICE void add_tile_product(float* acc, int stride, bool first, const Tile& tile, int rows, const float* b, int columns, int width) {
  for (int d = 0; d < width; d += TILE) {
    const int length = least(width - d, TILE);
    for (int begin = 0; begin < MICROS; begin += HELD * blockDim.x) {
      Micro held[HELD];
      for (int h = 0; h < HELD; h++) clear(held[h]);
      for (int k = 0; k < columns; k += DEPTH) {
        const int depth = least(columns - k, DEPTH);
        __syncthreads();  // the stage may still be read; s is written
        stage_rows(tile.b, ROW, depth, TILE, b + static_cast<int64_t>(k) * width + d, width, depth, length);
        __syncthreads();
        for_held(held, begin, rows, length, [&](Micro& sum, int micro) {
          add_product(sum, tile.s + micro_row(micro) * ROW + k, ROW, 1, tile.b + micro_column(micro, 0), ROW, COL_MICROS * LANES, depth);
        });
      }
      for_held(held, begin, rows, length, [&](Micro& sum, int micro) {
        UNROLL
        for (int r = 0; r < MICRO_ROWS; r++) {
          UNROLL
          for (int g = 0; g < MICRO_COLS; g++) {
            const int row = micro_row(micro) + r, left = length - micro_column(micro, g);
            if (row >= rows || left <= 0) continue;
            float* const to = acc + static_cast<int64_t>(row) * stride + d + micro_column(micro, g);
            store_lanes(to, first ? sum.at[r][g] : sum.at[r][g] + load_lanes(to, left), left);
          }
        }
      });
    }
  }
}

// dx [rows, width] and, if not symmetric, dz [columns, width]: a job takes a tile of one of them and every parts-th tile of the other side.
// acc: scratch, [row_parts, rows, stride] and behind that [column_parts, columns, stride]. p, z, inverse_p, inverse_z and statistics as the
// forward kernel left them; weight [1]; scale: 1 / (rows * temperature).
KERNEL(info_nce_gradient, float* dx, float* dz, float* acc, const float* p, const float* z, const float* inverse_p,
               const float* inverse_z, float* statistics, const float* weight, int* pairs, int rows, int columns, int width, int stride,
               int row_parts, int column_parts, float inverse_temperature, float scale, int bounded, int symmetric) {
  DYNAMIC_SHARED(float, shared);
  SHARED(int, flag, 1);
  const Tile tile = tile_in(shared);
  const Pairs table = pairs_in(pairs, rows, columns);
  const Statistics known = statistics_in(statistics, rows);
  const float* const weights = bounded ? known.inverse_sum : known.lse;
  const int row_jobs = (rows + TILE - 1) / TILE * row_parts;
  const int jobs = row_jobs + (symmetric ? 0 : (columns + TILE - 1) / TILE * column_parts);
  for (int index = blockIdx.x; index < jobs; index += gridDim.x) {
    const Side side = side_at(index < row_jobs ? 0 : 1, symmetric, dx, dz, acc, p, z, inverse_p, inverse_z, table, rows, columns, stride,
                              row_parts, column_parts, TILE);
    const int job = index < row_jobs ? index : index - row_jobs;
    const int part = job % side.parts, i = job / side.parts * TILE, down = least(side.count - i, TILE);
    float* const to = side.acc + (static_cast<int64_t>(part) * side.count + i) * stride;
    for (int j = part * TILE; j < side.inner; j += side.parts * TILE) {
      const int across = least(side.inner - j, TILE);
      __syncthreads();  // what is known of the tile before may still be read
      if (side.pass != kByColumns) find_weights(tile.rows, table, weights, i, side.count, j);
      if (side.pass != kByRows) find_weights(tile.columns, table, weights, j, side.inner, i);
      const float* const inner = side.other + static_cast<int64_t>(j) * width;
      tile_product(tile, side.unit + static_cast<int64_t>(i) * width, down, inner, across, width);
      __syncthreads();
      put_coefficients(tile, down, across, inverse_temperature, bounded, side.pass);
      add_tile_product(to, stride, j == part * TILE, tile, down, inner, across, width);
    }
    if (last_to_come(side.counters + i / TILE, side.parts, 1, flag))
      finish_gradient(side, table, known.others, i, i + down, width, stride, weight[0] * scale);
  }
}
