// Matrix products on the CPU: what the parts of the engine share. Read gemm.cpp first.
//
// A product P[m, n] = op(A) op(B) is made of blocks of 32 x 32, each the sum over steps of 32 along k. The operands are packed to 16-bit
// tiles of 1 KB, the form in which AMX and AVX512-BF16 take them: a panel is 32 rows of op(A) or 32 columns of op(B), all of its steps one
// after the other; a step holds its planes, and a plane two tiles, one for each half of the panel. A tile is 16 lines of 16 pairs along k:
//   of A, line r holds row r, pair p after pair;   of B, line p holds pair p, column after column.
// Which two of a step's 32 elements make pair p is the packing's choice, the same for both operands: see gemm_pack.cpp.
//
// bfloat16 operands have one plane. Float operands have three: x = x0 + x1 + x2, each the bfloat16 nearest to what is left, 24 bits
// together, and P is the sum of the six products x_i y_j with i + j <= 2; what is left out is below 2^-24 of a term. This is how libraries
// for GPUs make float products of bfloat16 matrix instructions (Henry, Tang and Heinecke 2019, "Leveraging the bfloat16 Artificial
// Intelligence Datatype For Higher-Precision Computations"; cuBLAS calls it BF16x9 and takes three more).
#pragma once

#include <cstddef>
#include <cstdint>

constexpr int kTile = 16;                     // rows or columns of a tile
constexpr int kPanel = 2 * kTile;             // of a panel, and a block's side
constexpr int kStep = 32;                     // elements of k in a tile
constexpr int kTileElements = kTile * kStep;  // 16 bits each
constexpr int kPlaneElements = 2 * kTileElements;
constexpr int kBlockFloats = kPanel * kPanel;  // four tiles of 16 x 16 floats: upper left, upper right, lower left, lower right
constexpr int kSumSteps = 8;                   // row sums are added up by groups of so many steps

inline int step_count(int k) { return (k + kStep - 1) / kStep; }
inline int group_count(int k) { return (step_count(k) + kSumSteps - 1) / kSumSteps; }

// The order of io.github.vicmae.device.cpu.ProductEngine, whose bits vicmae_gemm_engines() returns.
enum class Engine : int32_t { kAny, kPlain, kBlas, kAvx512Bf16, kAmx, kFma };

// The order of io.github.vicmae.device.Epilogue, which says what each does.
enum class Epilogue : int32_t { kWrite, kAdd, kBias, kBiasGelu, kBiasResidual, kGeluGradient, kAddRowSums, kScaledResidual };

// Mirrored by io.github.vicmae.device.cpu.CpuStream. A, B and C are dense.
struct Gemm {
  Engine engine;
  Epilogue epilogue;
  int32_t bf16_in, bf16_out;  // types of A and B, and of C and `other`: bfloat16, or float
  int32_t trans_a, trans_b, m, n, k;
  int32_t rows_per_factor;
  const void* a;
  const void* b;
  void* c;
  float* bias;
  void* other;
  const float* factors;  // of rows, for kScaledResidual
  const void* packed_b;  // op(B) as vicmae_pack arranged it, or null

  bool adds() const { return epilogue == Epilogue::kAdd || epilogue == Epilogue::kAddRowSums; }
};

enum GemmResult { kDone, kCannot, kNoMemory };

// ---- gemm.cpp

// The calling thread's buffer for what the pool's threads share during one product: at least `bytes` long, aligned to pages, contents
// undefined; null if there is no memory.
void* gemm_shared_buffer(size_t bytes);

// ---- gemm_blas.cpp

bool blas_present();
GemmResult blas_gemm(const Gemm& g);

// ---- gemm_panels.cpp

// Whether there are panels of this type here.
bool has_panels(bool bf16, int k);
// Bytes of a packed B' [n, k].
int64_t panel_bytes(bool bf16, int n, int k);
// Packs B' [n, k].
void pack_panels(bool bf16, const void* b, int n, int k, void* out);
// A product whose B was packed so; A is stored [m, k].
GemmResult panel_gemm(const Gemm& g);

// ---- gemm_engines.cpp

struct BlockEngine {
  // Called by each thread before and after its blocks.
  void (*begin)();
  void (*end)();
  // block = the product of `steps` steps of a panel of A and one of B.
  void (*multiply)(const uint16_t* a, const uint16_t* b, float* block, int steps);
};

// Bits (1 << engine) of those that this build has and this processor can run.
int block_engines();
// Null if this engine has no blocks of that type.
const BlockEngine* block_engine(Engine engine, bool bf16_in);

// ---- gemm_epilogue.cpp

// Does the epilogue for rows from `row`, columns from `col` of C, given their product [rows, cols]: `stride` floats from row to row, and
// `across` from 16 columns to the next. The product may lie in C or, with kBiasGelu, in `other`.
using ApplyEpilogue = void (*)(const Gemm& g, int64_t row, int64_t col, int rows, int cols, const float* product, int64_t stride,
                               int64_t across);
ApplyEpilogue epilogue_of(const Gemm& g);

// ---- gemm_pack.cpp

struct Operand {
  const void* data;
  bool bf16;
  bool k_first;  // stored [k, size], else [size, k]
  bool is_a;     // which form its tiles take
  int size, k;

  int panels() const { return (size + kPanel - 1) / kPanel; }
};
Operand operand_a(const Gemm& g);
Operand operand_b(const Gemm& g);

// Packs steps [from, to) of panels [first, last): panel p's step s goes to `out` + (p - first) * panel_stride + (s - from) * a step's
// elements. If `sums` is not null, sums[(s / kSumSteps) * size + row] gets the sum of each group of kSumSteps steps; `from` is then the
// first step of a group.
void pack(const Operand& operand, int first, int last, int from, int to, uint16_t* out, size_t panel_stride, float* sums);
// The same sums alone, for rows [first, last).
void group_sums(const Operand& operand, int first, int last, float* sums);
// bias[row] += its groups' sums.
void add_group_sums(const Gemm& g, const float* sums);
