// InfoNCE (see info_nce.cu for the maths) where a library multiplies matrices: the CPU. Logits come a panel at a time, [down, across] of
// them in scratch of a fixed size; these kernels take sums of a panel, and turn it into coefficients, which the library multiplies with unit
// rows on either side. So a panel's logits are taken once forward and once backward, and in the symmetric form only those of the upper
// triangle: 0.5 forward and 1.5 backward in units of the product of all logits, the other form 1 and 3.
//
// Where a positive or an excluded column is, a panel gets the value kLeftOut, whose exponential is 0: the loops need no masks.
#include "info_nce.cuh"

#if WARP == 1
// Columns that one block sums up: their partial sums stay in registers.
constexpr int STRIPE = 64, GROUPS = STRIPE / LANES;

DEVICE PartialSum single(float logit, bool bounded) {
  return bounded ? PartialSum{exp_f(logit), 0.0f} : PartialSum{1.0f, logit};
}

// A stripe of a panel's logits: element (r, c) at s[r * row + c].
struct Stripe {
  float* s;
  int row, down, width;
};

DEVICE Lanes logits(const Stripe& stripe, int r, int g, float scale) {
  const int left = stripe.width - g * LANES;
  const float* const from = stripe.s + static_cast<int64_t>(r) * stripe.row + g * LANES;
  return left >= LANES ? scale * load_aligned(from) : keep_lanes(scale * load_lanes(from, left), left, kLeftOut);
}

DEVICE void sum_bounded(const Stripe& stripe, float scale, const PartialSums& sums, int part, int first_row, bool both, int column_part,
                        int first_column) {
  Lanes columns[GROUPS];
  UNROLL
  for (int g = 0; g < GROUPS; g++) columns[g] = Lanes{};
  for (int r = 0; r < stripe.down; r++) {
    Lanes total{};
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
      const Lanes e = exp_lanes(logits(stripe, r, g, scale));
      total = total + e;
      columns[g] = columns[g] + e;
    }
    sums.totals[static_cast<int64_t>(part) * sums.rows + first_row + r] += sum_of(total);
  }
  UNROLL
  for (int g = 0; g < GROUPS; g++) {
    float* const to = sums.totals + static_cast<int64_t>(column_part) * sums.rows + first_column + g * LANES;
    if (both) store_lanes(to, columns[g] + load_lanes(to, stripe.width - g * LANES), stripe.width - g * LANES);
  }
}

DEVICE void sum_unbounded(const Stripe& stripe, float scale, const PartialSums& sums, int part, int first_row, bool both, int column_part,
                          int first_column) {
  for (int g = 0; g < GROUPS && both; g++) {
    Lanes high = all_lanes(kLeftOut), total{};
    for (int r = 0; r < stripe.down; r++) high = max_lanes(high, logits(stripe, r, g, scale));
    for (int r = 0; r < stripe.down; r++) total = total + exp_lanes(logits(stripe, r, g, scale) - high);
    for (int c = 0; c < LANES && g * LANES + c < stripe.width; c++)
      sums.add(column_part, first_column + g * LANES + c, {total[c], high[c]}, false);
  }
  for (int r = 0; r < stripe.down; r++) {
    Lanes high = all_lanes(kLeftOut), total{};
    for (int g = 0; g < GROUPS; g++) high = max_lanes(high, logits(stripe, r, g, scale));
    const float maximum = max_of(high);
    for (int g = 0; g < GROUPS; g++) total = total + exp_lanes(logits(stripe, r, g, scale) - maximum);
    sums.add(part, first_row + r, {sum_of(total), maximum}, false);
  }
}

// Leaves out what no sum has, and adds what only one of a row's and a column's sum has.
DEVICE void leave_out(const Stripe& stripe, const Pairs& pairs, const PartialSums& sums, int part, int first_row, bool both,
                      int column_part, int first_column, float scale, bool bounded) {
  for (int r = 0; r < stripe.down; r++) {
    const int row = first_row + r, out = pairs.excluded[row] - first_column, own = pairs.positive[row] - first_column;
    float* const s = stripe.s + static_cast<int64_t>(r) * stripe.row;
    if (out >= 0 && out < stripe.width) s[out] = kLeftOut;
    if (own < 0 || own >= stripe.width) continue;
    if (both && pairs.positive[first_column + own] != row) sums.add(column_part, first_column + own, single(scale * s[own], bounded), false);
    s[own] = kLeftOut;
  }
  for (int c = 0; c < stripe.width && both; c++) {
    const int row = pairs.positive[first_column + c], r = row - first_row;
    if (r < 0 || r >= stripe.down || pairs.positive[row] == first_column + c) continue;
    float* const s = stripe.s + static_cast<int64_t>(r) * stripe.row + c;
    sums.add(part, row, single(scale * s[0], bounded), false);
    s[0] = kLeftOut;
  }
}

// sums [2, parts, rows], totals and maxima: block k takes the panel's columns from 64 k on, and adds each row's sum to part k. `both`: the
// form is symmetric and the panel off the diagonal, and the last part gets the sums along columns. Rows and columns whose first panel this
// is begin anew. s [down, across], from row0 and column0 on, is changed.
KERNEL(info_nce_panel_sums, float* sums, float* s, int* pairs, int rows, int columns, int row0, int column0, int down, int across,
       int parts, float inverse_temperature, int bounded, int symmetric) {
  const PartialSums all{sums, sums + static_cast<int64_t>(parts) * rows, rows};
  const Pairs table = pairs_in(pairs, rows, columns);
  const bool both = symmetric && row0 != column0, new_rows = column0 == (symmetric ? row0 : 0), new_columns = symmetric && row0 == 0;
  for (int k = blockIdx.x; k < parts - symmetric; k += gridDim.x) {
    const int start = k * STRIPE, width = least(across - start, STRIPE), column = column0 + start;
    for (int r = 0; r < down && new_rows; r++) all.add(k, row0 + r, nothing(bounded), true);
    for (int c = 0; c < width && new_columns; c++) all.add(parts - 1, column + c, nothing(bounded), true);
    if (width <= 0) continue;
    const Stripe stripe{s + start, across, down, width};
    leave_out(stripe, table, all, k, row0, both, parts - 1, column, inverse_temperature, bounded);
    if (bounded) {
      sum_bounded(stripe, inverse_temperature, all, k, row0, both, parts - 1, column);
    } else {
      sum_unbounded(stripe, inverse_temperature, all, k, row0, both, parts - 1, column);
    }
  }
}

// loss [1] and statistics [3, rows] from sums; row_loss [rows] and strip_loss [blocks]: scratch. Each block takes a strip of rows.
KERNEL(info_nce_panel_loss, float* loss, float* statistics, float* sums, float* row_loss, float* strip_loss, const float* p, const float* z,
       int* pairs, int rows, int columns, int width, int parts, float inverse_temperature, int bounded) {
  SHARED(float, scratch, 32);
  SHARED(int, flag, 1);
  const PartialSums all{sums, sums + static_cast<int64_t>(parts) * rows, rows};
  const Pairs table = pairs_in(pairs, rows, columns);
  const int strip = (rows + gridDim.x - 1) / gridDim.x, first = blockIdx.x * strip, end = least(first + strip, rows);
  finish_rows(statistics_in(statistics, rows), row_loss, all, parts, p, z, table, first, end, width, inverse_temperature, bounded, true);
  finish_loss(loss, strip_loss, row_loss, blockIdx.x, gridDim.x, first, end, rows, table.counters, scratch, flag);
}

// Coefficients in the place of logits s [down, across]: the row's e and, in the symmetric form, the column's. A block takes some rows.
KERNEL(info_nce_panel_coefficients, float* s, float* statistics, int* pairs, int rows, int columns, int row0, int column0, int down,
       int across, float inverse_temperature, int bounded, int symmetric) {
  const Pairs table = pairs_in(pairs, rows, columns);
  const Statistics known = statistics_in(statistics, rows);
  const float* __restrict__ const weights = bounded ? known.inverse_sum : known.lse;
  for (int r = blockIdx.x; r < down; r += gridDim.x) {
    const int row = row0 + r, own = table.positive[row], out = table.excluded[row];
    float* __restrict__ const c = s + static_cast<int64_t>(r) * across;
    const float weight = weights[row];
    const float* __restrict__ const others = weights + column0;
    if (bounded && symmetric) {
      SIMD
      for (int j = 0; j < across; j++) c[j] = exp_f(inverse_temperature * c[j]) * (weight + others[j]);
    } else if (bounded) {
      SIMD
      for (int j = 0; j < across; j++) c[j] = exp_f(inverse_temperature * c[j]) * weight;
    } else if (symmetric) {
      SIMD
      for (int j = 0; j < across; j++) c[j] = exp_f(inverse_temperature * c[j] - weight) + exp_f(inverse_temperature * c[j] - others[j]);
    } else {
      SIMD
      for (int j = 0; j < across; j++) c[j] = exp_f(inverse_temperature * c[j] - weight);
    }
    // What of two terms is left where only one counts: their ratio is that of exp(-lse).
    const auto keep = [&](int column, bool of_row, bool of_column) {
      const int j = column - column0;
      if (j < 0 || j >= across) return;
      const float ratio = of_row || of_column ? 1 / (1 + expf(known.lse[of_row ? row : column] - known.lse[of_row ? column : row])) : 0.0f;
      c[j] = ratio == 0 ? 0.0f : c[j] * ratio;
    };
    if (symmetric) {
      keep(own, false, table.positive[own] != row);
      for (int i = table.first[row]; i < table.first[row + 1]; i++)
        if (table.row_of[i] != own) keep(table.row_of[i], true, false);
    } else {
      keep(own, false, false);
    }
    if (out >= 0) keep(out, false, false);
  }
}

// dx [count, width] holds the sums of coefficient times inner unit row and becomes the gradient; pass: of info_nce.cuh. unit and other: the
// unit rows of this side and of the other.
KERNEL(info_nce_panel_gradient, float* dx, const float* unit, const float* other, const float* inverse_norm, float* statistics,
       const float* weight, int* pairs, int rows, int columns, int width, float scale, int pass) {
  const int count = pass == kByColumns ? columns : rows, inner = pass == kByRows ? columns : rows;
  const Pairs table = pairs_in(pairs, rows, columns);
  const Side side{dx, dx, unit, other, inverse_norm, nullptr, count, inner, 1, pass};
  for (int row = blockIdx.x; row < count; row += gridDim.x)
    finish_gradient(side, table, statistics_in(statistics, rows).others, row, row + 1, width, width, weight[0] * scale);
}
#endif
