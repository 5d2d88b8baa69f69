// What InfoNCE on tensor cores (info_nce_mma.cu, info_nce_mma_gradient.cu) has in common: chunks of unit rows in shared memory.
//
// Unit rows lie in memory as bfloat16, [count, padded] with padded a multiple of 64 and zeros behind a row's end. They come to shared memory in
// chunks of 64 columns, 128 bytes a row, whose eight 16-byte units change places by the row's number: so neither cp.async nor ldmatrix meets
// a bank twice.
#pragma once

#include "info_nce.cuh"
#include "mma.cuh"

#if WARP > 1
constexpr int CHUNK = 64, CHUNK_BYTES = 2 * CHUNK;

DEVICE int full_warps() { return blockDim.x / WARP; }
DEVICE int own_warp() { return threadIdx.x / WARP; }
DEVICE int own_lane() { return threadIdx.x % WARP; }

// Where 16-byte unit `unit` of row `row` of a chunk lies.
DEVICE char* unit_at(char* chunk, int row, int unit) { return chunk + chunk_place<CHUNK / 8>(row, unit) * 16; }

// A lane's place in the operands that it loads: the row of a chunk whose address it gives, and which of its units. Row numbers that are added
// to it are multiples of 8, unit numbers even, so the change of places is one exclusive or.
struct LanePlace {
  int row;   // in bytes
  int unit;  // in bytes
};
// A [16, 16], rows are the product's rows; B twice [16, 8], 16 rows are its columns; and, transposed, B twice [16, 8] of 16 rows that are summed
// over. For these the lanes' rows and units are in turn (lane % 16, lane / 16), (lane % 8 + lane / 16 * 8, lane / 8 % 2), (lane % 16, lane / 16).
DEVICE LanePlace lane_place(int row, int unit) { return {row * CHUNK_BYTES, (unit ^ (row & 7)) << 4}; }
DEVICE LanePlace a_place(int lane) { return lane_place(lane % 16, lane / 16); }
DEVICE LanePlace b_place(int lane) { return lane_place(lane % 8 + lane / 16 * 8, lane / 8 % 2); }
DEVICE char* operand(char* chunk, const LanePlace& lane, int row, int unit) {
  return chunk + lane.row + row * CHUNK_BYTES + (lane.unit ^ (unit << 4));
}

DEVICE void add_mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  mma_bf16(d, a, b);
}

// Starts to copy `tile` rows of a chunk, from row `first` of `count` on; zeros beyond the last.
DEVICE void copy_chunk(char* to, const bf16* half, int first, int count, int tile, int padded, int chunk) {
  for (int i = threadIdx.x; i < tile * 8; i += blockDim.x) {
    const int r = i / 8, unit = i % 8;
    const bool inside = first + r < count;
    copy_async<16>(unit_at(to, r, unit), half + static_cast<int64_t>(inside ? first + r : 0) * padded + chunk * CHUNK + unit * 8,
                   inside ? 16 : 0);
  }
}
#endif
