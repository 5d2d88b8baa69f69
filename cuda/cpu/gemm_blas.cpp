// Matrix products by a BLAS library's single-threaded sgemm, split over the kernels' own pool, each piece's epilogue right after it.
#include <atomic>

#include "../target.cuh"
#include "gemm.h"

namespace {

// cblas_sgemm, row-major.
using Sgemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda, const float* b,
                       int ldb, float beta, float* c, int ldc);
std::atomic<Sgemm> sgemm{nullptr};

struct Product {
  const Gemm& g;
  const float* a;
  const float* b;
  bool by_rows;   // pieces are rows of C, else columns
  int64_t piece;  // rows or columns
  ApplyEpilogue epilogue;
};

void to_floats(float* to, const void* from, int64_t size) {
  struct Context {
    float* to;
    const uint16_t* from;
  } context{to, static_cast<const uint16_t*>(from)};
  vicmae_parallel(
      size, 1 << 14,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Context& c = *static_cast<const Context*>(pointer);
        SIMD
        for (int64_t i = begin; i < end; i++) c.to[i] = from_bf16(c.from[i]);
      },
      &context);
}

void run_piece(const Product& p, int64_t from, int64_t to) {
  const Gemm& g = p.g;
  const int rows = p.by_rows ? static_cast<int>(to - from) : g.m, cols = p.by_rows ? g.n : static_cast<int>(to - from);
  const int64_t row = p.by_rows ? from : 0, col = p.by_rows ? 0 : from;
  const int lda = g.trans_a ? g.m : g.k, ldb = g.trans_b ? g.k : g.n;
  const float* const a = p.a + row * (g.trans_a ? 1 : lda);
  const float* const b = p.b + col * (g.trans_b ? ldb : 1);
  // The product goes straight to where it, or what is added to it next, belongs, if that holds floats.
  const bool residual = g.epilogue == Epilogue::kBiasResidual || g.epilogue == Epilogue::kScaledResidual;
  const bool residual_in_place = residual && g.c == g.other;
  const bool in_place = !g.bf16_out && !residual_in_place;
  float* product = static_cast<float*>(g.epilogue == Epilogue::kBiasGelu ? g.other : g.c) + row * g.n + col;
  int ldc = g.n;
  if (!in_place) {
    product = static_cast<float*>(reserve_dynamic_shared(sizeof(float) * rows * cols));
    ldc = cols;
  }
  constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;
  const float beta = in_place && g.adds() ? 1 : 0;
  sgemm.load(std::memory_order_relaxed)(kRowMajor, g.trans_a ? kTrans : kNoTrans, g.trans_b ? kTrans : kNoTrans, rows, cols, g.k, 1, a, lda,
                                        b, ldb, beta, product, ldc);
  const bool done = in_place && (g.adds() || g.epilogue == Epilogue::kWrite);
  if (!done) p.epilogue(g, row, col, rows, cols, product, ldc, kTile);
}

void add_row_sums(const Gemm& g, float* sums) {
  struct Context {
    Operand a;
    float* sums;
  } context{operand_a(g), sums};
  vicmae_parallel(
      (g.m + kPanel - 1) / kPanel, 1,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Context& c = *static_cast<const Context*>(pointer);
        const int64_t last = end * kPanel;
        group_sums(c.a, static_cast<int>(begin * kPanel), static_cast<int>(last < c.a.size ? last : c.a.size), c.sums);
      },
      &context);
  add_group_sums(g, sums);
}

}  // namespace

extern "C" int vicmae_set_sgemm(void* function) {
  sgemm = reinterpret_cast<Sgemm>(function);
  return 0;
}

bool blas_present() { return sgemm.load(std::memory_order_relaxed) != nullptr; }

GemmResult blas_gemm(const Gemm& g) {
  if (!blas_present()) return kCannot;
  const int64_t size_a = int64_t{g.m} * g.k, size_b = int64_t{g.k} * g.n;
  const int64_t sums = g.epilogue == Epilogue::kAddRowSums ? group_count(g.k) * int64_t{g.m} : 0;
  float* const shared = static_cast<float*>(gemm_shared_buffer(sizeof(float) * (sums + (g.bf16_in ? size_a + size_b : 0) + 1)));
  if (shared == nullptr) return kNoMemory;
  const float* a = static_cast<const float*>(g.a);
  const float* b = static_cast<const float*>(g.b);
  if (g.bf16_in) {
    to_floats(shared + sums, g.a, size_a);
    to_floats(shared + sums + size_a, g.b, size_b);
    a = shared + sums;
    b = a + size_a;
  }
  constexpr double kWorthSplitting = 64.0 * 64 * 64;
  const int threads = double(g.m) * g.n * g.k < kWorthSplitting ? 1 : vicmae_threads();
  const int longer = g.m >= g.n ? g.m : g.n;
  // Where something follows a piece's product, it should still be in a cache by then.
  constexpr int kCached = 512;
  const bool follows = g.bf16_in || !(g.adds() || g.epilogue == Epilogue::kWrite);
  const int64_t pieces = int64_t{threads} * (follows ? (longer - 1) / (threads * kCached) + 1 : 1);
  // Pieces are multiples of 16 rows or columns, the height of a micro-kernel's tile.
  const int64_t piece = ((longer + pieces - 1) / pieces + kTile - 1) / kTile * kTile;
  const Product product{g, a, b, g.m >= g.n, piece, epilogue_of(g)};
  vicmae_parallel(
      (longer + piece - 1) / piece, 1,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Product& p = *static_cast<const Product*>(pointer);
        const int64_t limit = p.by_rows ? p.g.m : p.g.n;
        for (int64_t i = begin; i < end; i++) run_piece(p, i * p.piece, (i + 1) * p.piece < limit ? (i + 1) * p.piece : limit);
      },
      &product);
  if (sums > 0) add_row_sums(g, shared);
  return kDone;
}
