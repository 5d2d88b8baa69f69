// Products with a B that was packed once: the maps of an encoder in use, whose weights do not change. Floats in fused multiply-adds, so that
// any processor with vectors can do it, and bfloat16 in AVX512-BF16's sums of two products; AMX has its own form of packed weights (gemm.cpp).
// To all but the innermost line both are words of 32 bits along k: a float, or two neighbouring bfloat16.
//
// B is cut into panels of kColumns columns, each stored [words, kColumns], so that a panel is read as one stream, whatever the shape. The rows of
// C are cut into panels of at most kRows rows, as even as they can be (197 rows are 15 panels of 13 or 14): the height is a parameter of the
// kernel, and no row is computed in vain. A thread takes a block of them that is small enough for the second cache, and goes through B's panels,
// each of them against all of the block's. A tile of C, one panel by another, is summed in registers over parts of k, waits in the first
// cache, and goes through its epilogue there.
//
// A sum is made in parts of k whose ends depend on k alone, each from zero and in order. So the same row of A gives the same bits, whatever
// rows stand beside it and however many threads there are: an image's features do not depend on the batch that it comes in.
#include <algorithm>
#include <cstring>
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

constexpr int kMostDepth = 512;             // words of a part of k
constexpr int64_t kBlockBytes = 448 << 10;  // of A's rows in a block: about half of a second cache
constexpr int kFewestPanels = 3;            // of rows that a thread takes before columns are shared as well
constexpr int kCrowding = 512;              // words: rows of A at multiples of this distance fall into too few sets of a cache
constexpr int kAhead = 16;                  // lines of B that are asked for before they are needed

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

#if defined(__x86_64__) && LANES == 16
#define VICMAE_PAIRS
// Without the processor's flag in the build; has_panels() asks the processor.
DEVICE void add_pairs(Lanes& sum, Lanes left, Lanes right) { asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(left), "v"(right)); }
#endif

// sum[R, kColumns] = a[R, depth] b[depth, kColumns], or += if it is not the first part; a's rows lie `stride` words apart.
template <int R, bool kPairs>
void multiply_tile(const float* __restrict a, int64_t stride, const float* __restrict b, int depth, float* __restrict sum, bool first) {
  // Three rows to a pointer, which is what addresses can express: base, base + stride, base + 2 stride.
  constexpr int kRowsAPointer = 3, kPointers = (R + kRowsAPointer - 1) / kRowsAPointer;
  const float* rows[kPointers];
  UNROLL
  for (int p = 0; p < kPointers; p++) rows[p] = a + p * kRowsAPointer * stride;
  Lanes part[R][kVectors] = {};
  for (int i = 0; i < depth; i++, b += kColumns) {
    Lanes right[kVectors];
    UNROLL
    for (int v = 0; v < kVectors; v++) {
      __builtin_prefetch(b + kAhead * kColumns + v * LANES);
      right[v] = load_aligned(b + v * LANES);
    }
    UNROLL
    for (int r = 0; r < R; r++) {
      Lanes left = Lanes{} + rows[r / kRowsAPointer][r % kRowsAPointer * stride + i];
#if defined(__x86_64__)
      asm("" : "+v"(left));  // once in a register, not once for each vector from memory
#endif
      UNROLL
      for (int v = 0; v < kVectors; v++) {
#if defined(VICMAE_PAIRS)
        if constexpr (kPairs) {
          add_pairs(part[r][v], left, right[v]);
          continue;
        }
#endif
        part[r][v] += left * right[v];
      }
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

using Multiply = void (*)(const float*, int64_t, const float*, int, float*, bool);

template <class Heights>
struct Tiles;
template <int... R>
struct Tiles<std::integer_sequence<int, R...>> {
  static constexpr Multiply of_floats[] = {nullptr, multiply_tile<R + 1, false>...};
#if defined(VICMAE_PAIRS)
  static constexpr Multiply of_pairs[] = {nullptr, multiply_tile<R + 1, true>...};
#else
  static constexpr const Multiply* of_pairs = nullptr;
#endif
};
using AllTiles = Tiles<std::make_integer_sequence<int, kRows>>;

int word_count(bool bf16, int k) { return bf16 ? k / 2 : k; }

// A product cut into blocks of rows and ranges of columns.
struct Cut {
  const Gemm& g;
  ApplyEpilogue epilogue;
  int words;  // along k
  int row_panels, column_panels, blocks, ranges, parts;

  Cut(const Gemm& product, int threads) : g(product), epilogue(epilogue_of(product)), words(word_count(product.bf16_in != 0, product.k)) {
    column_panels = static_cast<int>(divide_up(g.n, kColumns));
    row_panels = static_cast<int>(divide_up(g.m, kRows));
    parts = static_cast<int>(divide_up(words, kMostDepth));
    const int fitting = static_cast<int>(std::max<int64_t>(kBlockBytes / (int64_t{4} * words * kRows), 1));
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
  int depth(int part) const { return static_cast<int>(int64_t{words} * part / parts); }
  // Rows whose distance is near a multiple of a page's size fall into the same few sets of a cache: they are copied to other distances.
  bool copies() const { return words % kCrowding == 0; }
  int64_t copied_stride() const { return words + kTile; }
  size_t scratch_bytes() const { return sizeof(float) * (divide_up(row_panels, blocks) * kRows * copied_stride()); }
};

void run_tasks(const Cut& cut, int64_t begin, int64_t end) {
  const Gemm& g = cut.g;
  const bool copies = cut.copies();
  const int64_t stride = copies ? cut.copied_stride() : cut.words;
  float* const copied = copies ? static_cast<float*>(reserve_dynamic_shared(cut.scratch_bytes())) : nullptr;
  const Multiply* const multiply_of = g.bf16_in != 0 ? AllTiles::of_pairs : AllTiles::of_floats;
  alignas(64) float tile[kRows * kColumns];
  int at_hand = -1;  // the block that was copied
  for (int64_t task = begin; task < end; task++) {
    const int block = static_cast<int>(task / cut.ranges), range = static_cast<int>(task % cut.ranges);
    const int first = cut.first_panel(block), last = cut.first_panel(block + 1), first_row = cut.row(first);
    const float* rows = static_cast<const float*>(g.a) + int64_t{first_row} * cut.words;
    if (copies) {
      if (at_hand != block) {
        const int count = cut.row(last) - first_row;
        for (int row = 0; row < count; row++) memcpy(copied + row * stride, rows + int64_t{row} * cut.words, sizeof(float) * cut.words);
      }
      at_hand = block;
      rows = copied;
    }
    for (int q = cut.first_column_panel(range); q < cut.first_column_panel(range + 1); q++) {
      const float* const right = static_cast<const float*>(g.packed_b) + int64_t{q} * kColumns * cut.words;
      const int col = q * kColumns, cols = std::min(g.n - col, kColumns);
      for (int p = first; p < last; p++) {
        const int row = cut.row(p), height = cut.row(p + 1) - row;
        const float* const left = rows + (row - first_row) * stride;
        const Multiply multiply = multiply_of[height];
        for (int part = 0; part < cut.parts; part++) {
          const int from = cut.depth(part), to = cut.depth(part + 1);
          multiply(left + from, stride, right + int64_t{from} * kColumns, to - from, tile, part == 0);
        }
        cut.epilogue(g, row, col, height, cols, tile, kColumns, kTile);
      }
    }
  }
}

}  // namespace

bool has_panels(bool bf16, [[maybe_unused]] int k) {
  if (!bf16) return true;
#if defined(VICMAE_PAIRS)
  return k % 2 == 0 && (block_engines() >> static_cast<int>(Engine::kAvx512Bf16) & 1) != 0;
#else
  return false;
#endif
}

int64_t panel_bytes(bool bf16, int n, int k) {
  return divide_up(n, kColumns) * kColumns * int64_t{word_count(bf16, k)} * static_cast<int64_t>(sizeof(float));
}

void pack_panels(bool bf16, const void* b, int n, int k, void* out) {
  struct Context {
    const uint32_t* b;
    uint32_t* out;
    int n, words;
  } context{static_cast<const uint32_t*>(b), static_cast<uint32_t*>(out), n, word_count(bf16, k)};
  vicmae_parallel(
      divide_up(n, kColumns), 1,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Context& c = *static_cast<const Context*>(pointer);
        for (int64_t q = begin; q < end; q++) {
          uint32_t* const panel = c.out + q * kColumns * c.words;
          for (int column = 0; column < kColumns; column++) {
            const int64_t from = q * kColumns + column;
            for (int i = 0; i < c.words; i++) panel[int64_t{i} * kColumns + column] = from < c.n ? c.b[from * c.words + i] : 0;
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
