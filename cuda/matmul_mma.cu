// Matrix product with bfloat16 operands on the matrix units, row-major: P [m, n] = op(A) op(B), sums in float, and an epilogue
// (epilogue.cuh) before C is stored in bfloat16 or float. Three layouts: nt, A [m, k] and B [n, k] (y = x W'); nn, A [m, k] and B [k, n]
// (dx = dy W); tn, A [k, m] and B [k, n] (dW += dy' x).
//
// A block computes a tile of C, a warp a part of it in registers. Tiles of A and B come to shared memory by cp.async, STAGES - 1 of them
// ahead of the one in use, and from there by ldmatrix, one step of 16 along k ahead of the mma. Lines of a tile lie in shared memory as they
// lie in memory, in chunks of 16 bytes whose order is turned (XOR) from line to line, so that neither a copy nor an ldmatrix meets a bank
// twice. Results go through shared memory once more, a warp's 8 rows at a time, so that global memory is read and written in whole rows.
//
// Along k the order of additions is the same for every tile size: it is steps of 16. C is read and written by the block that owns the tile
// alone. Where there are too few tiles to fill the card, gridDim.y blocks share a tile's k; each writes its sum to `scratch`, and
// matmul_mma_finish adds them in order. So results depend on m, n, k and the number of shares alone.
#include "epilogue.cuh"
#include "mma.cuh"

#if WARP > 1

template <int M, int N, int K, int WARP_M, int WARP_N, int STAGES, bool ANY>
struct Tile {
  static constexpr int kM = M, kN = N, kK = K, kStages = STAGES;
  static constexpr int kWarpM = WARP_M, kWarpN = WARP_N, kWarpsAcross = N / WARP_N, kWarps = M / WARP_M * kWarpsAcross;
  static constexpr int kThreads = kWarps * WARP;
  // Whether operands may lie anywhere: else their lines are multiples of 8 elements and begin at multiples of 16 bytes.
  static constexpr bool kAny = ANY;
};
// The sizes, threads and bytes of shared memory are those of kernel/MatMulTile.java.
using Large = Tile<128, 256, 32, 64, 64, 4, false>;
using Medium = Tile<128, 128, 32, 64, 64, 4, false>;
using Small = Tile<64, 64, 64, 32, 32, 3, true>;

// A tile of an operand in shared memory: ROWS rows of A or columns of B times DEPTH steps along k; in memory a line is along k, or, if
// K_FIRST, the lines follow each other along k.
template <class Tile, int ROWS, int DEPTH, bool K_FIRST>
struct Operand {
  static constexpr int kLines = K_FIRST ? DEPTH : ROWS, kChunks = (K_FIRST ? ROWS : DEPTH) / 8, kSize = ROWS * DEPTH;

  // Where a chunk lies, in elements.
  static MEMBER unsigned place(unsigned line, unsigned chunk) { return chunk_place<kChunks>(line, chunk) * 8; }

  // Starts to copy the tile with its corner at (line0, column0) of an operand of `lines` lines of `width` elements; zeros beyond. Thread t
  // of kThreads takes every (kThreads / kChunks)-th line from its first; a smaller block's threads take the place of several.
  static MEMBER void stage(uint16_t* to, const bf16* from, int lines, int width, int pitch, int line0, int column0, bool aligned) {
    constexpr int kStep = Tile::kThreads / kChunks;
    static_assert(kStep % 8 == 0 && kLines % kStep == 0, "lines of one thread are turned alike");
    NO_UNROLL
    for (unsigned t = threadIdx.x; t < Tile::kThreads; t += blockDim.x) {
      const int line = line0 + static_cast<int>(t / kChunks), column = column0 + static_cast<int>(t % kChunks) * 8;
      uint16_t* const target = to + place(t / kChunks, t % kChunks);
      const bf16* at = from + static_cast<int64_t>(line) * pitch + column;
      UNROLL
      for (int i = 0; i < kLines; i += kStep) {
        const int filled = line + i < lines ? width - column : 0;
        copy_chunk(target + i * kChunks * 8, at, filled, aligned);
        at += kStep * static_cast<int64_t>(pitch);
      }
    }
  }

  // Eight elements, those from `filled` on zero; nothing is read where there are none.
  static MEMBER void copy_chunk(uint16_t* to, const bf16* at, int filled, bool aligned) {
    if (!Tile::kAny || aligned) {
      copy_async<16>(to, at, filled > 0 ? 16 : 0);
    } else {
      UNROLL
      for (int j = 0; j < 8; j++) to[j] = j < filled ? at[j].bits : 0;
    }
  }

  // Fragments are 16 rows (of op(A), or columns of op(B)) by 16 steps: four squares of 8, those of neighbouring rows beside each other in r
  // for A, those of neighbouring steps for B, as the instruction takes them. lane_place() is what this lane loads of the warp's first.
  template <bool OF_A>
  static MEMBER unsigned lane_place(unsigned first_row) {
    const unsigned lane = threadIdx.x % WARP, square = lane / 8;
    const unsigned row = first_row + (OF_A ? square % 2 : square / 2) * 8, step = (OF_A ? square / 2 : square % 2) * 8;
    return K_FIRST ? place(step + lane % 8, row / 8) : place(row + lane % 8, step / 8);
  }

  // The fragment `i` times 16 rows and `step` steps from the first: across chunks by XOR, since no other bits of the place differ.
  static MEMBER void load(uint32_t (&r)[4], const uint16_t* tile, unsigned lane_place, unsigned i, unsigned step) {
    const uint16_t* const from = tile + (lane_place ^ (K_FIRST ? 16 * i : step));
    if constexpr (K_FIRST) {
      load_matrices_transposed(r, from + step * kChunks * 8);
    } else {
      load_matrices(r, from + 16 * i * kChunks * 8);
    }
  }
};

// One operand in global memory.
struct Matrix {
  const bf16* at;
  int lines, width, pitch;
};

// A warp's part of a tile of C.
template <class Tile, bool SUMS>
struct Fragments {
  static constexpr int kM = Tile::kWarpM / 16, kN = Tile::kWarpN / 16;  // each of kN is two of the instruction's 8 columns
  float sum[kM][2 * kN][4];
  float row_sum[SUMS ? kM : 1][4];  // A's rows times ones
  uint32_t a[2][kM][4], b[2][kN][4];

  MEMBER void clear() {
    UNROLL
    for (int i = 0; i < kM; i++) {
      UNROLL
      for (int e = 0; e < 4; e++) {
        if constexpr (SUMS) row_sum[i][e] = 0;
        UNROLL
        for (int j = 0; j < 2 * kN; j++) sum[i][j][e] = 0;
      }
    }
  }

  template <class A, class B>
  MEMBER void load(int buffer, const uint16_t* tile, unsigned a_place, unsigned b_place, unsigned step) {
    UNROLL
    for (int i = 0; i < kM; i++) A::load(a[buffer][i], tile, a_place, i, step);
    UNROLL
    for (int j = 0; j < kN; j++) B::load(b[buffer][j], tile + A::kSize, b_place, j, step);
  }

  MEMBER void multiply(int buffer, bool with_sums) {
    UNROLL
    for (int i = 0; i < kM; i++) {
      UNROLL
      for (int j = 0; j < 2 * kN; j++) {
        // Odd lines go back, so that a fragment of B is used twice in a row.
        const int at = i % 2 == 0 ? j : 2 * kN - 1 - j;
        const uint32_t half[2] = {b[buffer][at / 2][at % 2 * 2], b[buffer][at / 2][at % 2 * 2 + 1]};
        mma_bf16(sum[i][at], a[buffer][i], half);
      }
    }
    if constexpr (SUMS) {
      if (with_sums) {
        constexpr uint32_t kOnes[2] = {0x3f803f80u, 0x3f803f80u};
        UNROLL
        for (int i = 0; i < kM; i++) mma_bf16(row_sum[i], a[buffer][i], kOnes);
      }
    }
  }
};

// Runs the steps of one tile of C: k from k0 to the operands' ends. Threads of a warp that is not whole only copy.
template <class Tile, class A, class B, class Held>
DEVICE void run_steps(Held& held, uint16_t* shared, const Matrix& a, const Matrix& b, int row0, int col0, int k0, int k1, bool a_k_first,
                      bool b_k_first, unsigned row, unsigned column, bool works, bool with_sums, bool aligned) {
  constexpr int kStage = A::kSize + B::kSize, kAhead = Tile::kStages - 1, kSteps = Tile::kK / 16;
  const int tiles = (k1 - k0 + Tile::kK - 1) / Tile::kK;
  const auto stage = [&](int slot, int tile) {
    if (tile < tiles) {
      const int k = k0 + tile * Tile::kK;
      uint16_t* const to = shared + slot * kStage;
      A::stage(to, a.at, a.lines, a.width, a.pitch, a_k_first ? k : row0, a_k_first ? row0 : k, aligned);
      B::stage(to + A::kSize, b.at, b.lines, b.width, b.pitch, b_k_first ? k : col0, b_k_first ? col0 : k, aligned);
    }
    commit_copies();  // an empty group too, so that groups can be counted
  };
  const unsigned a_place = A::template lane_place<true>(row), b_place = B::template lane_place<false>(column);
  UNROLL
  for (int tile = 0; tile < kAhead; tile++) stage(tile, tile);
  wait_for_copies<kAhead - 1>();
  __syncthreads();
  int slot = 0, free = kAhead;
  if (works && tiles > 0) held.template load<A, B>(0, shared, a_place, b_place, 0);
  NO_UNROLL
  for (int tile = 0; tile < tiles; tile++) {
    UNROLL
    for (int step = 0; step < kSteps; step++) {
      const bool last = step == kSteps - 1;
      if (last) {
        slot = slot + 1 == Tile::kStages ? 0 : slot + 1;
        wait_for_copies<kAhead - 1>();
        __syncthreads();  // the next tile is there; this one's last fragments are in registers
      }
      if (works && (!last || tile + 1 < tiles))
        held.template load<A, B>((step + 1) % 2, shared + slot * kStage, a_place, b_place, last ? 0 : 16 * (step + 1));
      if (step == 0) {
        stage(free, tile + kAhead);
        free = free + 1 == Tile::kStages ? 0 : free + 1;
      }
      if (works) held.multiply(step % 2, with_sums);
    }
  }
}

// Stores a warp's part of a tile of C with its corner at (row0, col0), 8 rows at a time through `staging`, which is the warp's own.
template <class Tile, class T, class Held>
DEVICE void store(const Output<T>& to, float* staging, const Held& held, int row0, int col0, int m, int n) {
  constexpr int kAcross = Tile::kWarpN / LANES, kRows = WARP / kAcross, kPasses = 8 / kRows;
  constexpr int kPitch = Tile::kWarpN + 8;  // 8 lines of fragments meet all banks
  const int lane = threadIdx.x % WARP, across = lane % kAcross * LANES, down = lane / kAcross;
  const int column = col0 + across, count = n - column;
  const Lanes bias = to.column_bias(column, count);
  float* const fragment = staging + lane / 4 * kPitch + lane % 4 * 2;
  NO_UNROLL
  for (int eight = 0; eight < 2 * Held::kM; eight++) {
    const int row = row0 + 8 * eight + down;
    Lanes before[kPasses];
    UNROLL
    for (int p = 0; p < kPasses; p++) {
      const int r = row + p * kRows;
      before[p] = r < m && count > 0 ? to.before(static_cast<int64_t>(r) * n + column, count) : all_lanes(0);
    }
    UNROLL
    for (int f = 0; f < 2 * Held::kM; f++) {
      if (f != eight) continue;  // registers have no index at run time
      UNROLL
      for (int j = 0; j < 2 * Held::kN; j++)
        *reinterpret_cast<float2*>(fragment + 8 * j) = make_float2(held.sum[f / 2][j][f % 2 * 2], held.sum[f / 2][j][f % 2 * 2 + 1]);
    }
    __syncwarp();
    UNROLL
    for (int p = 0; p < kPasses; p++) {
      const int r = row + p * kRows;
      const Lanes product = load_aligned(staging + (p * kRows + down) * kPitch + across);
      if (r < m && count > 0) to.finish(r, static_cast<int64_t>(r) * n + column, count, product, bias, before[p]);
    }
    __syncwarp();
  }
}

// The rows' sums, which all columns of the fragments hold: added to `to`, or written.
template <class Held>
DEVICE void store_row_sums(float* to, const Held& held, int row0, int m, bool add) {
  const int lane = threadIdx.x % WARP;
  if (lane % 4 != 0) return;
  UNROLL
  for (int i = 0; i < Held::kM; i++) {
    UNROLL
    for (int half = 0; half < 2; half++) {
      const int row = row0 + 16 * i + 8 * half + lane / 4;
      if (row < m) to[row] = add ? to[row] + held.row_sum[i][2 * half] : held.row_sum[i][2 * half];
    }
  }
}

// The tile that comes `index`-th: bands of 8 tiles high are passed through column by column, so that blocks that run at the same time
// share their rows and columns in the L2 cache.
DEVICE void tile_at(int index, int down, int across, int* row, int* column) {
  constexpr int kBand = 8;
  const int first = index / (kBand * across) * kBand, height = down - first < kBand ? down - first : kBand;
  const int within = index - first * across;
  *row = first + within % height;
  *column = within / height;
}

// share: steps along k of each of gridDim.y blocks of a tile, a multiple of the tile's; with one share, k.
template <class Tile, bool A_K_FIRST, bool B_K_FIRST>
DEVICE void product(void* c, const bf16* a, const bf16* b, float* bias, void* other, const float* factors, float* scratch, int m, int n,
                    int k, int share, int epilogue, int rows_per_factor, int c_is_bf16, int aligned) {
  using A = Operand<Tile, Tile::kM, Tile::kK, A_K_FIRST>;
  using B = Operand<Tile, Tile::kN, Tile::kK, B_K_FIRST>;
  using Held = Fragments<Tile, A_K_FIRST>;
  DYNAMIC_SHARED(uint16_t, shared);
  const Epilogue kind = static_cast<Epilogue>(epilogue);
  const int down = (m + Tile::kM - 1) / Tile::kM, across = (n + Tile::kN - 1) / Tile::kN;
  const unsigned whole_warps = blockDim.x / WARP, warp = threadIdx.x / WARP;
  const int k0 = blockIdx.y * share, k1 = k - k0 < share ? k : k0 + share;
  const Matrix a_from{a, A_K_FIRST ? k1 : m, A_K_FIRST ? m : k1, A_K_FIRST ? m : k};
  const Matrix b_from{b, B_K_FIRST ? k1 : n, B_K_FIRST ? n : k1, B_K_FIRST ? n : k};
  float* const own = scratch + static_cast<int64_t>(blockIdx.y) * m * n;
  float* const own_sums = scratch + static_cast<int64_t>(gridDim.y) * m * n + static_cast<int64_t>(blockIdx.y) * m;
  for (int index = blockIdx.x; index < down * across; index += gridDim.x) {
    int row0, col0;
    tile_at(index, down, across, &row0, &col0);
    row0 *= Tile::kM;
    col0 *= Tile::kN;
    // One round in a block of kThreads threads.
    for (unsigned first = 0; first < Tile::kWarps && whole_warps > 0; first += whole_warps) {
      const unsigned part = first + warp;
      const bool works = warp < whole_warps && part < Tile::kWarps;
      const unsigned row = part / Tile::kWarpsAcross * Tile::kWarpM, column = part % Tile::kWarpsAcross * Tile::kWarpN;
      const bool with_sums = kind == Epilogue::ADD_ROW_SUMS && col0 == 0 && column == 0;
      Held held;
      held.clear();
      __syncthreads();  // the last results may still be read
      run_steps<Tile, A, B>(held, shared, a_from, b_from, row0, col0, k0, k1, A_K_FIRST, B_K_FIRST, row, column, works, with_sums,
                            aligned);
      if (!works) continue;
      float* const staging = reinterpret_cast<float*>(shared) + warp * 8 * (Tile::kWarpN + 8);
      if (c_is_bf16) {
        const Output<bf16> to{static_cast<bf16*>(c), static_cast<bf16*>(other), bias, kind, factors, rows_per_factor};
        store<Tile>(to, staging, held, row0 + row, col0 + column, m, n);
      } else {
        const bool shares = gridDim.y > 1;
        const Output<float> to{shares ? own : static_cast<float*>(c), static_cast<float*>(other), bias, shares ? Epilogue::WRITE : kind, factors,
                               rows_per_factor};
        store<Tile>(to, staging, held, row0 + row, col0 + column, m, n);
      }
      if constexpr (A_K_FIRST) {
        if (with_sums) store_row_sums(gridDim.y > 1 ? own_sums : bias, held, row0 + row, m, gridDim.y == 1);
      }
    }
  }
}

#define MATMUL_MMA(name, tile, blocks, a_k_first, b_k_first)                                                                              \
  KERNEL_BOUNDED(tile::kThreads, blocks, name, void* c, const bf16* __restrict__ a, const bf16* __restrict__ b, float* bias, void* other, \
                 const float* __restrict__ factors, float* scratch, int m, int n, int k, int share, int epilogue, int rows_per_factor,    \
                 int c_is_bf16, int aligned) {                                                                                            \
    product<tile, a_k_first, b_k_first>(c, a, b, bias, other, factors, scratch, m, n, k, share, epilogue, rows_per_factor, c_is_bf16,     \
                                        aligned);                                                                                         \
  }
MATMUL_MMA(matmul_mma_nt_large, Large, 1, false, false)
MATMUL_MMA(matmul_mma_nn_large, Large, 1, false, true)
MATMUL_MMA(matmul_mma_tn_large, Large, 1, true, true)
MATMUL_MMA(matmul_mma_nt_medium, Medium, 2, false, false)
MATMUL_MMA(matmul_mma_nn_medium, Medium, 2, false, true)
MATMUL_MMA(matmul_mma_tn_medium, Medium, 2, true, true)
MATMUL_MMA(matmul_mma_nt_small, Small, 4, false, false)
MATMUL_MMA(matmul_mma_nn_small, Small, 4, false, true)
MATMUL_MMA(matmul_mma_tn_small, Small, 4, true, true)

// C = the sum of the shares in `scratch`, or C += it; with ADD_ROW_SUMS also bias [m] += the rows' sums. Grid-stride.
KERNEL(matmul_mma_finish, float* __restrict__ c, float* __restrict__ bias, const float* __restrict__ scratch, int m, int n, int shares,
       int epilogue) {
  const Output<float> to{c, nullptr, nullptr, static_cast<Epilogue>(epilogue), nullptr, 1};
  const int64_t size = static_cast<int64_t>(m) * n, stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t at = thread * LANES; at < size; at += stride * LANES) {
    const int count = size - at < LANES ? static_cast<int>(size - at) : LANES;
    Lanes sum = load_lanes(scratch + at, count);
    for (int s = 1; s < shares; s++) sum = sum + load_lanes(scratch + s * size + at, count);
    to.finish(0, at, count, sum, all_lanes(0), to.before(at, count));
  }
  if (to.epilogue == Epilogue::ADD_ROW_SUMS) {
    for (int64_t row = thread; row < m; row += stride) {
      float sum = 0;
      for (int s = 0; s < shares; s++) sum += scratch[shares * size + static_cast<int64_t>(s) * m + row];
      bias[row] += sum;
    }
  }
}

#endif
