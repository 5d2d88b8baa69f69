// Float products with a B that was packed once: the maps of an encoder in use, whose weights do not change. In fused multiply-adds, so that
// any processor with vectors can do it; AMX has its own form of packed weights (gemm.cpp).
//
// B is cut into panels of kColumns columns, each stored [k, kColumns], so that a panel is read as one stream, whatever the shape. The rows of
// C are cut into panels of at most kRows rows, as even as they can be (197 rows are 15 panels of 13 or 14): the height is a parameter of the
// kernel, and no row is computed in vain. A block of them, small enough for the second cache, is packed [k, rows] by the thread that takes it.
// A tile of C, one panel by another, is summed in registers over parts of k, waits in the first cache, and goes through its epilogue there.
//
// A sum is made in parts of k whose ends depend on k alone, each from zero and in order. So the same row of A gives the same bits, whatever
// rows stand beside it and however many threads there are: an image's features do not depend on the batch that it comes in.
#include <algorithm>
#include <utility>

#include "../target.cuh"
#include "gemm.h"

namespace {

// Sums and what is multiplied fill the registers: 28 + 3 of 32 with AVX-512, 12 + 3 of 16 with AVX, 8 + 5 of 16 without.
#if LANES == 16
constexpr int kVectors = 2, kRows = 14;
#elif LANES == 8
constexpr int kVectors = 2, kRows = 6;
#else
constexpr int kVectors = 4, kRows = 2;
#endif
constexpr int kColumns = kVectors * LANES;
static_assert(kColumns % kTile == 0, "the epilogues take 16 columns at a time");

constexpr int kMostDepth = 512;               // of a part of k
constexpr int64_t kBlockBytes = 448 << 10;    // of packed rows: about half of a second cache
constexpr int kFewestPanels = 3;              // of rows that a thread takes before columns are shared as well
constexpr int kAhead = 16;                    // lines of B that are asked for before they are needed

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// sum[R, kColumns] = a[depth, R]' b[depth, kColumns], or += if it is not the first part.
template <int R>
void multiply_tile(const float* __restrict a, const float* __restrict b, int depth, float* __restrict sum, bool first) {
  Lanes part[R][kVectors] = {};
  for (int i = 0; i < depth; i++, a += R, b += kColumns) {
    Lanes right[kVectors];
    UNROLL
    for (int v = 0; v < kVectors; v++) {
      __builtin_prefetch(b + kAhead * kColumns + v * LANES);
      right[v] = load_aligned(b + v * LANES);
    }
    UNROLL
    for (int r = 0; r < R; r++) {
      Lanes left = Lanes{} + a[r];
#if defined(__x86_64__)
      asm("" : "+v"(left));  // once in a register, not once for each vector from memory
#endif
      UNROLL
      for (int v = 0; v < kVectors; v++) part[r][v] += left * right[v];
    }
  }
  UNROLL
  for (int r = 0; r < R; r++) {
    UNROLL
    for (int v = 0; v < kVectors; v++) {
      float* const at = sum + r * kColumns + v * LANES;
      store_aligned(at, first ? part[r][v] : load_aligned(at) + part[r][v]);
    }
  }
}

// out[k, R] = R rows of a[., k].
template <int R>
void pack_rows(const float* __restrict a, int k, float* __restrict out) {
  int i = 0;
  for (; i + LANES <= k; i += LANES) {
    Lanes rows[R];
    UNROLL
    for (int r = 0; r < R; r++) rows[r] = load_aligned(a + int64_t{r} * k + i);
    for (int lane = 0; lane < LANES; lane++) {
      UNROLL
      for (int r = 0; r < R; r++) out[(i + lane) * R + r] = rows[r][lane];
    }
  }
  for (; i < k; i++) {
    for (int r = 0; r < R; r++) out[i * R + r] = a[int64_t{r} * k + i];
  }
}

struct Height {
  void (*pack)(const float*, int, float*);
  void (*multiply)(const float*, const float*, int, float*, bool);
};

template <int... R>
constexpr Height height_of(int rows, std::integer_sequence<int, R...>) {
  constexpr Height heights[] = {{pack_rows<R + 1>, multiply_tile<R + 1>}...};
  return heights[rows - 1];
}

// A product cut into blocks of rows and ranges of columns.
struct Cut {
  const Gemm& g;
  ApplyEpilogue epilogue;
  int row_panels, column_panels, blocks, ranges, parts;

  Cut(const Gemm& product, int threads) : g(product), epilogue(epilogue_of(product)) {
    column_panels = static_cast<int>(divide_up(g.n, kColumns));
    row_panels = static_cast<int>(divide_up(g.m, kRows));
    parts = static_cast<int>(divide_up(g.k, kMostDepth));
    const int fitting = static_cast<int>(std::max<int64_t>(kBlockBytes / (int64_t{4} * g.k * kRows), 1));
    blocks = static_cast<int>(divide_up(row_panels, fitting));
    // All threads have as many rows as each other, if there are enough.
    const int sharing = std::max(1, std::min(threads, row_panels / kFewestPanels));
    blocks = static_cast<int>(divide_up(blocks, sharing)) * sharing;
    if (g.m >= blocks) row_panels = std::max(row_panels, static_cast<int>(divide_up(row_panels, blocks)) * blocks);
    row_panels = std::min(row_panels, g.m);
    blocks = std::min(blocks, row_panels);
    ranges = std::min<int>(column_panels, static_cast<int>(blocks >= threads ? 1 : divide_up(threads, blocks)));
  }

  int row(int panel) const { return static_cast<int>(int64_t{g.m} * panel / row_panels); }
  int first_panel(int block) const { return static_cast<int>(int64_t{row_panels} * block / blocks); }
  int first_column_panel(int range) const { return static_cast<int>(int64_t{column_panels} * range / ranges); }
  int depth(int part) const { return static_cast<int>(int64_t{g.k} * part / parts); }
  size_t scratch_bytes() const { return sizeof(float) * (divide_up(row_panels, blocks) * kRows * int64_t{g.k}); }
};

constexpr auto kHeights = std::make_integer_sequence<int, kRows>{};

void run_tasks(const Cut& cut, int64_t begin, int64_t end) {
  const Gemm& g = cut.g;
  float* const rows = static_cast<float*>(reserve_dynamic_shared(cut.scratch_bytes()));
  alignas(64) float tile[kRows * kColumns];
  int packed = -1;  // the block that is
  for (int64_t task = begin; task < end; task++) {
    const int block = static_cast<int>(task / cut.ranges), range = static_cast<int>(task % cut.ranges);
    const int first = cut.first_panel(block), last = cut.first_panel(block + 1), first_row = cut.row(first);
    if (packed != block) {
      for (int p = first; p < last; p++) {
        const int row = cut.row(p);
        height_of(cut.row(p + 1) - row, kHeights)
            .pack(static_cast<const float*>(g.a) + int64_t{row} * g.k, g.k, rows + int64_t{row - first_row} * g.k);
      }
      packed = block;
    }
    for (int q = cut.first_column_panel(range); q < cut.first_column_panel(range + 1); q++) {
      const float* const right = static_cast<const float*>(g.packed_b) + int64_t{q} * kColumns * g.k;
      const int col = q * kColumns, cols = std::min(g.n - col, kColumns);
      for (int p = first; p < last; p++) {
        const int row = cut.row(p), height = cut.row(p + 1) - row;
        const float* const left = rows + int64_t{row - first_row} * g.k;
        const auto multiply = height_of(height, kHeights).multiply;
        for (int part = 0; part < cut.parts; part++) {
          const int from = cut.depth(part), to = cut.depth(part + 1);
          multiply(left + int64_t{from} * height, right + int64_t{from} * kColumns, to - from, tile, part == 0);
        }
        cut.epilogue(g, row, col, height, cols, tile, kColumns, kTile);
      }
    }
  }
}

}  // namespace

int64_t panel_bytes(int n, int k) { return divide_up(n, kColumns) * kColumns * int64_t{k} * static_cast<int64_t>(sizeof(float)); }

void pack_panels(const float* b, int n, int k, float* out) {
  struct Context {
    const float* b;
    float* out;
    int n, k;
  } context{b, out, n, k};
  vicmae_parallel(
      divide_up(n, kColumns), 1,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Context& c = *static_cast<const Context*>(pointer);
        for (int64_t q = begin; q < end; q++) {
          float* const panel = c.out + q * kColumns * c.k;
          for (int column = 0; column < kColumns; column++) {
            const int64_t from = q * kColumns + column;
            for (int i = 0; i < c.k; i++) panel[int64_t{i} * kColumns + column] = from < c.n ? c.b[from * c.k + i] : 0;
          }
        }
      },
      &context);
}

GemmResult panel_gemm(const Gemm& g) {
  constexpr double kWorthSharing = 32.0 * 32 * 32;
  const Cut cut(g, double(g.m) * g.n * g.k < kWorthSharing ? 1 : vicmae_threads());
  vicmae_parallel(
      int64_t{cut.blocks} * cut.ranges, 1,
      [](const void* context, int64_t begin, int64_t end) { run_tasks(*static_cast<const Cut*>(context), begin, end); }, &cut);
  return kDone;
}
