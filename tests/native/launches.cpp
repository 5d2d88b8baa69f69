// Launches: geometry, arguments, shared memory, occupancy, cooperative launches, recording.
#include <dirent.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "driver_test.h"

using namespace driver_test;

CASE(launches, geometry_has_limits) {
  const Card card;
  const CUfunction function = card.function("plain");
  CUdeviceptr none = 0;
  int n = 0;
  void* arguments[] = {&none, &none, &n};
  const auto answer = [&](unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz) {
    return cuLaunchKernel(function, gx, gy, gz, bx, by, bz, 0, nullptr, arguments, nullptr);
  };
  const unsigned wrong[][6] = {{0, 1, 1, 1, 1, 1},     {0x80000000u, 1, 1, 1, 1, 1}, {1, 65536, 1, 1, 1, 1},
                               {1, 1, 65536, 1, 1, 1}, {1, 1, 1, 1025, 1, 1},        {1, 1, 1, 32, 33, 1},
                               {1, 1, 1, 1, 1, 65},    {1, 1, 1, 1, 0, 1},           {1, 1, 1, 0xffffffffu, 0xffffffffu, 1}};
  for (const auto& g : wrong) ANSWERS(CUDA_ERROR_INVALID_VALUE, answer(g[0], g[1], g[2], g[3], g[4], g[5]));
  LOGGED("blocks of 1 x 0 x 1 threads were asked for 'plain'");
  OK(answer(3, 2, 2, 8, 4, 2));
  OK(answer(1, 1, 1, 1024, 1, 1));
  OK(cuCtxSynchronize());
}

CASE(launches, arguments_are_taken_at_the_call) {
  const Card card;
  const Floats x(1);
  const CUfunction function = card.function("affine");
  CUdeviceptr y = x;
  float a = 2, b = 3;
  int n = kCount;
  void* arguments[] = {&y, &a, &b, &n};
  OK(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, arguments, nullptr));
  a = b = -1;
  EQ(value(x), 5);
  arguments[2] = nullptr;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, arguments, nullptr));
  LOGGED("argument 3 of 4 of 'affine' is a null pointer");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr));
  LOGGED("kernelParams is null");
  void* extra[] = {nullptr};
  ANSWERS(CUDA_ERROR_NOT_SUPPORTED, cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra));
}

CASE(launches, handles_are_known_by_their_kind) {
  const Card card;
  const auto answer = [](CUfunction function) { return cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr); };
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, answer(nullptr));
  LOGGED("expected a function, was given null");
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, answer(reinterpret_cast<CUfunction>(card.module)));
  LOGGED("was given a module");
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, answer(reinterpret_cast<CUfunction>(uintptr_t{0x1234})));
  LOGGED("0x1234, no handle that this driver gave out");
}

CASE(launches, shared_memory_beyond_48_kib_has_to_be_asked_for) {
  const Card card;
  const CUfunction reverse = card.function("reverse");
  const Floats x(1), y;
  const unsigned wide = 100000;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, launch(reverse, 1, 32, wide, nullptr, y.address, x.address, kCount));
  LOGGED("raise CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES");
  const CUfunction_attribute limit = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(reverse, limit, 232449));
  OK(cuFuncSetAttribute(reverse, limit, 232448));
  OK(launch(reverse, 1, 32, wide, nullptr, y.address, x.address, kCount));
  OK(launch(reverse, 1, 32, 232448, nullptr, y.address, x.address, kCount));
  OK(cuCtxSynchronize());
  EQ(value(y), 1);
}

CASE(launches, less_shared_memory_than_the_kernel_uses_is_found) {
  const Card card;
  const Floats x(1), y;
  OK(launch(card.function("reverse"), 1, 32, kCount * 4 - 4, nullptr, y.address, x.address, kCount));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("shared_bounds: kernel reverse");
  LOGGED("right behind the end of shared 'dynamic shared memory' (252 bytes)");
}

CASE(launches, occupancy_is_that_of_the_card) {
  const Card card;
  const CUfunction function = card.function("reverse");
  OK(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232448));
  const auto blocks = [&](int threads, size_t shared) {
    int count = -1;
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&count, function, threads, shared));
    return count;
  };
  EQ(blocks(256, 0), 8);
  EQ(blocks(32, 0), 32);
  EQ(blocks(1024, 0), 2);
  EQ(blocks(256, 100000), 2);
  int grid = 0, block = 0;
  OK(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, nullptr, 0, 0));
  EQ(block, 1024);
  EQ(grid, 8);
  size_t bytes = 0;
  OK(cuOccupancyAvailableDynamicSMemPerBlock(&bytes, function, 2, 256));
  EQ(bytes, 233472u / 2 - 1024);
}

// All blocks of a cooperative launch are in flight at once and may wait for each other, and their stacks leave the process its mappings.
CASE(launches, cooperative_blocks_wait_for_each_other) {
  const Card card;
  const CUfunction function = card.function("grid_sum");
  for (const unsigned blocks : {1u, 8u, 128u}) {
    CUdeviceptr y, partial, arrived;
    OK(cuMemAlloc(&y, blocks * sizeof(float)));
    OK(cuMemAlloc(&partial, blocks * sizeof(float)));
    OK(cuMemAlloc(&arrived, sizeof(unsigned)));
    OK(cuMemsetD32(arrived, 0, 1));
    void* arguments[] = {&y, &partial, &arrived};
    OK(cuLaunchCooperativeKernel(function, blocks, 1, 1, 64, 1, 1, 0, nullptr, arguments));
    OK(cuCtxSynchronize());
    EQ(value(y), static_cast<float>(blocks * (blocks + 1) / 2));
    OK(cuMemFree(y));
    OK(cuMemFree(partial));
    OK(cuMemFree(arrived));
  }
  CHECK(mappings() < 40000);
  CUdeviceptr none = 0;
  void* arguments[] = {&none, &none, &none};
  ANSWERS(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, cuLaunchCooperativeKernel(function, 9, 1, 1, 1024, 1, 1, 0, nullptr, arguments));
  LOGGED("9 blocks of 'grid_sum' have to be in flight at once, but only 8 fit the card");
}

CASE(launches, as_many_blocks_are_resident_as_asked_for) {
  configure("resident=64");
  const Card card;
  const Floats x(1), y;
  const CUfunction plain = card.function("plain");
  OK(launch(plain, 80, 1024, 0, nullptr, y.address, x.address, kCount));
  EQ(value(y), 2);
  CHECK(mappings() < 40000);
}

CASE(launches, the_log_names_kernel_block_thread_and_line) {
  const Card card;
  const Floats x(1);
  CUdeviceptr y;
  OK(cuMemAlloc(&y, 40));
  OK(card.plain(nullptr, y, x, 11));
  ANSWERS(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
  LOGGED("global_bounds: kernel plain of (1,1,1) blocks of (32,1,1) threads\n  block (0,0,0), thread (10,0,0) writes 4 bytes at 0x");
  LOGGED("right behind the end of allocation ");
  LOGGED("(40 bytes by cuMemAlloc_v2)");
  cuMemFree(y);
}

CASE(launches, reading_what_nobody_wrote_is_found) {
  const Card card;
  const Floats y;
  CUdeviceptr x;
  OK(cuMemAlloc(&x, kCount * sizeof(float)));
  OK(card.plain(nullptr, y, x));
  ANSWERS(CUDA_ERROR_LAUNCH_FAILED, cuCtxSynchronize());
  LOGGED("unwritten: kernel plain");
  cuMemFree(x);
}

CASE(launches, launches_are_recorded) {
  std::string folder = std::filesystem::temp_directory_path() / "vicmae-record-XXXXXX";
  CHECK(mkdtemp(folder.data()) != nullptr);
  configure("record=" + folder);
  {
    const Card card;
    const Floats x(1), y;
    OK(card.plain(nullptr, y, x, 17));
    OK(card.plain(nullptr, y, x, 17));  // says nothing new
    OK(card.plain(nullptr, y, x, 18));
    OK(cuCtxSynchronize());
  }
  int files = 0;
  DIR* const listing = opendir(folder.c_str());
  while (const dirent* entry = listing == nullptr ? nullptr : readdir(listing)) {
    const std::string name = folder + "/" + entry->d_name;
    if (entry->d_name[0] == '.') continue;
    files++;
    CHECK(name.ends_with("-plain.launch"));
    std::ifstream file(name);
    std::string first, second;
    std::getline(file, first);
    std::getline(file, second);
    EQ(first, "vicmae launch 1");
    EQ(second, "kernel plain");
    unlink(name.c_str());
  }
  if (listing != nullptr) closedir(listing);
  EQ(files, 2);
  EQ(rmdir(folder.c_str()), 0);
}

CASE(launches, a_folder_that_is_missing_costs_the_record_alone) {
  configure("record=/nonexistent/folder");
  const Card card;
  const Floats x(1), y;
  OK(card.plain(nullptr, y, x, 19));
  EQ(value(y), 2);
  LOGGED("The launch could not be recorded in /nonexistent/folder/");
}
