// Matrix product, row-major: C[m, n] = op(A) op(B), or added to C (`+=`) if `accumulate`.
// op(A)[i, k] is A[i, k] or, if trans_a, A[k, i]; op(B)[k, j] is B[k, j] or, if trans_b, B[j, k].
//
// This is what runs where no BLAS library can be loaded. A block computes a tile of C: it brings TILE_K columns of op(A) and rows of op(B)
// at a time to shared memory, and each thread adds their product to its micro-tiles.
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
DEVICE void stage(float* to, int tile, const float* from, int k, int size, bool k_first, int first, int count, int k0, int depth) {
  if (k_first) {
    stage_rows(to, tile + SKEW, TILE_K, tile, from + static_cast<int64_t>(k0) * size + first, size, depth, count);
  } else {
    stage_columns(to, tile + SKEW, tile, TILE_K, from + static_cast<int64_t>(first) * k + k0, k, count, depth);
  }
}

// Writes a micro-tile to rows from `row` and column groups from `col` of the tile of C at c, or adds it.
DEVICE void write(float* c, int n, const MicroTile<MICRO_ROWS, MICRO_COLS>& sum, int row, int col, int rows, int cols,
                  bool accumulate) {
  UNROLL
  for (int r = 0; r < MICRO_ROWS; r++) {
    UNROLL
    for (int g = 0; g < MICRO_COLS; g++) {
      const int i = row + r, j = col + g * COL_MICROS * LANES;
      if (i < rows && j < cols) {
        float* const to = c + static_cast<int64_t>(i) * n + j;
        const Lanes v = sum.at[r][g];
        store_lanes(to, accumulate ? load_lanes(to, cols - j) + v : v, cols - j);
      }
    }
  }
}

// Tiles of C, one after the other along n, are shared among the blocks.
KERNEL(matmul, float* __restrict__ c, const float* __restrict__ a, const float* __restrict__ b, int m, int n, int k, int trans_a,
       int trans_b, int accumulate) {
  SHARED(float, a_tile, TILE_K * (TILE_M + SKEW));  // [k][row]
  SHARED(float, b_tile, TILE_K * (TILE_N + SKEW));  // [k][column]
  const int across = (n + TILE_N - 1) / TILE_N, tiles = across * ((m + TILE_M - 1) / TILE_M);
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int row0 = tile / across * TILE_M, col0 = tile % across * TILE_N;
    const int rows = m - row0 < TILE_M ? m - row0 : TILE_M, cols = n - col0 < TILE_N ? n - col0 : TILE_N;
    for (int first = 0; first < MICROS; first += HELD * blockDim.x) {
      MicroTile<MICRO_ROWS, MICRO_COLS> held[HELD];
      for (int h = 0; h < HELD; h++) clear(held[h]);
      for (int k0 = 0; k0 < k; k0 += TILE_K) {
        const int depth = k - k0 < TILE_K ? k - k0 : TILE_K;
        __syncthreads();  // the tiles may still be read
        stage(a_tile, TILE_M, a, k, m, trans_a, row0, rows, k0, depth);
        stage(b_tile, TILE_N, b, k, n, !trans_b, col0, cols, k0, depth);
        __syncthreads();
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
        if (micro < MICROS) {
          write(c + static_cast<int64_t>(row0) * n + col0, n, held[h], micro / COL_MICROS * MICRO_ROWS, micro % COL_MICROS * LANES,
                rows, cols, accumulate);
        }
      }
    }
  }
}
