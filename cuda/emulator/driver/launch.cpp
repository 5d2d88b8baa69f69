// Launches of kernels, and how many of their blocks fit a multiprocessor.

#include <algorithm>
#include <cstring>

#include "device.h"
#include "driver.h"

using namespace emulator;

namespace {

constexpr size_t kParameterAlign = 16;

// A launch with its arguments' values, which are taken when it is submitted.
struct Launch {
  const KernelEntry* kernel;
  Dim3 grid, block;
  uint32_t dynamic_shared;
  bool cooperative;
  std::unique_ptr<std::max_align_t[]> values;
  std::vector<void*> arguments;
};

int blocks_that_fit(const Function& function, int threads, size_t dynamic) {
  if (threads <= 0 || threads > function.entry.maximum_threads) return 0;
  const int warps = (threads + 31) / 32;
  const size_t shared = dynamic + function.entry.static_shared + kReservedShared;
  if (dynamic + function.entry.static_shared > static_cast<size_t>(shared_per_block_opt_in())) return 0;
  const int by_threads = kThreadsPerMultiprocessor / (warps * 32);
  const int by_registers = kRegisters / (warps * 32 * kRegistersPerThread);
  const int by_shared = static_cast<int>(static_cast<size_t>(shared_per_multiprocessor()) / shared);
  return std::min({by_threads, by_registers, by_shared, kBlocksPerMultiprocessor});
}

Result check_geometry(const Call& call, const Function& function, Dim3 grid, Dim3 block, uint32_t dynamic) {
  const char* const name = function.entry.name.c_str();
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > kMaximumGridX || grid.y > kMaximumGridYZ || grid.z > kMaximumGridYZ) {
    return call.fail(INVALID_VALUE, "a grid of %u x %u x %u blocks was asked for '%s'; each number is 1 to %u, %u and %u", grid.x, grid.y,
                     grid.z, name, kMaximumGridX, kMaximumGridYZ, kMaximumGridYZ);
  }
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  const uint64_t limit = static_cast<uint64_t>(function.entry.maximum_threads);
  if (threads == 0 || block.x > kMaximumThreads || block.y > kMaximumThreads || block.z > kMaximumBlockZ || threads > limit) {
    return call.fail(INVALID_VALUE, "blocks of %u x %u x %u threads were asked for '%s'; there are at most %u x %u x %u, and %llu in all",
                     block.x, block.y, block.z, name, kMaximumThreads, kMaximumThreads, kMaximumBlockZ,
                     static_cast<unsigned long long>(limit));
  }
  if (dynamic > static_cast<uint32_t>(function.maximum_dynamic)) {
    return call.fail(INVALID_VALUE,
                     "%u bytes of dynamic shared memory were asked for '%s', which may have %d beside its %u static ones; raise "
                     "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES with cuFuncSetAttribute first",
                     dynamic, name, function.maximum_dynamic, function.entry.static_shared);
  }
  return SUCCESS;
}

// Copies what the argument table points to. The PTX says what the caller hands over and the kernel what it takes: with Check::SIGNATURE off
// they may differ.
Result copy_arguments(const Call& call, const Function& function, void* const* table, Launch* launch) {
  const KernelEntry& kernel = *function.kernel;
  const int given = static_cast<int>(function.entry.parameters.size());
  if (table == nullptr && given > 0) {
    return call.fail(INVALID_VALUE, "'%s' takes %d arguments, but kernelParams is null", kernel.name, given);
  }
  size_t units = 0;
  for (int i = 0; i < kernel.parameter_count; i++) units += (kernel.parameters[i].size + kParameterAlign - 1) / kParameterAlign;
  launch->values = std::make_unique<std::max_align_t[]>(units * kParameterAlign / sizeof(std::max_align_t) + 1);
  char* at = reinterpret_cast<char*>(launch->values.get());
  for (int i = 0; i < kernel.parameter_count; i++) {
    const uint32_t bytes = kernel.parameters[i].size;
    if (i < given) {
      if (table[i] == nullptr) return call.fail(INVALID_VALUE, "argument %d of %d of '%s' is a null pointer", i + 1, given, kernel.name);
      std::memcpy(at, table[i], std::min(bytes, function.entry.parameters[i].size));
    }
    launch->arguments.push_back(at);
    at += (bytes + kParameterAlign - 1) / kParameterAlign * kParameterAlign;
  }
  return SUCCESS;
}

int launch(const char* entry_point, uint64_t function_handle, Dim3 grid, Dim3 block, uint32_t dynamic, uint64_t stream_handle,
           void* const* table, void* const* extra, bool cooperative) {
  return enter(entry_point, Need::CONTEXT, [&](Call& call) -> Result {
    const std::shared_ptr<Function> function = driver().functions.find(function_handle);
    if (function == nullptr) return call.bad_handle(function_handle, Kind::FUNCTION);
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (extra != nullptr) return call.fail(NOT_SUPPORTED, "arguments in one block (extra) are not emulated; pass kernelParams");
    if (const Result r = check_geometry(call, *function, grid, block, dynamic)) return r;
    if (cooperative) {
      const int fits = kMultiprocessors * blocks_that_fit(*function, static_cast<int>(block.x * block.y * block.z), dynamic);
      const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
      if (blocks > static_cast<uint64_t>(fits)) {
        return call.fail(kCooperativeLaunchTooLarge, "%llu blocks of '%s' have to be in flight at once, but only %d fit the card",
                         static_cast<unsigned long long>(blocks), function->kernel->name, fits);
      }
    }
    const auto launch = std::make_shared<Launch>();
    launch->kernel = function->kernel;
    launch->grid = grid;
    launch->block = block;
    launch->dynamic_shared = dynamic;
    launch->cooperative = cooperative;
    if (const Result r = copy_arguments(call, *function, table, launch.get())) return r;
    const std::string what = text("the kernel '%s' of %s", launch->kernel->name, stream->name.c_str());
    Body body = touching(what, [launch] {
      LaunchRequest request{launch->kernel,         launch->grid,        launch->block,
                            launch->dynamic_shared, launch->cooperative, launch->arguments.data()};
      return run(request);
    });
    // Captured kernels count when their graph is launched.
    if (stream->capture == nullptr) {
      if (const Result r = refuse_on_capturing(call, *stream, "a launch")) return r;
      const Fault fault = count_launch();
      if (fault == Fault::LOSE) return lose_device(call);
      if (fault == Fault::FAIL) {
        body = [what](const Order&) {
          log(what + " failed, as the option fail_launch asked for.");
          return LAUNCH_FAILED;
        };
      }
    }
    return submit(call, *stream, {what, body, nullptr, true});
  });
}

// Runs `work(call, function)`.
template <class Work>
int with_function(const char* name, uint64_t handle, Work work) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    const std::shared_ptr<Function> function = driver().functions.find(handle);
    if (function == nullptr) return call.bad_handle(handle, Kind::FUNCTION);
    return work(call, *function);
  });
}

int active_blocks(const char* name, int* blocks, uint64_t handle, int threads, size_t dynamic) {
  return with_function(name, handle, [&](const Call& call, const Function& function) -> Result {
    if (blocks == nullptr) return call.null("numBlocks");
    if (threads <= 0) return call.fail(INVALID_VALUE, "blocks of %d threads", threads);
    *blocks = blocks_that_fit(function, threads, dynamic);
    return SUCCESS;
  });
}

using SharedOfThreads = size_t (*)(int threads);

int best_block(const char* name, int* grid, int* block, uint64_t handle, SharedOfThreads shared, size_t dynamic, int limit) {
  return with_function(name, handle, [&](const Call& call, const Function& function) -> Result {
    if (grid == nullptr || block == nullptr) return call.null(grid == nullptr ? "minGridSize" : "blockSize");
    int most = function.entry.maximum_threads;
    if (limit > 0 && limit < most) most = limit;
    int best = 0;
    for (int threads = (most + 31) / 32 * 32; threads > 0; threads -= 32) {
      const int size = std::min(threads, most);
      const int fits = blocks_that_fit(function, size, shared != nullptr ? shared(size) : dynamic);
      if (fits * size <= best) continue;
      best = fits * size;
      *block = size;
      *grid = fits * kMultiprocessors;
    }
    return best > 0 ? SUCCESS : call.fail(INVALID_VALUE, "no block of '%s' fits the card", function.kernel->name);
  });
}

}  // namespace

namespace emulator {

Fault count_launch() {
  driver().launches++;
  Options& o = options();
  if (o.lose_device > 0 && --o.lose_device == 0) return Fault::LOSE;
  return o.fail_launch > 0 && --o.fail_launch == 0 ? Fault::FAIL : Fault::NONE;
}

Result lose_device(const Call& call) {
  driver().lost = true;
  const Result result = call.fail(UNKNOWN, "the device was lost, as the option lose_device asked for");
  for (const auto& [handle, context] : driver().contexts.live()) {
    if (context->alive) break_context(context.get(), UNKNOWN);
  }
  return result;
}

}  // namespace emulator

EXPORT int cuLaunchKernel(uint64_t function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                          unsigned block_z, unsigned dynamic_shared, uint64_t stream, void** arguments, void** extra) {
  const Dim3 grid{grid_x, grid_y, grid_z}, block{block_x, block_y, block_z};
  return launch(__func__, function, grid, block, dynamic_shared, stream, arguments, extra, false);
}

EXPORT int cuLaunchCooperativeKernel(uint64_t function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                                     unsigned block_y, unsigned block_z, unsigned dynamic_shared, uint64_t stream, void** arguments) {
  const Dim3 grid{grid_x, grid_y, grid_z}, block{block_x, block_y, block_z};
  return launch(__func__, function, grid, block, dynamic_shared, stream, arguments, nullptr, true);
}

// ---- occupancy ------------------------------------------------------------------------------------------------------------------------
EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, uint64_t function, int threads, size_t dynamic_shared) {
  return active_blocks(__func__, blocks, function, threads, dynamic_shared);
}

EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, uint64_t function, int threads, size_t dynamic_shared,
                                                                unsigned) {
  return active_blocks(__func__, blocks, function, threads, dynamic_shared);
}

EXPORT int cuOccupancyMaxPotentialBlockSize(int* grid, int* block, uint64_t function, SharedOfThreads shared, size_t dynamic_shared,
                                            int limit) {
  return best_block(__func__, grid, block, function, shared, dynamic_shared, limit);
}

EXPORT int cuOccupancyMaxPotentialBlockSizeWithFlags(int* grid, int* block, uint64_t function, SharedOfThreads shared,
                                                     size_t dynamic_shared, int limit, unsigned) {
  return best_block(__func__, grid, block, function, shared, dynamic_shared, limit);
}

EXPORT int cuOccupancyAvailableDynamicSMemPerBlock(size_t* bytes, uint64_t handle, int blocks, int threads) {
  return with_function(__func__, handle, [&](const Call& call, const Function& function) -> Result {
    if (bytes == nullptr) return call.null("dynamicSmemSize");
    if (blocks <= 0 || blocks_that_fit(function, threads, 0) < blocks) {
      return call.fail(INVALID_VALUE, "%d blocks of %d threads of '%s' do not fit a multiprocessor", blocks, threads,
                       function.kernel->name);
    }
    const int each = shared_per_multiprocessor() / blocks - kReservedShared - static_cast<int>(function.entry.static_shared);
    *bytes = static_cast<size_t>(std::min(each, shared_per_block_opt_in() - static_cast<int>(function.entry.static_shared)));
    return SUCCESS;
  });
}
