// Products of small matrices on chip, 64 x 64 at a time, for kernels that fuse a product with what follows it.
//
// A Pack is what one instruction multiplies: a vector register on the CPU, one float on a GPU. A thread owns TILE_ROWS x TILE_PACKS packs of
// the result, which stay in registers; on a GPU a block's 256 threads own all of it, on the CPU its one thread takes the pieces in turn.
#pragma once

#include "target.cuh"

#define TILE 64

#if WARP > 1
typedef float Pack;
#define PACK_LANES 1
#define TILE_ROWS 4
#define TILE_PACKS 4
DEVICE Pack load_pack(const float* from) { return *from; }
DEVICE void store_pack(float* to, Pack value) { *to = value; }
#else
typedef Lanes Pack;
#define PACK_LANES LANES
#define TILE_ROWS (LANES == 16 ? 8 : 4)
#define TILE_PACKS 2
DEVICE Pack load_pack(const float* from) { return load_aligned(from); }
DEVICE void store_pack(float* to, Pack value) { store_aligned(to, value); }
#endif

// c[r * ldc + i] (+)= sum over d < depth of a[r * ROW_STEP + d * DEPTH_STEP] * b[d * ldb + i] for r, i < 64. A thread touches the same
// elements of c at every call, so calls that follow each other need no barrier for c.
template <int ROW_STEP, int DEPTH_STEP>
DEVICE void tile_product(float* c, int64_t ldc, const float* a, const float* b, int64_t ldb, int depth, bool accumulate) {
  constexpr int kAcross = TILE / PACK_LANES / TILE_PACKS;
  for (int item = threadIdx.x; item < TILE / TILE_ROWS * kAcross; item += blockDim.x) {
    const int row = item / kAcross * TILE_ROWS, across = item % kAcross;
    const float* ai = a + row * ROW_STEP;
    const float* bi = b + across * PACK_LANES;
    Pack sum[TILE_ROWS][TILE_PACKS] = {};
    for (int d = 0; d < depth; d++) {
      Pack bd[TILE_PACKS];
      UNROLL
      for (int k = 0; k < TILE_PACKS; k++) bd[k] = load_pack(bi + d * ldb + k * kAcross * PACK_LANES);
      UNROLL
      for (int r = 0; r < TILE_ROWS; r++) {
        const float ad = ai[r * ROW_STEP + d * DEPTH_STEP];
        UNROLL
        for (int k = 0; k < TILE_PACKS; k++) sum[r][k] += ad * bd[k];
      }
    }
    UNROLL
    for (int r = 0; r < TILE_ROWS; r++) {
      UNROLL
      for (int k = 0; k < TILE_PACKS; k++) {
        float* to = c + (row + r) * ldc + (across + k * kAcross) * PACK_LANES;
        store_pack(to, accumulate ? load_pack(to) + sum[r][k] : sum[r][k]);
      }
    }
  }
}
