// What the forms of InfoNCE (see info_nce.cu for the maths) have in common: who is whose positive, sums of exponentials that meet in a fixed
// order, and the last steps of loss and gradient, which the block takes that comes last.
#pragma once

#include "target.cuh"

// The logit of what is left out of a sum: its exponential is 0 beside any other.
constexpr float kLeftOut = -1e30f;

DEVICE int least(int a, int b) { return a < b ? a : b; }

// A table that the loss writes once; see io.github.vicmae.kernel.contrastive.InfoNcePairs. Counters are 0 between launches.
struct Pairs {
  const int* positive;  // [rows] the column of each row's positive
  const int* excluded;  // [rows] the column that each row's sum leaves out, or -1
  const int* first;     // [columns + 1] column j is the positive of the rows row_of[first[j]] to row_of[first[j + 1] - 1]
  const int* row_of;    // [rows]
  unsigned* counters;
};

DEVICE Pairs pairs_in(int* table, int rows, int columns) {
  int* const first = table + 2 * static_cast<int64_t>(rows);
  int* const row_of = first + columns + 1;
  return {table, table + rows, first, row_of, reinterpret_cast<unsigned*>(row_of + rows)};
}

// What the forward pass leaves of each row for the backward pass, [3, rows]: lse; the share of exp(lse) that all but the positive have; and,
// where logits are bounded, exp(-lse).
struct Statistics {
  float* lse;
  float* others;
  float* inverse_sum;
};

DEVICE Statistics statistics_in(float* table, int rows) { return {table, table + rows, table + 2 * static_cast<int64_t>(rows)}; }

// total * e^maximum. Where logits are bounded the maximum is always 0.
struct PartialSum {
  float total, maximum;
};

DEVICE PartialSum nothing(bool bounded) { return {0, bounded ? 0.0f : kLeftOut}; }

DEVICE PartialSum merged(PartialSum a, PartialSum b) {
  const float m = fmaxf(a.maximum, b.maximum);
  return {a.total * exp_f(a.maximum - m) + b.total * exp_f(b.maximum - m), m};
}

// Partial sums in memory: part k of row r at [k * rows + r] of totals, and of maxima.
struct PartialSums {
  float* totals;
  float* maxima;
  int rows;
  MEMBER PartialSum at(int part, int row) const {
    const int64_t i = static_cast<int64_t>(part) * rows + row;
    return {totals[i], maxima[i]};
  }
  MEMBER void add(int part, int row, PartialSum sum, bool first) const {
    const PartialSum now = first ? sum : merged(at(part, row), sum);
    const int64_t i = static_cast<int64_t>(part) * rows + row;
    totals[i] = now.total;
    maxima[i] = now.maximum;
  }
};

// ---- the last of several blocks (CUDA C++ Programming Guide, "Memory fence functions") -----------------------------------------------

// Adds `arriving` to a counter that is 0 before the first and after the last arrival; returns whether that makes `count`. Then what the blocks
// that arrived before wrote can be read. For all threads of a block; flag: shared.
DEVICE bool last_to_come(unsigned* counter, int count, int arriving, int* flag) {
  __syncthreads();
  if (threadIdx.x == 0) {
    const unsigned added = static_cast<unsigned>(arriving), all = static_cast<unsigned>(count);
#if WARP > 1
    __threadfence();
    flag[0] = atomicAdd(counter, added) + added == all;
    __threadfence();
    if (flag[0]) atomicExch(counter, 0u);
#else
    flag[0] = __atomic_add_fetch(counter, added, __ATOMIC_ACQ_REL) == all;
    if (flag[0]) __atomic_store_n(counter, 0u, __ATOMIC_RELAXED);
#endif
  }
  __syncthreads();
  return flag[0] != 0;
}

// ---- jobs: pairs of a strip of rows and a strip of columns ---------------------------------------------------------------------------

struct Job {
  int row_strip, column_strip;
};

// In the symmetric form a pair and its mirror image are one job.
DEVICE int job_count(int row_strips, int column_strips, bool symmetric) {
  return symmetric ? row_strips * (row_strips + 1) / 2 : row_strips * column_strips;
}

DEVICE Job job_at(int index, int column_strips, bool symmetric) {
  if (!symmetric) return {index / column_strips, index % column_strips};
  int row = 0;
  for (; index >= column_strips - row; row++) index -= column_strips - row;
  return {row, row + index};
}

// ---- normalisation -------------------------------------------------------------------------------------------------------------------

// How much of a row a warp sums up before the sum is added to the row's: no lane adds up more than 32 terms in one chain, which would lose
// digits, also where a block ends with a warp of one lane. A whole warp takes the widest row at once; the CPU's loops are vectorised.
DEVICE int chain_of(int width) { return WARP == 1 ? width : 32 * warp_lanes(); }

DEVICE float inverse_norm_of(float squares) {
  const float norm = sqrtf(squares);
  return 1.0f / (norm < 1e-12f ? 1e-12f : norm);
}

// inverse[r] = 1 / |x's row first + r|, or 1 where rows are unit rows already, for r < tile; 0 beyond the last row. inverse: shared.
DEVICE void inverse_norms(float* inverse, const float* x, int first, int count, int tile, int width, bool unit) {
  for (int r = first_warp(); r < tile; r += warps()) {
    float squares = 0;
    if (first + r < count && !unit) {
      const float* const row = x + static_cast<int64_t>(first + r) * width;
      for (int begin = 0; begin < width; begin += chain_of(width)) {
        const int end = least(begin + chain_of(width), width);
        float sum = 0;
        SIMD_SUM(sum)
        for (int i = begin + first_lane(); i < end; i += warp_lanes()) sum += row[i] * row[i];
        squares += sum;
      }
    }
    squares = warp_sum(squares);
    if (first_lane() == 0) inverse[r] = first + r >= count ? 0.0f : unit ? 1.0f : inverse_norm_of(squares);
  }
}

// Writes the unit rows of x from `first` on, at most `tile` of them, with their inverse norms; and rounded, `padded` elements a row with zeros
// behind, if half is not null.
DEVICE void write_units(float* unit, float* inverse_norm, [[maybe_unused]] bf16* half, const float* inverse, const float* x, int first,
                        int count, int tile, int width, [[maybe_unused]] int padded) {
  for (int r = first_warp(); r < tile && first + r < count; r += warps()) {
    const int64_t row = first + r;
    SIMD
    for (int i = first_lane(); i < width; i += warp_lanes()) unit[row * width + i] = x[row * width + i] * inverse[r];
    if (first_lane() == 0) inverse_norm[row] = inverse[r];
    if (half != nullptr) {
      for (int i = first_lane(); i < padded; i += warp_lanes()) half[row * padded + i] = i < width ? x[row * width + i] * inverse[r] : 0.0f;
    }
  }
}

// ---- the loss ------------------------------------------------------------------------------------------------------------------------

// Statistics and losses of the rows [first, end) from their partial sums, all but the positive's; the positive's logit is taken here, in
// float. p, z: unit rows, or rows as they come if `unit` is not set.
DEVICE void finish_rows(const Statistics& statistics, float* row_loss, const PartialSums& sums, int parts, const float* p, const float* z,
                        const Pairs& pairs, int first, int end, int width, float inverse_temperature, bool bounded, bool unit) {
  for (int row = first + first_warp(); row < end; row += warps()) {
    const int own = pairs.positive[row];
    const float* const a = p + static_cast<int64_t>(row) * width;
    const float* const b = z + static_cast<int64_t>(own) * width;
    float dot = 0, aa = 0, bb = 0;
    for (int begin = 0; begin < width; begin += chain_of(width)) {
      const int until = least(begin + chain_of(width), width);
      float ab_sum = 0, aa_sum = 0, bb_sum = 0;
      SIMD_SUM(ab_sum, aa_sum, bb_sum)
      for (int i = begin + first_lane(); i < until; i += warp_lanes()) {
        ab_sum += a[i] * b[i];
        aa_sum += a[i] * a[i];
        bb_sum += b[i] * b[i];
      }
      dot += ab_sum;
      aa += aa_sum;
      bb += bb_sum;
    }
    dot = warp_sum(dot);
    if (!unit) dot *= inverse_norm_of(warp_sum(aa)) * inverse_norm_of(warp_sum(bb));
    const float logit = dot * inverse_temperature;
    PartialSum sum = nothing(bounded);
    for (int k = first_lane(); k < parts; k += warp_lanes()) sum = merged(sum, sums.at(k, row));
    // A positive may itself be left out of the sum.
    const bool counts = own != pairs.excluded[row];
    const float maximum = warp_max(sum.maximum), m = counts ? fmaxf(maximum, logit) : maximum;
    const float others = warp_sum(sum.total * exp_f(sum.maximum - m));
    if (first_lane() == 0) {
      const float e = counts ? exp_f(logit - m) : 0.0f, total = others + e;
      const float lse = m + logf(total);
      statistics.lse[row] = lse;
      statistics.others[row] = others / total;
      statistics.inverse_sum[row] = bounded ? exp_f(-m) / total : 0.0f;
      // log(1 + the others' share over its own) keeps its digits where the positive has nearly all.
      row_loss[row] = others <= e ? log1pf(others / e) : lse - logit;
    }
  }
}

// loss = the mean of row_loss [rows], by the block that comes last of all `strips`: each leaves its strip's sum in strip_loss.
DEVICE void finish_loss(float* loss, float* strip_loss, const float* row_loss, int strip, int strips, int first, int end, int rows,
                        unsigned* counter, float* scratch, int* flag) {
  __syncthreads();
  float sum = 0;
  SIMD_SUM(sum)
  for (int i = first + threadIdx.x; i < end; i += blockDim.x) sum += row_loss[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) strip_loss[strip] = sum;
  if (last_to_come(counter, strips, 1, flag) && threadIdx.x == 0) {
    double total = 0;
    for (int i = 0; i < strips; i++) total += strip_loss[i];
    loss[0] = static_cast<float>(total / rows);
  }
}

// What the forward kernels end with: a strip's rows, and with the last strip the loss.
struct ForwardEnd {
  float* loss;
  float* row_loss;    // [rows]
  float* strip_loss;  // [strips]
  Statistics statistics;
  PartialSums sums;
  Pairs pairs;
  const float* p;
  const float* z;
  int rows, width, strip, row_strips, column_strips;
  float inverse_temperature;
  bool bounded, unit;

  // For all threads of a block that is done with `jobs` of those that strip s waits for, one with each strip of columns.
  MEMBER void strip_done(int s, int jobs, float* scratch, int* flag) const {
    if (!last_to_come(pairs.counters + s, column_strips, jobs, flag)) return;  // the same for all threads
    const int first = s * strip, end = least(first + strip, rows);
    finish_rows(statistics, row_loss, sums, column_strips, p, z, pairs, first, end, width, inverse_temperature, bounded, unit);
    finish_loss(loss, strip_loss, row_loss, s, row_strips, first, end, rows, pairs.counters + row_strips, scratch, flag);
  }
};

DEVICE ForwardEnd forward_end(float* loss, float* statistics, float* sums, const float* p, const float* z, int* pairs, int rows,
                              int columns, int width, int strip, float inverse_temperature, bool bounded, bool unit) {
  const int row_strips = (rows + strip - 1) / strip, column_strips = (columns + strip - 1) / strip;
  const int64_t all = static_cast<int64_t>(column_strips) * rows;
  float* const row_loss = sums + 2 * all;
  return {loss,  row_loss, row_loss + rows, statistics_in(statistics, rows), {sums, sums + all, rows}, pairs_in(pairs, rows, columns), p,
          z,     rows,     width,           strip,                           row_strips,               column_strips,
          inverse_temperature, bounded,  unit};
}

// ---- the gradient --------------------------------------------------------------------------------------------------------------------

// Whose gradient is taken. A pass has an outer side, whose gradient it is, and an inner side, whose rows are added up.
constexpr int kByRows = 0, kByColumns = 1, kSymmetric = 2;

struct Side {
  float* dx;                  // [count, width]
  float* acc;                 // [parts, count, stride] sums of coefficient times inner unit row
  const float* unit;          // [count, width]
  const float* other;         // the inner side's unit rows
  const float* inverse_norm;  // [count]
  unsigned* counters;         // one for each tile of rows
  int count, inner, parts, pass;
};

// The passes of one launch: by rows and by columns, or the symmetric one alone (columns == rows then). tile: rows of a job.
DEVICE Side side_at(int index, bool symmetric, float* dx, float* dz, float* acc, const float* p, const float* z, const float* inverse_p,
                    const float* inverse_z, const Pairs& pairs, int rows, int columns, int stride, int row_parts, int column_parts,
                    int tile) {
  if (symmetric) return {dx, acc, p, p, inverse_p, pairs.counters, rows, rows, row_parts, kSymmetric};
  if (index == 0) return {dx, acc, p, z, inverse_p, pairs.counters, rows, columns, row_parts, kByRows};
  float* const behind = acc + static_cast<int64_t>(row_parts) * rows * stride;
  unsigned* const counters = pairs.counters + (rows + tile - 1) / tile;
  return {dz, behind, z, p, inverse_z, counters, columns, rows, column_parts, kByColumns};
}

// d += factor * row, or = where it is the first.
DEVICE void add_row(float* d, const float* row, float factor, int width) {
  SIMD
  for (int i = first_lane(); i < width; i += warp_lanes()) d[i] += factor * row[i];
}

// dx = scale * inverse_norm * (du - (du . u) u) for the rows [first, end): du is the sum of acc's parts, and, in float, the positives' terms:
// minus the others' share times the positive's unit row for the row itself, and times the unit row of each row whose positive it is. acc's
// first part is overwritten.
DEVICE void finish_gradient(const Side& side, const Pairs& pairs, const float* others, int first, int end, int width, int stride,
                            float scale) {
  for (int row = first + first_warp(); row < end; row += warps()) {
    float* const d = side.acc + static_cast<int64_t>(row) * stride;
    for (int k = 1; k < side.parts; k++) add_row(d, d + static_cast<int64_t>(k) * side.count * stride, 1, width);
    if (side.pass != kByColumns) add_row(d, side.other + static_cast<int64_t>(pairs.positive[row]) * width, -others[row], width);
    if (side.pass != kByRows) {
      for (int i = pairs.first[row]; i < pairs.first[row + 1]; i++) {
        const int from = pairs.row_of[i];
        add_row(d, side.other + static_cast<int64_t>(from) * width, -others[from], width);
      }
    }
    const float* const u = side.unit + static_cast<int64_t>(row) * width;
    float* const dx = side.dx + static_cast<int64_t>(row) * width;
    float dot = 0;
    SIMD_SUM(dot)
    for (int i = first_lane(); i < width; i += warp_lanes()) dot += d[i] * u[i];
    dot = warp_sum(dot);
    const float factor = scale * side.inverse_norm[row];
    SIMD
    for (int i = first_lane(); i < width; i += warp_lanes()) dx[i] = factor * (d[i] - dot * u[i]);
  }
}
