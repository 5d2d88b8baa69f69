// Device memory, pinned memory, copies and fills, pools.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "driver_test.h"

using namespace driver_test;

CASE(memory, allocations_are_fresh_and_apart) {
  const Card card;
  CUdeviceptr p, q, base;
  size_t bytes;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(&p, 0));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemAlloc(nullptr, 4));
  OK(cuMemAlloc(&p, 64));
  OK(cuMemAlloc(&q, 64));
  EQ(p % 512, 256u);  // aligned as CUDA promises it, and no better
  CHECK(std::isnan(value(p)));
  OK(cuMemGetAddressRange(&base, &bytes, p + 5));
  EQ(base, p);
  EQ(bytes, 64u);
  ANSWERS(CUDA_ERROR_NOT_FOUND, cuMemGetAddressRange(&base, &bytes, 16));
  OK(cuMemFree(q));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFree(q));
  LOGGED("(64 bytes by cuMemAlloc_v2, freed)");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFree(p + 4));
  LOGGED("it takes the start of a live allocation");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFree(0x1234));
  OK(cuMemFree(0));
  OK(cuMemFree(p));
  OK(cuMemAlloc(&q, 64));
  CHECK(q != p);  // an address is given out once
  OK(cuMemFree(q));
}

CASE(memory, the_card_has_an_end) {
  configure("memory=10000");
  const Card card;
  CUdeviceptr p, q;
  size_t available, total;
  OK(cuMemAlloc(&p, 6000));
  OK(cuMemGetInfo(&available, &total));
  EQ(available, 4000u);
  EQ(total, 10000u);
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&q, 4001));
  LOGGED("4001 bytes were asked for, but the card has 10000 and 6000 are used");
  OK(cuMemAlloc(&q, 4000));
  OK(cuMemFree(p));
  OK(cuMemAlloc(&p, 6000));
  configure("memory=1000");  // less than is in use
  OK(cuMemGetInfo(&available, &total));
  EQ(available, 0u);
  OK(cuMemFree(p));
  OK(cuMemFree(q));
}

CASE(memory, absurd_sizes_are_refused) {
  const Card card;
  const Floats x(1);
  CUdeviceptr p;
  void* host;
  float own[kCount] = {};
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 100, SIZE_MAX - 5000, size_t{1} << 63}) {
    ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&p, bytes));
    ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocAsync(&p, bytes, nullptr));
    ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemHostAlloc(&host, bytes, 0));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemHostRegister(own, bytes, 0));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(x, own, bytes));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(own, x, bytes));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemsetD8(x, 0, bytes));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(x, 0, bytes));
    ANSWERS(CUDA_ERROR_INVALID_VALUE, vicmae_emulator_name(x, bytes, "part"));
  }
  EQ(value(x), 1);
}

CASE(memory, copies_and_fills_keep_to_their_bounds) {
  const Card card;
  const Floats x, y;
  float in[kCount], out[kCount] = {};
  for (int i = 0; i < kCount; i++) in[i] = static_cast<float>(i);
  OK(cuMemcpyHtoD(x, in, sizeof in));
  OK(cuMemcpyDtoD(y, x, sizeof in));
  OK(cuMemcpyDtoH(out, y, sizeof out));
  EQ(std::memcmp(in, out, sizeof in), 0);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(x, in, sizeof in + 1));
  LOGGED("cuMemcpyHtoD_v2 of 257 bytes was given");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH(out, x + 4, sizeof out));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoD(y, x + 252, 8));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(x, nullptr, 4));
  OK(cuMemcpyHtoD(x, nullptr, 0));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(x + 2, 0, 1));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemsetD16(x + 1, 0, 1));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemsetD32(x, 0, kCount + 1));
  OK(cuMemsetD8(x, 0xab, 16));
  OK(cuMemsetD16(x, 0x1234, 2));
  OK(cuMemsetD32(x + 4, 77, 1));
  unsigned words[4];
  OK(cuMemcpyDtoH(words, x, sizeof words));
  EQ(words[0], 0x12341234u);
  EQ(words[1], 77u);
  EQ(words[2], 0xababababu);
  OK(cuMemcpyDtoH(out, x, sizeof out));
  EQ(out[4], 4);
}

CASE(memory, copies_find_out_which_end_is_where) {
  const Card card;
  const Floats x(5), y;
  float host = 7, other = 0;
  OK(cuMemcpy(y, x, 4));
  EQ(value(y), 5);
  OK(cuMemcpy(y, reinterpret_cast<CUdeviceptr>(&host), 4));
  OK(cuMemcpy(reinterpret_cast<CUdeviceptr>(&other), y, 4));
  EQ(other, 7);
  other = 0;
  OK(cuMemcpy(reinterpret_cast<CUdeviceptr>(&other), reinterpret_cast<CUdeviceptr>(&host), 4));
  EQ(other, 7);
  unsigned type = 0;
  OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, x));
  EQ(type, CU_MEMORYTYPE_DEVICE);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, reinterpret_cast<CUdeviceptr>(&host)));
}

// The host's side of an asynchronous copy is touched as late as the stream's rules allow.
CASE(memory, an_upload_reads_pinned_memory_when_it_runs) {
  const Card card;
  const Stream stream;
  const Floats x;
  PinnedFloats pinned;
  float own = 3;
  pinned[0] = 1;
  OK(cuMemcpyHtoDAsync(x, pinned.data, 4, stream));
  pinned[0] = 2;  // the mistake that this shows
  OK(cuStreamSynchronize(stream));
  if (late()) EQ(value(x), 2);
  if (early()) EQ(value(x), 1);
  OK(cuMemcpyHtoDAsync(x, &own, 4, stream));
  own = 4;  // memory that is not pinned was read during the call
  OK(cuStreamSynchronize(stream));
  EQ(value(x), 3);
}

CASE(memory, a_download_is_there_after_the_wait) {
  const Card card;
  const Stream stream;
  const Floats x(5);
  PinnedFloats pinned;
  float own = 0;
  CHECK(std::isnan(pinned[0]));
  pinned[0] = 0;
  OK(cuMemcpyDtoHAsync(pinned.data, x, 4, stream));
  if (late()) EQ(pinned[0], 0);
  OK(cuStreamSynchronize(stream));
  EQ(pinned[0], 5);
  OK(cuMemcpyDtoHAsync(&own, x, 4, stream));
  EQ(own, 5);  // not pinned: the call waits
}

CASE(memory, pinned_memory_is_freed_when_nothing_uses_it) {
  const Card card;
  const Stream stream;
  const Floats x;
  float* pinned;
  float own[kCount] = {};
  unsigned type = 0, flags = 0;
  CUdeviceptr device;
  OK(cuMemHostAlloc(reinterpret_cast<void**>(&pinned), 256, CU_MEMHOSTALLOC_PORTABLE));
  OK(cuMemHostGetDevicePointer(&device, pinned, 0));
  OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, device));
  EQ(type, CU_MEMORYTYPE_HOST);
  OK(cuMemHostGetFlags(&flags, pinned));
  EQ(flags, CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(own));
  ANSWERS(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cuMemHostUnregister(pinned));
  pinned[0] = 33;
  OK(cuMemcpyHtoDAsync(x, pinned, 4, stream));
  OK(cuMemFreeHost(pinned));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(pinned));
  EQ(value(x), 33);
  OK(cuMemHostRegister(own, sizeof own, 0));
  ANSWERS(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cuMemHostRegister(own + 1, 8, 0));
  OK(cuMemcpyHtoDAsync(x, own, 4, stream));
  own[0] = 44;
  OK(cuMemHostUnregister(own));
  if (late()) EQ(value(x), 44);
  if (early()) EQ(value(x), 0);
  ANSWERS(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cuMemHostUnregister(own));
}

// cuMemFree waits for what was queued, as the card does.
CASE(memory, a_free_waits_for_launches) {
  const Card card;
  const Stream stream;
  const Floats x(1);
  CUdeviceptr y;
  OK(cuMemAlloc(&y, kCount * sizeof(float)));
  OK(card.plain(stream, y, x));
  OK(cuMemFree(y));
  OK(cuStreamSynchronize(stream));
}

CASE(memory, pool_memory_goes_in_the_order_of_its_stream) {
  const Card card;
  const Stream stream;
  PinnedFloats host;
  CUdeviceptr p;
  size_t before, after, total;
  OK(cuMemAllocAsync(&p, 256, stream));
  OK(cuMemsetD32Async(p, 0, kCount, stream));
  OK(card.affine(stream, p, 1, 7));
  OK(cuMemcpyDtoHAsync(host.data, p, 4, stream));
  OK(cuMemGetInfo(&before, &total));
  OK(cuMemFreeAsync(p, stream));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFreeAsync(p, stream));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemFree(p));
  if (late()) {
    OK(cuMemGetInfo(&after, &total));
    EQ(after, before);
  }
  OK(cuStreamSynchronize(stream));
  OK(cuMemGetInfo(&after, &total));
  EQ(after - before, 256u);
  EQ(host[0], 7);
}

CASE(memory, pools_have_limits_and_counters) {
  const Card card;
  const Stream stream;
  CUmemoryPool common, pool;
  CUdeviceptr p, q;
  cuuint64_t number = 0;
  OK(cuDeviceGetDefaultMemPool(&common, 0));
  OK(cuMemAllocAsync(&p, 16, stream));
  OK(cuMemPoolGetAttribute(common, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &number));
  EQ(number, 16u);
  OK(cuMemFreeAsync(p, stream));
  OK(cuStreamSynchronize(stream));
  OK(cuMemPoolGetAttribute(common, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &number));
  EQ(number, 0u);
  OK(cuMemPoolGetAttribute(common, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &number));
  EQ(number, 16u);
  number = 1 << 20;
  OK(cuMemPoolSetAttribute(common, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &number));
  number = 0;
  OK(cuMemPoolGetAttribute(common, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &number));
  EQ(number, 1u << 20);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuMemPoolDestroy(common));
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.maxSize = 100;
  OK(cuMemPoolCreate(&pool, &properties));
  OK(cuMemAllocFromPoolAsync(&p, 64, pool, stream));
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocFromPoolAsync(&q, 64, pool, stream));
  LOGGED("the pool may hold 100 and 64 are used");
  OK(cuDeviceSetMemPool(0, pool));
  OK(cuMemAllocAsync(&q, 36, stream));
  ANSWERS(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocAsync(&q, 1, stream));
  OK(cuMemFreeAsync(q, stream));
  OK(cuMemPoolDestroy(pool));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuMemPoolTrimTo(pool, 0));
  OK(cuMemFree(p));
}

// The host cannot reach device memory, as with a card; the process says so before it dies of it.
CASE(memory, the_host_touches_device_memory) {
  const Card card;
  const Floats x(1);
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const volatile float* const pointer = reinterpret_cast<const float*>(x.address);
    _exit(*pointer == 1 ? 0 : 1);
  }
  close(ends[1]);
  std::string said;
  char buffer[256];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(!WIFEXITED(status) || WEXITSTATUS(status) > 1);
  CHECK(said.find("host_access: the host touched device memory") != std::string::npos);
  CHECK(said.find("byte 0 of allocation") != std::string::npos);
}
