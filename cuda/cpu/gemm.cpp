// Matrix products on the CPU: which engine does a product, and how its work is shared among the pool's threads.
//
// C's longer side is cut into chunks of panels. First all threads pack the operand of the shorter side to a buffer that they share. Then
// each takes a chunk: it packs the chunk's own operand to its cache, as much of k at a time as fits, and goes through the other operand's
// panels, block after block; where k takes several parts, the blocks' sums wait in the thread's scratch. With the last part a block is
// finished: its epilogue runs while it is in the first cache.
//
// A block's parts are each summed from zero and then added up, which keeps the error of long sums down. Where k is cut depends on the shape
// alone, and the parts are added in order, so that the result has the same bits with any number of threads.
#include "gemm.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "launch.h"

namespace {

// Bytes of a thread's second cache that a chunk's packed operand may take, and the sums that wait.
constexpr int64_t kChunkBytes = 896 << 10, kWaitingBytes = 640 << 10;
constexpr int kPartSteps = 32;            // of k at most, packed at a time
constexpr int kMaxChunkPanels = 16;
constexpr int64_t kSharedBytes = 48 << 20;  // of the shared operand at most, where a product can be made in slices of k
constexpr double kWorthSharing = 48.0 * 48 * 48;

struct Buffer {
  void* memory = nullptr;
  size_t bytes = 0;
  ~Buffer() { std::free(memory); }
};
thread_local Buffer shared_buffer;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How a product is cut up.
struct Plan {
  const Gemm& g;
  const BlockEngine& engine;
  ApplyEpilogue epilogue;
  Operand long_side, short_side;  // by panels
  int planes, steps;
  int part_steps, parts;  // of k
  int inner_steps;        // of k, within a part, for which a block stays in the registers
  int chunks;             // of the long side
  int ranges;             // of the short side: more than one where there are fewer chunks than threads, or sums would take too much room
  uint16_t* packed;       // the short side, panel after panel
  float* sums;            // of the rows' groups, or null

  Plan(const Gemm& product, const BlockEngine& with, int threads)
      : g(product), engine(with), epilogue(epilogue_of(product)), planes(product.bf16_in ? 1 : 3), steps(step_count(product.k)) {
    const Operand a = operand_a(g), b = operand_b(g);
    long_side = a.panels() >= b.panels() ? a : b;
    short_side = a.panels() >= b.panels() ? b : a;
    parts = static_cast<int>(divide_up(steps, kPartSteps));
    part_steps = static_cast<int>(divide_up(divide_up(steps, parts), kSumSteps)) * kSumSteps;
    parts = static_cast<int>(divide_up(steps, part_steps));
    // One plane: the short side's panel, 16 KB of it, stays in the first cache while the chunk's go by. With three there is work enough.
    inner_steps = planes == 1 ? 8 : part_steps;
    const int fitting = static_cast<int>(kChunkBytes / (part_steps * step_bytes()));
    const int chunk = std::clamp(fitting, 2, kMaxChunkPanels), wanted = 2 * threads;
    chunks = static_cast<int>(divide_up(long_side.panels(), chunk));
    chunks = std::min<int>(long_side.panels(), std::max<int>(wanted, divide_up(chunks, threads) * threads));
    ranges = parts == 1 ? 1 : static_cast<int>(divide_up(int64_t{short_side.panels()} * largest(chunks) * kBlockFloats * 4, kWaitingBytes));
    if (threads > 1) ranges = std::max<int>(ranges, divide_up(wanted, chunks));
    ranges = std::min(ranges, short_side.panels());
  }

  int64_t step_elements() const { return int64_t{planes} * kPlaneElements; }
  int64_t step_bytes() const { return step_elements() * 2; }
  int64_t panel_stride() const { return steps * step_elements(); }
  int largest(int count) const { return static_cast<int>(divide_up(long_side.panels(), count)); }
  int64_t packed_bytes() const { return int64_t{short_side.panels()} * panel_stride() * 2; }
  int64_t sums_bytes() const { return g.epilogue == Epilogue::kAddRowSums ? int64_t{4} * group_count(g.k) * g.m : 0; }
  // Where a thread's scratch holds the chunk's operand and, behind it, the blocks.
  int64_t chunk_bytes() const { return largest(chunks) * part_steps * step_bytes(); }
  int64_t waiting_blocks() const { return largest(chunks) * (parts == 1 ? 1 : divide_up(short_side.panels(), ranges)); }
};

// The short side's panels are packed a few at a time, some steps of each.
constexpr int kPackPanels = 4;

void pack_short_side(const Plan& plan, int64_t unit) {
  const int groups = group_count(plan.g.k);
  const int first = static_cast<int>(unit / groups) * kPackPanels, from = static_cast<int>(unit % groups) * kSumSteps;
  pack(plan.short_side, first, std::min(first + kPackPanels, plan.short_side.panels()), from, std::min(from + kSumSteps, plan.steps),
       plan.packed + first * plan.panel_stride() + from * plan.step_elements(), plan.panel_stride(),
       plan.short_side.is_a ? plan.sums : nullptr);
}

void finish(const Plan& plan, const float* block, int row_panel, int col_panel) {
  for (int tile = 0; tile < 4; tile++) {
    const int row = row_panel * kPanel + tile / 2 * kTile, col = col_panel * kPanel + tile % 2 * kTile;
    const int rows = std::min(plan.g.m - row, kTile), cols = std::min(plan.g.n - col, kTile);
    if (rows > 0 && cols > 0) plan.epilogue(plan.g, row, col, rows, cols, block + tile * kTile * kTile, kTile);
  }
}

void add(float* __restrict block, const float* __restrict partial) {
#pragma omp simd
  for (int i = 0; i < kBlockFloats; i++) block[i] += partial[i];
}

// Chunk panels [first, last), of which `chunk` holds steps [from, to), times one panel of the short side.
void multiply_panel(const Plan& plan, int first, int last, const uint16_t* chunk, int from, int to, int panel, float* blocks) {
  const int64_t chunk_stride = plan.part_steps * plan.step_elements();
  const uint16_t* const other = plan.packed + panel * plan.panel_stride();
  alignas(64) float partial[kBlockFloats];
  for (int inner = from; inner < to; inner += plan.inner_steps) {
    const int count = std::min(plan.inner_steps, to - inner);
    for (int p = first; p < last; p++) {
      const bool rows = plan.long_side.is_a;
      const uint16_t* const own = chunk + (p - first) * chunk_stride + (inner - from) * plan.step_elements();
      const uint16_t* const shared = other + inner * plan.step_elements();
      float* const block = blocks + (p - first) * kBlockFloats;
      plan.engine.multiply(rows ? own : shared, rows ? shared : own, inner == 0 ? block : partial, count);
      if (inner > 0) add(block, partial);
      if (inner + count == plan.steps) finish(plan, block, rows ? p : panel, rows ? panel : p);
    }
  }
}

void run_chunk(const Plan& plan, int64_t task, char* scratch) {
  const int chunk = static_cast<int>(task / plan.ranges), range = static_cast<int>(task % plan.ranges);
  const int64_t panels = plan.long_side.panels(), others = plan.short_side.panels();
  const int first = static_cast<int>(panels * chunk / plan.chunks), last = static_cast<int>(panels * (chunk + 1) / plan.chunks);
  const int begin = static_cast<int>(others * range / plan.ranges), end = static_cast<int>(others * (range + 1) / plan.ranges);
  uint16_t* const packed = reinterpret_cast<uint16_t*>(scratch);
  float* const blocks = reinterpret_cast<float*>(scratch + plan.chunk_bytes());
  float* const sums = plan.long_side.is_a && range == 0 ? plan.sums : nullptr;
  for (int from = 0; from < plan.steps; from += plan.part_steps) {
    const int to = std::min(from + plan.part_steps, plan.steps);
    pack(plan.long_side, first, last, from, to, packed, plan.part_steps * plan.step_elements(), sums);
    for (int panel = begin; panel < end; panel++) {
      float* const waiting = blocks + (plan.parts == 1 ? 0 : int64_t{panel - begin} * (last - first) * kBlockFloats);
      multiply_panel(plan, first, last, packed, from, to, panel, waiting);
    }
  }
}

GemmResult packed_gemm(const Gemm& g, const BlockEngine& engine) {
  const bool alone = double(g.m) * g.n * g.k < kWorthSharing;
  Plan plan(g, engine, alone ? 1 : vicmae_threads());
  char* const shared = static_cast<char*>(gemm_shared_buffer(plan.packed_bytes() + plan.sums_bytes()));
  if (shared == nullptr) return kNoMemory;
  plan.packed = reinterpret_cast<uint16_t*>(shared);
  plan.sums = plan.sums_bytes() == 0 ? nullptr : reinterpret_cast<float*>(shared + plan.packed_bytes());
  const int64_t units = divide_up(plan.short_side.panels(), kPackPanels) * group_count(g.k), tasks = int64_t{plan.chunks} * plan.ranges;
  vicmae_parallel(
      units, alone ? units : 1,
      [](const void* context, int64_t begin, int64_t end) {
        for (int64_t unit = begin; unit < end; unit++) pack_short_side(*static_cast<const Plan*>(context), unit);
      },
      &plan);
  vicmae_parallel(
      tasks, alone ? tasks : 1,
      [](const void* context, int64_t begin, int64_t end) {
        const Plan& plan = *static_cast<const Plan*>(context);
        char* const scratch =
            static_cast<char*>(reserve_dynamic_shared(plan.chunk_bytes() + plan.waiting_blocks() * kBlockFloats * sizeof(float)));
        plan.engine.begin();
        for (int64_t task = begin; task < end; task++) run_chunk(plan, task, scratch);
        plan.engine.end();
      },
      &plan);
  if (plan.sums != nullptr) add_group_sums(g, plan.sums);
  return kDone;
}

const void* at(const void* data, bool bf16, int64_t element) { return static_cast<const char*>(data) + element * (bf16 ? 2 : 4); }

// Where C is added to, one slice of k after the other bounds the shared buffer. A slice depends on the shape alone.
GemmResult sliced_gemm(const Gemm& g, const BlockEngine& engine) {
  const int64_t shorter = divide_up(std::min(g.m, g.n), kPanel), step_bytes = (g.bf16_in ? 2 : 6) * kPlaneElements * shorter;
  const int64_t slice_steps = std::max<int64_t>(kSharedBytes / step_bytes / kSumSteps, 1) * kSumSteps, slice = slice_steps * kStep;
  if (!g.adds() || g.k <= slice) return packed_gemm(g, engine);
  if (!g.trans_a || g.trans_b) return packed_gemm(g, engine);  // rows of A and B are not slices of memory
  for (int64_t from = 0; from < g.k; from += slice) {
    Gemm part = g;
    part.k = static_cast<int>(std::min<int64_t>(slice, g.k - from));
    part.a = at(g.a, g.bf16_in, from * g.m);
    part.b = at(g.b, g.bf16_in, from * g.n);
    const GemmResult result = packed_gemm(part, engine);
    if (result != kDone) return result;  // before the first slice, or the buffer is large enough
  }
  return kDone;
}

Engine choose(const Gemm& g) {
  if (g.engine != Engine::kAny) return g.engine;
  const int found = block_engines();
  const auto has = [found](Engine engine) { return (found >> static_cast<int>(engine) & 1) != 0; };
  if (has(Engine::kAmx)) return Engine::kAmx;
  if (!g.bf16_in) return Engine::kBlas;
  return has(Engine::kAvx512Bf16) ? Engine::kAvx512Bf16 : blas_present() ? Engine::kBlas : Engine::kPlain;
}

}  // namespace

void* gemm_shared_buffer(size_t bytes) {
  Buffer& buffer = shared_buffer;
  if (bytes > buffer.bytes) {
    constexpr size_t kHugePage = 2 << 20;
    std::free(buffer.memory);
    buffer.bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    buffer.memory = std::aligned_alloc(kHugePage, buffer.bytes);
    if (buffer.memory == nullptr) {
      buffer.bytes = 0;
    } else {
      madvise(buffer.memory, buffer.bytes, MADV_HUGEPAGE);
    }
  }
  return buffer.memory;
}

// Bits of the engines that can be had: 1 << Engine.
extern "C" int vicmae_gemm_engines(const void*) {
  return block_engines() | (blas_present() ? 1 << static_cast<int>(Engine::kBlas) : 0);
}

// P = op(A) op(B) and its epilogue. A GemmResult: kCannot if the engine does not do this type, kNoMemory if there is none for a buffer; C
// is then as it was.
extern "C" int vicmae_gemm(const Gemm* g) {
  if (g->m <= 0 || g->n <= 0 || g->k <= 0) return kCannot;
  const Engine engine = choose(*g);
  if (engine == Engine::kBlas) return blas_gemm(*g);
  const BlockEngine* const blocks = block_engine(engine, g->bf16_in != 0);
  return blocks == nullptr ? kCannot : sliced_gemm(*g, *blocks);
}
