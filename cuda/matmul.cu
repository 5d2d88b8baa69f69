// Matrix product, row-major: P[m, n] = op(A) op(B), and an epilogue (epilogue.cuh) that says what becomes of it: C is written (`=`) or, with
// ADD and ADD_ROW_SUMS, added to (`+=`).
// op(A)[i, k] is A[i, k] or, if trans_a, A[k, i]; op(B)[k, j] is B[k, j] or, if trans_b, B[j, k].
//
// This runs where neither a library nor the matrix units (matmul_mma.cu) make the product, and both are tested against it. A block computes a
// tile of C: it brings TILE_K columns of op(A) and rows of op(B) at a time to shared memory, as floats, and each thread adds their product
// to its micro-tiles.
#include "epilogue.cuh"
#include "micro_tile.cuh"

#if WARP == 1
constexpr int MICRO_ROWS = 6, MICRO_COLS = 2;
constexpr int TILE_M = 96, TILE_N = 64, TILE_K = 64;
#else
constexpr int MICRO_ROWS = 8, MICRO_COLS = 2;
constexpr int TILE_M = 128, TILE_N = 128, TILE_K = 16;
#endif
constexpr int ROW_MICROS = TILE_M / MICRO_ROWS, COL_MICROS = TILE_N / (MICRO_COLS * LANES), MICROS = ROW_MICROS * COL_MICROS;
// Micro-tiles that a thread holds while it goes along k: one in its registers on the GPU; on the CPU the only thread holds the whole tile.
constexpr int HELD = WARP == 1 ? MICROS : 1;
// Rows of a staged tile are a little longer than the tile, so that a warp that writes a column does not hit one bank.
constexpr int SKEW = WARP == 1 ? 0 : 4;

// Brings a tile of an operand to shared memory as [k][element]: elements from `first`, `count` of them; steps from k0, `depth` of them.
// The operand is [k, size] in memory if k_first, else [size, k].
template <class T>
DEVICE void stage(float* to, int tile, const T* from, int k, int size, bool k_first, int first, int count, int k0, int depth) {
  if (k_first) {
    stage_rows(to, tile + SKEW, TILE_K, tile, from + static_cast<int64_t>(k0) * size + first, size, depth, count);
  } else {
    stage_columns(to, tile + SKEW, tile, TILE_K, from + static_cast<int64_t>(first) * k + k0, k, count, depth);
  }
}

// Stores a micro-tile whose corner is row i0, column j0 of C.
template <class T>
DEVICE void store(const Output<T>& to, const MicroTile<MICRO_ROWS, MICRO_COLS>& sum, int i0, int j0, int m, int n) {
  UNROLL
  for (int g = 0; g < MICRO_COLS; g++) {
    const int j = j0 + g * COL_MICROS * LANES;
    if (j >= n) continue;
    const Lanes bias = to.column_bias(j, n - j);
    UNROLL
    for (int r = 0; r < MICRO_ROWS; r++) {
      const int64_t at = static_cast<int64_t>(i0 + r) * n + j;
      if (i0 + r < m) to.finish(i0 + r, at, n - j, sum.at[r][g], bias, to.before(at, n - j));
    }
  }
}

// sums[row] += the row's staged steps; a thread always has the same rows.
DEVICE void add_row_sums(float* __restrict__ sums, const float* __restrict__ a_tile) {
  for (int k = 0; k < TILE_K; k++) {
    SIMD
    for (int row = threadIdx.x; row < TILE_M; row += blockDim.x) sums[row] += a_tile[k * (TILE_M + SKEW) + row];
  }
}

// Tiles of C, one after the other along n, are shared among the blocks. The first tile of a row of tiles has the row sums.
template <class In, class Out>
DEVICE void product(const Output<Out>& to, const In* a, const In* b, int m, int n, int k, bool trans_a, bool trans_b) {
  SHARED(float, a_tile, TILE_K * (TILE_M + SKEW));  // [k][row]
  SHARED(float, b_tile, TILE_K * (TILE_N + SKEW));  // [k][column]
  SHARED(float, row_sums, TILE_M);
  const int across = (n + TILE_N - 1) / TILE_N, tiles = across * ((m + TILE_M - 1) / TILE_M);
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int row0 = tile / across * TILE_M, col0 = tile % across * TILE_N;
    const int rows = m - row0 < TILE_M ? m - row0 : TILE_M, cols = n - col0 < TILE_N ? n - col0 : TILE_N;
    for (int first = 0; first < MICROS; first += HELD * blockDim.x) {
      const bool with_sums = to.epilogue == Epilogue::ADD_ROW_SUMS && col0 == 0 && first == 0;
      MicroTile<MICRO_ROWS, MICRO_COLS> held[HELD];
      for (int h = 0; h < HELD; h++) clear(held[h]);
      if (with_sums)
        for (int row = threadIdx.x; row < TILE_M; row += blockDim.x) row_sums[row] = 0;
      for (int k0 = 0; k0 < k; k0 += TILE_K) {
        const int depth = k - k0 < TILE_K ? k - k0 : TILE_K;
        __syncthreads();  // the tiles may still be read
        stage(a_tile, TILE_M, a, k, m, trans_a, row0, rows, k0, depth);
        stage(b_tile, TILE_N, b, k, n, !trans_b, col0, cols, k0, depth);
        __syncthreads();
        if (with_sums) add_row_sums(row_sums, a_tile);
        for (int h = 0; h < HELD; h++) {
          const int micro = first + h * blockDim.x + threadIdx.x;
          if (micro < MICROS) {
            add_product(held[h], a_tile + micro / COL_MICROS * MICRO_ROWS, 1, TILE_M + SKEW, b_tile + micro % COL_MICROS * LANES,
                        TILE_N + SKEW, COL_MICROS * LANES, TILE_K);
          }
        }
      }
      for (int h = 0; h < HELD; h++) {
        const int micro = first + h * blockDim.x + threadIdx.x;
        if (micro < MICROS)
          store(to, held[h], row0 + micro / COL_MICROS * MICRO_ROWS, col0 + micro % COL_MICROS * LANES, m, n);
      }
      if (with_sums)
        for (int row = threadIdx.x; row < rows; row += blockDim.x) to.bias[row0 + row] += row_sums[row];
    }
  }
}

// The type of A and B, and that of C and the other tensor.
KERNEL(matmul, float* c, const float* __restrict__ a, const float* __restrict__ b, float* bias, float* other,
       const float* __restrict__ factors, int m, int n, int k, int trans_a, int trans_b, int epilogue, int rows_per_factor) {
  product(Output<float>{c, other, bias, static_cast<Epilogue>(epilogue), factors, rows_per_factor}, a, b, m, n, k, trans_a, trans_b);
}
KERNEL(matmul_bf16, bf16* c, const bf16* __restrict__ a, const bf16* __restrict__ b, float* bias, bf16* other,
       const float* __restrict__ factors, int m, int n, int k, int trans_a, int trans_b, int epilogue, int rows_per_factor) {
  product(Output<bf16>{c, other, bias, static_cast<Epilogue>(epilogue), factors, rows_per_factor}, a, b, m, n, k, trans_a, trans_b);
}
KERNEL(matmul_bf16_to_float, float* c, const bf16* __restrict__ a, const bf16* __restrict__ b, float* bias, float* other,
       const float* __restrict__ factors, int m, int n, int k, int trans_a, int trans_b, int epilogue, int rows_per_factor) {
  product(Output<float>{c, other, bias, static_cast<Epilogue>(epilogue), factors, rows_per_factor}, a, b, m, n, k, trans_a, trans_b);
}
