// The driver's version and its one device.

#include "device.h"

#include <algorithm>
#include <cstring>

#include "driver.h"

using namespace emulator;

namespace {

constexpr char kName[] = "vicmae emulated GPU";
constexpr int kLastAttribute = 147;

Result check_device(const Call& call, int device) {
  return device == 0 ? SUCCESS : call.fail(INVALID_DEVICE, "there is no device %d; the emulated driver has device 0 alone", device);
}

}  // namespace

namespace emulator {

std::optional<int> device_attribute(int attribute) {
  const int capability = options().capability;
  switch (attribute) {
    case 1:  // threads of a block
    case 2:
    case 3:
      return kMaximumThreads;
    case 4:
      return kMaximumBlockZ;
    case 5:
      return kMaximumGridX;
    case 6:
    case 7:
      return kMaximumGridYZ;
    case 8:
      return kSharedPerBlock;
    case 9:  // constant memory
      return 65536;
    case 10:
      return 32;  // threads of a warp
    case 11:      // pitch
      return 0x7fffffff;
    case 12:
    case 82:
      return kRegisters;
    case 13:  // clock, kHz
      return capability >= 90 ? 1980000 : 1410000;
    case 14:  // alignment of textures
      return 512;
    case 16:
      return kMultiprocessors;
    case 36:  // memory clock, kHz
      return capability >= 90 ? 2619000 : 1215000;
    case 37:  // bits of the memory bus
      return 5120;
    case 38:  // L2 cache
      return capability >= 90 ? 50 << 20 : 40 << 20;
    case 39:
      return kThreadsPerMultiprocessor;
    case 40:  // copy engines
      return 3;
    case 75:
      return capability / 10;
    case 76:
      return capability % 10;
    case 81:
      return shared_per_multiprocessor();
    case 87:  // single to double precision
      return 2;
    case 97:
      return shared_per_block_opt_in();
    case 106:
      return kBlocksPerMultiprocessor;
    case 111:
      return kReservedShared;
    case 51:  // alignment of pitched textures
      return 32;
    case 84 + 1:  // group of boards
    case 33:      // PCI bus
    case 34:      // PCI device
      return 0;
    case 130 + 1:  // NUMA nodes: none
    case 134:
      return -1;
    case 15:   // copies while kernels run
    case 19:   // mapped host memory
    case 31:   // concurrent kernels
    case 41:   // unified addressing
    case 78:   // stream priorities
    case 79:   // global loads in L1
    case 80:   // local loads in L1
    case 90:   // preemption
    case 91:   // registered host pointers used as they are
    case 95:   // cooperative launch
    case 99:   // host registration
    case 115:  // memory pools
      return 1;
    default:  // what the emulated card lacks: textures, managed memory, clusters, peers
      if (attribute < 1 || attribute > kLastAttribute || attribute == 139) return std::nullopt;
      return 0;
  }
}

}  // namespace emulator

EXPORT int cuInit(unsigned flags) {
  return enter(__func__, Need::NOTHING, [&](Call& call) -> Result {
    if (flags != 0) return call.fail(INVALID_VALUE, "the flags are %u; pass 0", flags);
    driver().initialized = true;
    return driver().lost ? UNKNOWN : SUCCESS;
  });
}

EXPORT int cuDriverGetVersion(int* version) {
  return enter(__func__, Need::NOTHING, [&](Call& call) -> Result {
    if (version == nullptr) return call.null("driverVersion");
    *version = kDriverVersion;
    return SUCCESS;
  });
}

EXPORT int cuDeviceGetCount(int* count) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (count == nullptr) return call.null("count");
    *count = 1;
    return SUCCESS;
  });
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (device == nullptr) return call.null("device");
    if (const Result r = check_device(call, ordinal)) return r;
    *device = ordinal;
    return SUCCESS;
  });
}

EXPORT int cuDeviceGetName(char* name, int length, int device) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (name == nullptr) return call.null("name");
    if (length <= 0) return call.fail(INVALID_VALUE, "the buffer for the name has %d bytes", length);
    if (const Result r = check_device(call, device)) return r;
    const size_t bytes = std::min(sizeof kName, static_cast<size_t>(length));
    std::memcpy(name, kName, bytes);
    name[bytes - 1] = 0;
    return SUCCESS;
  });
}

static int uuid(const char* name, unsigned char* uuid, int device) {
  return enter(name, Need::DRIVER, [&](Call& call) -> Result {
    if (uuid == nullptr) return call.null("uuid");
    if (const Result r = check_device(call, device)) return r;
    std::memcpy(uuid, kName, 16);
    return SUCCESS;
  });
}
EXPORT int cuDeviceGetUuid(unsigned char* bytes, int device) { return uuid(__func__, bytes, device); }
EXPORT int cuDeviceGetUuid_v2(unsigned char* bytes, int device) { return uuid(__func__, bytes, device); }

EXPORT int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (bytes == nullptr) return call.null("bytes");
    if (const Result r = check_device(call, device)) return r;
    *bytes = options().memory;
    return SUCCESS;
  });
}
ALIAS(cuDeviceTotalMem, cuDeviceTotalMem_v2);

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int device) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (value == nullptr) return call.null("pi");
    if (const Result r = check_device(call, device)) return r;
    const std::optional<int> found = device_attribute(attribute);
    if (!found) return call.fail(INVALID_VALUE, "there is no device attribute %d", attribute);
    *value = *found;
    return SUCCESS;
  });
}

EXPORT int cuDeviceComputeCapability(int* major, int* minor, int device) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (major == nullptr || minor == nullptr) return call.null(major == nullptr ? "major" : "minor");
    if (const Result r = check_device(call, device)) return r;
    *major = options().capability / 10;
    *minor = options().capability % 10;
    return SUCCESS;
  });
}
