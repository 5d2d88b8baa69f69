// Entry points looked up by name at run time, as the CUDA runtime does it.

#include <dlfcn.h>

#include <cstring>

#include "driver.h"

using namespace emulator;

namespace {

// CUdriverProcAddressQueryResult
constexpr int kFound = 0, kNoSymbol = 1;

// Names whose newest form takes other arguments than the older ones, by the CUDA version that the caller was built for.
struct Form {
  const char* name;
  int since;
  const char* symbol;
};
constexpr Form kForms[] = {
    {"cuCtxCreate", 13000, "cuCtxCreate_v4"},
    {"cuCtxCreate", 11040, "cuCtxCreate_v3"},
    {"cuCtxCreate", 0, "cuCtxCreate_v2"},
    {"cuStreamGetCaptureInfo", 12030, "cuStreamGetCaptureInfo_v3"},
    {"cuStreamGetCaptureInfo", 11030, "cuStreamGetCaptureInfo_v2"},
    {"cuStreamGetCaptureInfo", 0, "cuStreamGetCaptureInfo"},
    {"cuGraphInstantiate", 12000, "cuGraphInstantiateWithFlags"},
    {"cuGraphInstantiate", 0, "cuGraphInstantiate_v2"},
    {"cuGetProcAddress", 12000, "cuGetProcAddress_v2"},
    {"cuGetProcAddress", 0, "cuGetProcAddress"},
};

// This very library, whatever else of its name is loaded.
void* library() {
  static void* const handle = [] {
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&library), &info) == 0) return static_cast<void*>(nullptr);
    return dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
  }();
  return handle;
}

void* find_symbol(const char* name, int version) {
  if (library() == nullptr) return nullptr;
  for (const Form& form : kForms) {
    if (std::strcmp(form.name, name) == 0 && version >= form.since) return dlsym(library(), form.symbol);
  }
  for (const char* suffix : {"_v3", "_v2", ""}) {
    if (void* const found = dlsym(library(), (std::string(name) + suffix).c_str())) return found;
  }
  return nullptr;
}

int get(const char* entry_point, const char* name, void** address, int version, int* status) {
  return enter(entry_point, Need::NOTHING, [&](Call& call) -> Result {
    if (name == nullptr || address == nullptr) return call.null(name == nullptr ? "symbol" : "pfn");
    *address = std::strncmp(name, "cu", 2) == 0 ? find_symbol(name, version) : nullptr;
    if (status != nullptr) *status = *address != nullptr ? kFound : kNoSymbol;
    return *address != nullptr ? SUCCESS : call.fail(NOT_FOUND, "the emulated driver has no entry point '%s'", name);
  });
}

}  // namespace

EXPORT int cuGetProcAddress(const char* name, void** address, int version, uint64_t) {
  return get(__func__, name, address, version, nullptr);
}

EXPORT int cuGetProcAddress_v2(const char* name, void** address, int version, uint64_t, int* status) {
  return get(__func__, name, address, version, status);
}

EXPORT int cuGetExportTable(const void** table, const void*) {
  return enter(__func__, Need::NOTHING, [&](Call& call) -> Result {
    if (table != nullptr) *table = nullptr;
    return call.fail(NOT_SUPPORTED, "the driver's private tables are not part of the emulated driver");
  });
}
