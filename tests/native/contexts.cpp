// Contexts, the device's properties, errors, and the driver's own settings.
#include <cstring>
#include <thread>

#include "driver_test.h"

using namespace driver_test;

// First, before any other case calls cuInit.
CASE(contexts, nothing_works_before_init) {
  CUdevice device;
  int version = 0;
  ANSWERS(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGet(&device, 0));
  ANSWERS(CUDA_ERROR_NOT_INITIALIZED, cuCtxSynchronize());
  LOGGED("cuInit was not called");
  OK(cuDriverGetVersion(&version));
  EQ(version, 13000);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuInit(3));
  OK(cuInit(0));
}

CASE(contexts, there_is_one_device) {
  CUdevice device;
  char name[64];
  size_t bytes;
  OK(cuDeviceGet(&device, 0));
  ANSWERS(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 1));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuDeviceGet(nullptr, 0));
  OK(cuDeviceGetName(name, sizeof name, 0));
  EQ(std::string(name), "vicmae emulated GPU");
  OK(cuDeviceGetName(name, 7, 0));
  EQ(std::string(name), "vicmae");
  OK(cuDeviceTotalMem(&bytes, 0));
  EQ(bytes, size_t{4} << 30);
}

static int attribute(CUdevice_attribute which) {
  int value = -1;
  OK(cuDeviceGetAttribute(&value, which, 0));
  return value;
}

CASE(contexts, attributes_are_those_of_the_capability) {
  EQ(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR), 9);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 1024);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z), 64);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X), 0x7fffffff);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z), 65535);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_WARP_SIZE), 32);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK), 49152);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN), 232448);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK), 1024);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING), 1);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH), 1);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED), 1);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY), 0);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID), 0);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_NUMA_ID), -1);
  configure("capability=80");
  EQ(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR), 8);
  EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN), 166912);
  int value;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, static_cast<CUdevice_attribute>(4711), 0));
  LOGGED("there is no device attribute 4711");
}

CASE(contexts, errors_have_names) {
  const char* text = nullptr;
  OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EQ(std::string(text), "CUDA_ERROR_ILLEGAL_ADDRESS");
  OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EQ(std::string(text), "not enough memory is left");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuGetErrorName(static_cast<CUresult>(12345), &text));
  CHECK(text == nullptr);
}

CASE(contexts, a_thread_needs_a_current_context) {
  CUdeviceptr p;
  CUcontext retained, again, current;
  OK(cuDevicePrimaryCtxRetain(&retained, 0));
  OK(cuDevicePrimaryCtxRetain(&again, 0));
  CHECK(retained == again);
  ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc(&p, 4));
  LOGGED("this thread has no current context");
  OK(cuCtxSetCurrent(retained));
  OK(cuMemAlloc(&p, 4));
  std::thread([&] {
    CUdeviceptr q;
    ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc(&q, 4));
    OK(cuCtxPushCurrent(retained));
    OK(cuMemFree(p));
    OK(cuCtxPopCurrent(&current));
    CHECK(current == retained);
    ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuCtxPopCurrent(&current));
  }).join();
  OK(cuDevicePrimaryCtxRelease(0));
  OK(cuMemAlloc(&p, 4));  // retained twice, released once
  OK(cuMemFree(p));
  OK(cuDevicePrimaryCtxRelease(0));
  EQ(vicmae_emulator_leaks(), 0);
  ANSWERS(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuMemAlloc(&p, 4));
  ANSWERS(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSetCurrent(retained));
  ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuDevicePrimaryCtxRelease(0));
  OK(cuCtxSetCurrent(nullptr));
}

static CUresult create_context(CUcontext* context) {
#if CUDA_VERSION >= 13000
  return cuCtxCreate(context, nullptr, 0, 0);
#else
  return cuCtxCreate(context, 0, 0);
#endif
}

CASE(contexts, a_created_context_leaks_its_own_only) {
  CUcontext primary, created, current;
  CUdeviceptr p, q;
  CUstream stream;
  OK(cuDevicePrimaryCtxRetain(&primary, 0));
  OK(cuCtxSetCurrent(primary));
  OK(cuMemAlloc(&p, 4));
  OK(create_context(&created));
  OK(cuCtxGetCurrent(&current));
  CHECK(current == created);
  OK(cuStreamCreate(&stream, 0));
  OK(cuMemAlloc(&q, 100));
  OK(cuCtxDestroy(created));
  EQ(vicmae_emulator_leaks(), 2);
  LOGGED("leaked: stream created by cuStreamCreate");
  LOGGED("leaked: 100 bytes of device memory");
  NOT_LOGGED("leaked: 4 bytes");
  ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(created));
  LOGGED("was given a context that was destroyed");
  ANSWERS(CUDA_ERROR_INVALID_CONTEXT, cuCtxDestroy(primary));
  OK(cuMemFree(p));
  OK(cuDevicePrimaryCtxRelease(0));
  EQ(vicmae_emulator_leaks(), 0);
  OK(cuCtxSetCurrent(nullptr));
}

CASE(contexts, everything_left_is_listed) {
  Card card;
  card.leaks = 7;
  CUdeviceptr p;
  CUstream stream;
  CUevent event;
  CUmodule module;
  CUmemoryPool pool;
  CUgraph graph;
  void* pinned;
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  OK(cuMemAlloc(&p, 24));
  OK(vicmae_emulator_name(p, 24, "weights"));
  OK(cuMemHostAlloc(&pinned, 40, 0));
  OK(cuStreamCreateWithPriority(&stream, 0, -1));
  OK(cuEventCreate(&event, 0));
  OK(cuModuleLoadData(&module, ptx_of({"plain"}).c_str()));
  OK(cuMemPoolCreate(&pool, &properties));
  OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuStreamEndCapture(stream, &graph));
  card.close();
  LOGGED("24 bytes by cuMemAlloc_v2");
  LOGGED("it holds 'weights'");
  LOGGED("leaked: 40 bytes of pinned memory");
  LOGGED("leaked: stream created by cuStreamCreateWithPriority");
  LOGGED("leaked: event created by cuEventCreate");
  LOGGED("leaked: module created by cuModuleLoadData");
  LOGGED("leaked: graph created by cuStreamEndCapture");
  LOGGED("leaked: memory pool created by cuMemPoolCreate");
  static_cast<char*>(pinned)[0] = 1;  // a program that forgot to free it may well use it
}

CASE(contexts, a_leak_is_passed_over_with_its_check_off) {
  configure("off=leak");
  Card card;
  CUdeviceptr p;
  CUstream stream;
  OK(cuMemAlloc(&p, 24));
  OK(cuStreamCreate(&stream, 0));
  card.close();
  NOT_LOGGED("leak");
}

CASE(contexts, a_reset_ends_the_primary_context) {
  CUcontext context;
  CUdeviceptr p;
  size_t available, total;
  OK(cuDevicePrimaryCtxRetain(&context, 0));
  OK(cuCtxSetCurrent(context));
  OK(cuMemAlloc(&p, 12));
  OK(cuDevicePrimaryCtxReset(0));
  EQ(vicmae_emulator_leaks(), 1);
  ANSWERS(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuMemAlloc(&p, 4));
  OK(cuDevicePrimaryCtxRetain(&context, 0));
  OK(cuMemGetInfo(&available, &total));
  EQ(available, total);
  OK(cuDevicePrimaryCtxRelease(0));
  OK(cuDevicePrimaryCtxRelease(0));
  OK(cuCtxSetCurrent(nullptr));
}

// What a context took of the address space is there again for the next one.
CASE(contexts, many_contexts_one_after_the_other) {
  int before = 0;
  for (int i = 0; i < 60; i++) {
    const Card card;
    const Stream a, b;
    const Event event;
    const Floats x(3), y;
    PinnedFloats host;
    OK(card.plain(a, y, x));
    OK(cuEventRecord(event, a));
    OK(cuStreamWaitEvent(b, event, 0));
    OK(cuMemcpyDtoHAsync(host.data, y, sizeof(float), b));
    OK(cuStreamSynchronize(b));
    EQ(host[0], 6);
    if (i == 10) before = mappings();
  }
  CHECK(mappings() <= before + 2);
}

CASE(contexts, two_threads_at_once) {
  const Card card;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; t++) {
    threads.emplace_back([&card] {
      OK(cuCtxSetCurrent(card.context));
      {
        const Floats x(1);
        const Stream stream;
        for (int i = 0; i < 100; i++) {
          OK(card.affine(stream, x, 1, 1));
          if (i % 25 == 0) OK(cuStreamSynchronize(stream));
        }
        OK(cuStreamSynchronize(stream));
        EQ(value(x), 101);
      }
      OK(cuCtxSetCurrent(nullptr));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

CASE(contexts, wrong_settings_are_refused) {
  const auto refused = [](const char* options, const char* reason) {
    const char* const wrong = vicmae_emulator_configure(options);
    CHECK(wrong != nullptr && std::strstr(wrong, reason) != nullptr);
  };
  refused("colour=red", "'colour=red'");
  refused("streams=never", "one of late, early, random");
  refused("schedule=", "one of forward, reverse, random, fair");
  refused("off=race_block+nothing", "race_block");
  refused("seed=-1", "a number from 0");
  refused("seed=1x", "a number from 0");
  refused("resident=65", "from 1 to 64");
  refused("memory=", "a number of bytes");
  refused("memory=99999999999999999999", "a number of bytes");
  refused("capability=9", "80 or 90");
  refused("fail_launch=often", "which means never");
  refused("kernels=/nonexistent.so", "/nonexistent.so");
  refused(nullptr, "null");
  // One wrong setting, and none is set.
  refused("capability=80,streams=never", "streams");
  EQ(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR), 9);
}
