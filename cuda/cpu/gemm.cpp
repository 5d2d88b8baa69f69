// Matrix products on the CPU: which engine does a product, and how its work is shared among the pool's threads.
//
// C's longer side is cut into chunks of panels. First all threads pack the operand of the shorter side to a buffer that they share. Then
// each takes a chunk: it packs the chunk's own operand to its second cache, as much of k at a time as fits, and goes through the other
// operand's panels, each of them against all of the chunk's. Where k takes several parts, the blocks' sums wait in the thread's scratch.
// With the last part a block is finished: its epilogue runs while it is in the first cache. A shorter side that fits the second cache as
// a whole stays there instead, and the chunk's panels go by.
//
// A block's parts are each summed from zero and then added up, which keeps the error of long sums down. Where k is cut depends on the shape
// alone, and the parts are added in order, so that the result has the same bits with any number of threads.
#include "gemm.h"

#include <algorithm>
#include <cstdlib>

#include "launch.h"

namespace {

// Bytes of a thread's second cache that a chunk's packed operand may take, and the sums that wait.
constexpr int64_t kChunkBytes = 896 << 10, kWaitingBytes = 640 << 10;
constexpr int64_t kResidentBytes = 896 << 10;  // of a shorter side that stays in the second cache
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

struct alignas(64) Block {
  float at[kBlockFloats];
};

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
  const uint16_t* packed_long;   // the long side, if it is a B that was packed before, or null
  const uint16_t* packed_short;  // the short side, panel after panel
  float* sums;            // of the rows' groups, or null
  bool resident;          // whether the short side stays in the second cache
  bool waits;             // whether a block's sum waits for others' to be made

  Plan(const Gemm& product, const BlockEngine& with, int threads)
      : g(product), engine(with), epilogue(epilogue_of(product)), planes(product.bf16_in ? 1 : 3), steps(step_count(product.k)) {
    const Operand a = operand_a(g), b = operand_b(g);
    long_side = a.panels() >= b.panels() ? a : b;
    short_side = a.panels() >= b.panels() ? b : a;
    packed_long = long_side.is_a ? nullptr : static_cast<const uint16_t*>(g.packed_b);
    packed_short = short_side.is_a ? nullptr : static_cast<const uint16_t*>(g.packed_b);
    parts = static_cast<int>(divide_up(steps, kPartSteps));
    part_steps = std::min(steps, static_cast<int>(divide_up(divide_up(steps, parts), kSumSteps)) * kSumSteps);
    parts = static_cast<int>(divide_up(steps, part_steps));
    // With one plane, 16 KB of a panel stay in the first cache while others go by. With three there is work enough for what is loaded.
    inner_steps = planes == 1 ? 8 : part_steps;
    waits = steps > inner_steps;
    resident = parts == 1 && packed_bytes() <= kResidentBytes;
    const int fitting = static_cast<int>(kChunkBytes / (part_steps * step_bytes()));
    const int chunk = std::clamp(fitting, 2, kMaxChunkPanels), wanted = 2 * threads, panels = long_side.panels();
    chunks = static_cast<int>(divide_up(divide_up(panels, chunk), threads)) * threads;
    chunks = std::min(panels, std::max(wanted, chunks));
    ranges = parts == 1 ? 1 : static_cast<int>(divide_up(int64_t{short_side.panels()} * largest_chunk() * sizeof(Block), kWaitingBytes));
    ranges = std::min<int>(short_side.panels(), std::max<int64_t>(ranges, threads == 1 ? 1 : divide_up(wanted, chunks)));
  }

  int64_t step_elements() const { return int64_t{planes} * kPlaneElements; }
  int64_t step_bytes() const { return step_elements() * 2; }
  int64_t panel_stride() const { return steps * step_elements(); }
  int64_t largest_chunk() const { return divide_up(long_side.panels(), chunks); }
  int64_t largest_range() const { return divide_up(short_side.panels(), ranges); }
  int64_t packed_bytes() const { return int64_t{short_side.panels()} * panel_stride() * 2; }
  int64_t sums_bytes() const { return g.epilogue == Epilogue::kAddRowSums ? int64_t{4} * group_count(g.k) * g.m : 0; }
  // A thread's scratch: the chunk's packed operand, then the blocks.
  int64_t chunk_bytes() const { return packed_long != nullptr ? 0 : largest_chunk() * part_steps * step_bytes(); }
  int64_t scratch_bytes() const {
    const int64_t blocks = !waits ? 1 : parts > 1 ? largest_chunk() * largest_range() : resident ? largest_range() : largest_chunk();
    return chunk_bytes() + blocks * int64_t{sizeof(Block)};
  }
};

// The short side's panels are packed a few at a time, some steps of each.
constexpr int kPackPanels = 4;

// What is to be packed here and now.
struct ShortSide {
  const Plan& plan;
  uint16_t* out;
};

void pack_short_side(const ShortSide& side, int64_t unit) {
  const Plan& plan = side.plan;
  const int groups = group_count(plan.g.k);
  const int first = static_cast<int>(unit / groups) * kPackPanels, from = static_cast<int>(unit % groups) * kSumSteps;
  pack(plan.short_side, first, std::min(first + kPackPanels, plan.short_side.panels()), from, std::min(from + kSumSteps, plan.steps),
       side.out + first * plan.panel_stride() + from * plan.step_elements(), plan.panel_stride(),
       plan.short_side.is_a ? plan.sums : nullptr);
}

void finish(const Plan& plan, const Block& block, int row_panel, int col_panel) {
  const int64_t row = int64_t{row_panel} * kPanel, col = int64_t{col_panel} * kPanel;
  const int rows = static_cast<int>(plan.g.m - row), cols = static_cast<int>(std::min<int64_t>(plan.g.n - col, kPanel));
  constexpr int kQuarter = kTile * kTile;
  plan.epilogue(plan.g, row, col, std::min(rows, kTile), cols, block.at, kTile, kQuarter);
  if (rows > kTile) plan.epilogue(plan.g, row + kTile, col, std::min(rows - kTile, kTile), cols, block.at + 2 * kQuarter, kTile, kQuarter);
}

void add(Block& __restrict block, const Block& __restrict partial) {
#pragma omp simd
  for (int i = 0; i < kBlockFloats; i++) block.at[i] += partial.at[i];
}

// Panels [first, last) of one operand.
struct Panels {
  int first, last;
};

// Panels of the long side, of which `packed` holds steps from `from` on, `stride` elements from panel to panel, times panels of the short
// side: steps [from, to).
void multiply(const Plan& plan, Panels own, const uint16_t* packed, int64_t stride, Panels others, int from, int to, Block* blocks) {
  const bool rows = plan.long_side.is_a;
  Block partial;
  for (int inner = from; inner < to; inner += plan.inner_steps) {
    const int count = std::min(plan.inner_steps, to - inner);
    int64_t next = 0;
    for (int q = others.first; q < others.last; q++) {
      const uint16_t* const other = plan.packed_short + q * plan.panel_stride() + inner * plan.step_elements();
      for (int p = own.first; p < own.last; p++) {
        const uint16_t* const mine = packed + (p - own.first) * stride + (inner - from) * plan.step_elements();
        Block& block = blocks[plan.waits ? next++ : 0];
        plan.engine.multiply(rows ? mine : other, rows ? other : mine, inner == 0 ? block.at : partial.at, count);
        if (inner > 0) add(block, partial);
        if (inner + count == plan.steps) finish(plan, block, rows ? p : q, rows ? q : p);
      }
    }
  }
}

void run_chunk(const Plan& plan, int64_t task, char* scratch) {
  const int64_t chunk = task / plan.ranges, range = task % plan.ranges, panels = plan.long_side.panels(), others = plan.short_side.panels();
  const Panels own{static_cast<int>(panels * chunk / plan.chunks), static_cast<int>(panels * (chunk + 1) / plan.chunks)};
  const Panels other{static_cast<int>(others * range / plan.ranges), static_cast<int>(others * (range + 1) / plan.ranges)};
  uint16_t* const packed = reinterpret_cast<uint16_t*>(scratch);
  Block* const blocks = reinterpret_cast<Block*>(scratch + plan.chunk_bytes());
  float* const sums = plan.long_side.is_a && range == 0 ? plan.sums : nullptr;
  // Where B was packed before, all of its steps follow each other.
  const uint16_t* const before = plan.packed_long;
  const int64_t stride = before != nullptr ? plan.panel_stride() : plan.part_steps * plan.step_elements();
  if (plan.resident) {
    for (int first = own.first; first < own.last; first += kPackPanels) {
      const int last = std::min(first + kPackPanels, own.last);
      if (before == nullptr) pack(plan.long_side, first, last, 0, plan.steps, packed, stride, sums);
      for (int p = first; p < last; p++) {
        const uint16_t* const mine = before != nullptr ? before + p * stride : packed + (p - first) * stride;
        multiply(plan, {p, p + 1}, mine, stride, other, 0, plan.steps, blocks);
      }
    }
    return;
  }
  for (int from = 0; from < plan.steps; from += plan.part_steps) {
    const int to = std::min(from + plan.part_steps, plan.steps);
    if (before == nullptr) pack(plan.long_side, own.first, own.last, from, to, packed, stride, sums);
    const uint16_t* const mine = before != nullptr ? before + own.first * stride + from * plan.step_elements() : packed;
    Block* waiting = blocks;
    for (int q = other.first; q < other.last; q++) {
      multiply(plan, own, mine, stride, {q, q + 1}, from, to, waiting);
      if (plan.parts > 1) waiting += own.last - own.first;
    }
  }
}

GemmResult packed_gemm(const Gemm& g, const BlockEngine& engine) {
  const bool alone = double(g.m) * g.n * g.k < kWorthSharing;
  Plan plan(g, engine, alone ? 1 : vicmae_threads());
  const bool packs = plan.packed_short == nullptr;
  const int64_t side_bytes = packs ? plan.packed_bytes() : 0, shared_bytes = side_bytes + plan.sums_bytes();
  char* const shared = shared_bytes == 0 ? nullptr : static_cast<char*>(gemm_shared_buffer(shared_bytes));
  if (shared == nullptr && shared_bytes > 0) return kNoMemory;
  plan.sums = plan.sums_bytes() == 0 ? nullptr : reinterpret_cast<float*>(shared + side_bytes);
  const int64_t units = divide_up(plan.short_side.panels(), kPackPanels) * group_count(g.k), tasks = int64_t{plan.chunks} * plan.ranges;
  if (packs) {
    const ShortSide side{plan, reinterpret_cast<uint16_t*>(shared)};
    plan.packed_short = side.out;
    vicmae_parallel(
        units, alone ? units : 1,
        [](const void* context, int64_t begin, int64_t end) {
          for (int64_t unit = begin; unit < end; unit++) pack_short_side(*static_cast<const ShortSide*>(context), unit);
        },
        &side);
  }
  vicmae_parallel(
      tasks, alone ? tasks : 1,
      [](const void* context, int64_t begin, int64_t end) {
        const Plan& plan = *static_cast<const Plan*>(context);
        char* const scratch = static_cast<char*>(reserve_dynamic_shared(plan.scratch_bytes()));
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
    if (result != kDone) return result;  // nothing was done: it is the first slice, which needs the largest buffer
  }
  return kDone;
}

Engine choose(const Gemm& g) {
  if (g.engine == Engine::kFma) return g.bf16_in ? Engine::kPlain : Engine::kBlas;  // without a packed B
  if (g.engine == Engine::kAvx512Bf16 && !g.bf16_in) return Engine::kBlas;
  if (g.engine != Engine::kAny) return g.engine;
  const int found = block_engines();
  const auto has = [found](Engine engine) { return (found >> static_cast<int>(engine) & 1) != 0; };
  // A block is 32 x 32 and a step 32 long, whatever the product needs of them; floats pay six times for what is not.
  constexpr int kFewest = 5, kShortest = 16;
  const bool thin = !g.bf16_in && (std::min(g.m, g.n) < kFewest || g.k < kShortest);
  if (has(Engine::kAmx) && !(thin && blas_present())) return Engine::kAmx;
  if (!g.bf16_in) return Engine::kBlas;
  return has(Engine::kAvx512Bf16) ? Engine::kAvx512Bf16 : blas_present() ? Engine::kBlas : Engine::kPlain;
}

// How a B is packed that is packed once for many products.
enum class Form {
  kNone,    // nothing is gained by it
  kPanels,  // see gemm_panels.cpp
  kTiles,   // as the short side of a product is, see gemm.h
};

Form form_of(Engine engine, bool bf16, int k) {
  if (engine == Engine::kFma) return bf16 ? Form::kNone : Form::kPanels;
  Gemm usual{};  // neither thin nor short
  usual.engine = engine;
  usual.bf16_in = bf16;
  usual.m = usual.n = usual.k = 64;
  const Engine chosen = choose(usual);
  if (chosen == Engine::kAvx512Bf16 && has_panels(bf16, k)) return Form::kPanels;
  if (block_engine(chosen, bf16) != nullptr) return Form::kTiles;
  return engine == Engine::kAny && !bf16 ? Form::kPanels : Form::kNone;
}

// B of a product with a packed weight: stored [n, k].
Operand packed_operand(bool bf16, const void* b, int n, int k) { return {b, bf16, false, false, n, k}; }

}  // namespace

void* gemm_shared_buffer(size_t bytes) {
  Buffer& buffer = shared_buffer;
  if (bytes > buffer.bytes) {
    std::free(buffer.memory);
    buffer.memory = allocate_huge(bytes);
    buffer.bytes = buffer.memory == nullptr ? 0 : bytes;
  }
  return buffer.memory;
}

// A weight B' [n, k] that is packed once, for products A B. Mirrored by io.github.vicmae.device.cpu.CpuStream.
struct Packing {
  Engine engine;
  int32_t bf16, n, k;
  const void* b;
  void* out;
};

// Sets *out, of 64 bits, to the bytes that the packed weight takes: 0 if products gain nothing by it.
extern "C" int vicmae_packed_bytes(const Packing* p) {
  const bool bf16 = p->bf16 != 0;
  const int64_t tiles = packed_operand(bf16, p->b, p->n, p->k).panels() * int64_t{step_count(p->k)} * (bf16 ? 1 : 3) * kPlaneElements * 2;
  const Form form = form_of(p->engine, bf16, p->k);
  *static_cast<int64_t*>(p->out) = form == Form::kPanels ? panel_bytes(bf16, p->n, p->k) : form == Form::kTiles ? tiles : 0;
  return 0;
}

extern "C" int vicmae_pack(const Packing* p) {
  if (form_of(p->engine, p->bf16 != 0, p->k) == Form::kPanels) {
    pack_panels(p->bf16 != 0, p->b, p->n, p->k, p->out);
    return 0;
  }
  const Operand operand = packed_operand(p->bf16 != 0, p->b, p->n, p->k);
  struct Context {
    const Operand& b;
    uint16_t* out;
  } context{operand, static_cast<uint16_t*>(p->out)};
  vicmae_parallel(
      operand.panels(), 1,
      [](const void* pointer, int64_t begin, int64_t end) {
        const Context& c = *static_cast<const Context*>(pointer);
        const int64_t stride = int64_t{step_count(c.b.k)} * (c.b.bf16 ? 1 : 3) * kPlaneElements;
        pack(c.b, static_cast<int>(begin), static_cast<int>(end), 0, step_count(c.b.k), c.out + begin * stride, stride, nullptr);
      },
      &context);
  return 0;
}

// Bits of the engines that can be had: 1 << Engine.
extern "C" int vicmae_gemm_engines(const void*) {
  return block_engines() | 1 << static_cast<int>(Engine::kFma) | (blas_present() ? 1 << static_cast<int>(Engine::kBlas) : 0);
}

// P = op(A) op(B) and its epilogue. A GemmResult: kCannot if the engine does not do this type, kNoMemory if there is none for a buffer; C
// is then as it was.
extern "C" int vicmae_gemm(const Gemm* g) {
  if (g->m <= 0 || g->n <= 0 || g->k <= 0) return kCannot;
  if (g->packed_b != nullptr && form_of(g->engine, g->bf16_in != 0, g->k) == Form::kPanels) {
    if (g->trans_a == 0 && g->epilogue != Epilogue::kAddRowSums) return panel_gemm(*g);
    Gemm plain = *g;  // such a product reads B itself
    plain.packed_b = nullptr;
    return vicmae_gemm(&plain);
  }
  const Engine engine = choose(*g);
  if (engine == Engine::kBlas) return blas_gemm(*g);
  const BlockEngine* const blocks = block_engine(engine, g->bf16_in != 0);
  return blocks == nullptr ? kCannot : sliced_gemm(*g, *blocks);
}
