// The products of packed panels, block by block: by AMX, by AVX512-BF16, or in plain vector code. gemm.h says what a panel is.
//
// AMX and AVX512-BF16 take denormal numbers as zero and round to nearest whatever the thread's settings are; AMX adds up a step's 32 terms
// before it adds them to the block, so that a sum of k terms is rounded k / 32 times.
#include "gemm.h"

#if defined(__x86_64__) && defined(__AVX512F__) && defined(__linux__)
#define VICMAE_X86_ENGINES
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

void nothing() {}

// ---- plain --------------------------------------------------------------------------------------------------------------------------

typedef float TileRow __attribute__((vector_size(4 * kTile)));
typedef uint32_t TilePairs __attribute__((vector_size(4 * kTile)));

void multiply_plain(const uint16_t* a, const uint16_t* b, float* block, int steps) {
  constexpr int kRows = 4;
  for (int row = 0; row < kPanel; row += kRows) {
    for (int half = 0; half < 2; half++) {
      float* const out = block + (row / kTile * 2 + half) * kTile * kTile + row % kTile * kTile;
      TileRow sum[kRows] = {};
      for (int s = 0; s < steps; s++) {
        const uint16_t* const lines = a + s * kPlaneElements + row * kStep;
        const uint16_t* const pairs = b + s * kPlaneElements + half * kTileElements;
        for (int p = 0; p < kTile; p++) {
          TilePairs both;
          __builtin_memcpy(&both, pairs + p * kStep, sizeof both);
          const TileRow even = reinterpret_cast<TileRow>(both << 16), odd = reinterpret_cast<TileRow>(both & 0xffff0000u);
#pragma GCC unroll 4
          for (int r = 0; r < kRows; r++) {
            uint32_t pair;
            __builtin_memcpy(&pair, lines + r * kStep + 2 * p, sizeof pair);
            const uint32_t first = pair << 16, second = pair & 0xffff0000u;
            float x, y;
            __builtin_memcpy(&x, &first, sizeof x);
            __builtin_memcpy(&y, &second, sizeof y);
            sum[r] += x * even;
            sum[r] += y * odd;
          }
        }
      }
      __builtin_memcpy(out, sum, sizeof sum);
    }
  }
}

constexpr BlockEngine kPlain{nothing, nothing, multiply_plain};

#if defined(VICMAE_X86_ENGINES)

// ---- AVX512-BF16 --------------------------------------------------------------------------------------------------------------------

__attribute__((target("avx512bf16"))) void multiply_avx512(const uint16_t* a, const uint16_t* b, float* block, int steps) {
  constexpr int kRows = 8;
  for (int row = 0; row < kPanel; row += kRows) {
    float* const left = block + row / kTile * 2 * kTile * kTile + row % kTile * kTile;
    float* const right = left + kTile * kTile;
    __m512 sum[kRows][2] = {};
    for (int s = 0; s < steps; s++) {
      const uint16_t* const lines = a + s * kPlaneElements + row * kStep;
      const uint16_t* const pairs = b + s * kPlaneElements;
      for (int p = 0; p < kTile; p++) {
        const __m512bh b0 = (__m512bh)_mm512_loadu_si512(pairs + p * kStep);
        const __m512bh b1 = (__m512bh)_mm512_loadu_si512(pairs + kTileElements + p * kStep);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; r++) {
          int pair;
          __builtin_memcpy(&pair, lines + r * kStep + 2 * p, sizeof pair);
          const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
          sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
          sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
        }
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; r++) {
      _mm512_storeu_ps(left + r * kTile, sum[r][0]);
      _mm512_storeu_ps(right + r * kTile, sum[r][1]);
    }
  }
}

constexpr BlockEngine kAvx512Bf16{nothing, nothing, multiply_avx512};

// ---- AMX ----------------------------------------------------------------------------------------------------------------------------

#define AMX __attribute__((target("amx-tile,amx-bf16")))
constexpr int kLineBytes = 64;  // of a tile register

struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t line_bytes[16] = {kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes};
  uint8_t lines[16] = {kTile, kTile, kTile, kTile, kTile, kTile, kTile, kTile};
};
// In memory of its own: g++ does not see that the instruction reads all of it.
constexpr TileConfiguration kEightTiles;

AMX void begin_amx() { _tile_loadconfig(&kEightTiles); }

// Gives the tile registers back, so that the thread's switches need not save them.
AMX void end_amx() { _tile_release(); }

// Tile registers 0 to 3 hold the block, 4 and 5 a plane of A, 6 and 7 one of B.
#define LOAD_A(plane)                                            \
  _tile_loadd(4, a + (plane) * kPlaneElements, kLineBytes);      \
  _tile_loadd(5, a + (plane) * kPlaneElements + kTileElements, kLineBytes)
#define LOAD_B(plane)                                            \
  _tile_loadd(6, b + (plane) * kPlaneElements, kLineBytes);      \
  _tile_loadd(7, b + (plane) * kPlaneElements + kTileElements, kLineBytes)
#define MULTIPLY           \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7)

template <int kPlanes>
AMX void multiply_amx(const uint16_t* a, const uint16_t* b, float* block, int steps) {
  constexpr int kQuarter = kTile * kTile;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int s = 0; s < steps; s++) {
    if constexpr (kPlanes == 1) {
      LOAD_A(0);
      LOAD_B(0);
      MULTIPLY;
    } else {
      // The largest product comes last; each of the others shares a plane with the one before it.
      LOAD_A(2);
      LOAD_B(0);
      MULTIPLY;
      LOAD_A(1);
      MULTIPLY;
      LOAD_B(1);
      MULTIPLY;
      LOAD_A(0);
      MULTIPLY;
      LOAD_B(2);
      MULTIPLY;
      LOAD_B(0);
      MULTIPLY;
    }
    a += kPlanes * kPlaneElements;
    b += kPlanes * kPlaneElements;
  }
  _tile_stored(0, block, kLineBytes);
  _tile_stored(1, block + kQuarter, kLineBytes);
  _tile_stored(2, block + 2 * kQuarter, kLineBytes);
  _tile_stored(3, block + 3 * kQuarter, kLineBytes);
}

constexpr BlockEngine kAmxFloat{begin_amx, end_amx, multiply_amx<3>};
constexpr BlockEngine kAmxBf16{begin_amx, end_amx, multiply_amx<1>};

// Whether the processor has AMX and the system lets this process use it; new threads inherit the permission.
bool amx_allowed() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned kAmxBf16Bit = 1u << 22, kAmxTileBit = 1u << 24;
  if ((d & kAmxBf16Bit) == 0 || (d & kAmxTileBit) == 0) return false;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

#endif

int bit(Engine engine) { return 1 << static_cast<int>(engine); }

int find_block_engines() {
  int found = bit(Engine::kPlain);
#if defined(VICMAE_X86_ENGINES)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bf16")) found |= bit(Engine::kAvx512Bf16);
  if (amx_allowed()) found |= bit(Engine::kAmx);
#endif
  return found;
}

}  // namespace

int block_engines() {
  static const int found = find_block_engines();
  return found;
}

const BlockEngine* block_engine(Engine engine, bool bf16_in) {
  if ((block_engines() & bit(engine)) == 0) return nullptr;
#if defined(VICMAE_X86_ENGINES)
  if (engine == Engine::kAmx) return bf16_in ? &kAmxBf16 : &kAmxFloat;
  if (engine == Engine::kAvx512Bf16 && bf16_in) return &kAvx512Bf16;
#endif
  return engine == Engine::kPlain && bf16_in ? &kPlain : nullptr;
}
