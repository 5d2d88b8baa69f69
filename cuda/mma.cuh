// A warp's matrix instructions and asynchronous copies to shared memory (PTX ISA: mma, ldmatrix, cp.async; sm_80 and later), each with the
// form that the emulated driver runs. There is no form for the CPU: kernels that use these have none.
//
// Fragments, with lane = threadIdx.x % 32, group = lane / 4, pair = lane % 4 (PTX ISA, "Matrix fragments for mma.m16n8k16"):
//   A [16, 16] row-major: a[0] = (group, 2 pair..), a[1] = (group + 8, 2 pair..), a[2] = (group, 2 pair + 8..), a[3] = (group + 8, 2 pair + 8..)
//   B [16, 8]: b[0] = (2 pair.., group), b[1] = (2 pair + 8.., group)   (two neighbouring k in one register, the lower k in the low half)
//   C [16, 8]: c[0..1] = (group, 2 pair..), c[2..3] = (group + 8, 2 pair..)
#pragma once

#include "target.cuh"

#if WARP > 1

#if defined(__CUDACC__)

// 2^x by the special function unit; below 2^-126 it is 0.
DEVICE float exp2_f(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// x, of which the compiler then knows nothing: what is computed from it is computed there, and takes no registers before.
DEVICE int anew(int x) {
  int y;
  asm volatile("mov.b32 %0, %1;" : "=r"(y) : "r"(x));
  return y;
}

// d += A B with A [16, 16] and B [16, 8] in bfloat16, sums in float. All 32 lanes.
DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lane 8 m + r gives the address of row r (16 bytes, aligned) of matrix m, and
// gets elements (lane / 4, 2 (lane % 4)..) of each; transposed: elements (2 (lane % 4).., lane / 4). All 32 lanes.
DEVICE void load_matrices(uint32_t (&r)[4], const void* row) {
  const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}

// Starts to copy BYTES (4, 8 or 16, both ends aligned to that) from global to shared memory, the first `filled` of them, zeros behind. Until
// the thread has waited for the copy the target must not be touched; until a barrier after that, only by this thread.
template <int BYTES>
DEVICE void copy_async(void* to, const void* from, int filled = BYTES) {
  const uint32_t at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  if constexpr (BYTES == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(filled) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(at), "l"(from), "n"(BYTES), "r"(filled) : "memory");
  }
}
// The copies started since the last call are one group.
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most GROUPS of this thread's groups are under way.
template <int GROUPS>
DEVICE void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

#else

DEVICE float exp2_f(float x) { return exp2f(x); }
DEVICE int anew(int x) { return x; }

namespace emulator {

struct MmaIn {
  uint32_t a[4], b[2];
  float c[4];
};
struct MmaOut {
  float c[4];
};

VICMAE_UNCHECKED inline float bf16_half(uint32_t pair, int high) {
  return vicmae_bits<float>(high ? pair & 0xffff0000u : pair << 16);
}

// Products are exact in float; they are added in double, which hardware does not, and rounded once.
VICMAE_UNCHECKED inline void mma_bf16_body(unsigned, const MmaIn* const* in, MmaOut* const* out) {
  for (int row = 0; row < 16; row++) {
    for (int column = 0; column < 8; column++) {
      const int lane = row % 8 * 4 + column / 2, slot = row / 8 * 2 + column % 2;
      double sum = in[lane]->c[slot];
      for (int k = 0; k < 16; k++) {
        const int pair = k % 8 / 2, odd = k % 2;
        const float a = bf16_half(in[row % 8 * 4 + pair]->a[row / 8 + k / 8 * 2], odd);
        const float b = bf16_half(in[column * 4 + pair]->b[k / 8], odd);
        sum += static_cast<double>(a * b);
      }
      out[lane]->c[slot] = static_cast<float>(sum);
    }
  }
}

struct MatrixRow {
  uint32_t words[4];
};
struct Fragments {
  uint32_t words[4];
};

VICMAE_UNCHECKED inline uint32_t half_of(const MatrixRow& row, int i) { return row.words[i / 2] >> i % 2 * 16 & 0xffffu; }

template <bool TRANSPOSED>
VICMAE_UNCHECKED void load_matrices_body(unsigned, const MatrixRow* const* in, Fragments* const* out) {
  for (int lane = 0; lane < 32; lane++) {
    for (int m = 0; m < 4; m++) {
      const int row = lane / 4, column = lane % 4 * 2;
      const uint32_t low = TRANSPOSED ? half_of(*in[8 * m + column], row) : half_of(*in[8 * m + row], column);
      const uint32_t high = TRANSPOSED ? half_of(*in[8 * m + column + 1], row) : half_of(*in[8 * m + row], column + 1);
      out[lane]->words[m] = high << 16 | low;
    }
  }
}

// Each lane reads the row whose address it gives.
template <bool TRANSPOSED>
VICMAE_UNCHECKED void load_matrices(uint32_t (&r)[4], const void* row, Place place) {
  vicmae_touch(row, 16, 16, 0, place);
  MatrixRow own;
  __builtin_memcpy(&own, row, sizeof own);
  const Fragments all = collective<Fragments, MatrixRow>("ldmatrix", 0xffffffffu, own, load_matrices_body<TRANSPOSED>, place);
  __builtin_memcpy(r, all.words, sizeof all);
}

}  // namespace emulator

DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], VICMAE_PLACE) {
  const emulator::MmaIn in{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}, {d[0], d[1], d[2], d[3]}};
  const emulator::MmaOut out = emulator::collective<emulator::MmaOut, emulator::MmaIn>("mma", 0xffffffffu, in, emulator::mma_bf16_body,
                                                                                       {file, line});
  for (int i = 0; i < 4; i++) d[i] = out.c[i];
}
DEVICE void load_matrices(uint32_t (&r)[4], const void* row, VICMAE_PLACE) { emulator::load_matrices<false>(r, row, {file, line}); }
DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* row, VICMAE_PLACE) {
  emulator::load_matrices<true>(r, row, {file, line});
}
template <int BYTES>
DEVICE void copy_async(void* to, const void* from, int filled = BYTES, VICMAE_PLACE) {
  static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "cp.async copies 4, 8 or 16 bytes");
  vicmae_copy_async(to, from, BYTES, filled, {file, line});
}
DEVICE void commit_copies() { vicmae_copy_async_commit(); }
template <int GROUPS>
DEVICE void wait_for_copies() {
  vicmae_copy_async_wait(GROUPS);
}

#endif

constexpr float kLog2e = 1.44269504f;

// Where a row's chunk of 16 bytes lies, in chunks, in a tile of shared memory with CHUNKS of them a row. The same chunk of 8 neighbouring rows,
// what one step of ldmatrix reads, lies in 8 different groups of 4 banks: what the row's length does not spread over them, an exchange of
// chunks within the row does. Unsigned: constant offsets between places are then constants to the compiler.
template <unsigned CHUNKS>
DEVICE unsigned chunk_place(unsigned row, unsigned chunk) {
  constexpr unsigned kBit = CHUNKS & -CHUNKS, kTurns = kBit < 8 ? kBit : 8;
  return row * CHUNKS + (chunk ^ (row / (8 / kTurns) % kTurns));
}

// Two neighbouring results [16, 8] as a left operand A [16, 16].
DEVICE void to_left_operand(uint32_t (&a)[4], const float (&left)[4], const float (&right)[4]) {
  a[0] = pack_bf16(left[0], left[1]);
  a[1] = pack_bf16(left[2], left[3]);
  a[2] = pack_bf16(right[0], right[1]);
  a[3] = pack_bf16(right[2], right[3]);
}
#endif
