// Modules: PTX is parsed and held against the kernels that were built with this library; nothing is compiled.

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "device.h"
#include "driver.h"

using namespace emulator;

namespace {

// CUjit_option
constexpr int kInfoLog = 3, kInfoLogBytes = 4, kErrorLog = 5, kErrorLogBytes = 6;

// The buffers for messages that a caller of cuModuleLoadDataEx hands over.
struct JitLog {
  char* buffer = nullptr;
  void** bytes = nullptr;  // in: the buffer's size; out: how much of it was filled

  void write(const std::string& message) const {
    if (bytes == nullptr) return;
    const size_t room = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(*bytes));
    size_t filled = 0;
    if (buffer != nullptr && room > 0) {
      filled = std::min(message.size(), room - 1);
      std::memcpy(buffer, message.data(), filled);
      buffer[filled] = 0;
    }
    *bytes = reinterpret_cast<void*>(static_cast<uintptr_t>(filled));
  }
};

Result read_image(const void* image, PtxModule* module, std::string* error) {
  const unsigned char* const bytes = static_cast<const unsigned char*>(image);
  const bool elf = bytes[0] == 0x7f && bytes[1] == 'E' && bytes[2] == 'L' && bytes[3] == 'F';
  const bool fat = bytes[0] == 0x50 && bytes[1] == 0xed && bytes[2] == 0x55 && bytes[3] == 0xba;
  if (elf || fat) {
    *error = std::string("the image is a ") + (elf ? "cubin" : "fat binary") +
             ", machine code for a real card; the emulated driver takes PTX text alone";
    return NO_BINARY_FOR_GPU;
  }
  if (const Result r = parse_ptx(static_cast<const char*>(image), options().capability, module, error)) return r;
  for (const PtxEntry& entry : module->entries) {
    const KernelEntry* const kernel = find_kernel(entry.name);
    if (kernel == nullptr || !on(Check::SIGNATURE)) continue;
    if (const Result r = check_signature(entry, *kernel, error)) {
      *error = std::string(name_of(Check::SIGNATURE)) + ": " + *error;
      return r;
    }
  }
  return SUCCESS;
}

Result load(const Call& call, uint64_t* handle, const void* image, const JitLog& errors) {
  if (handle == nullptr) return call.null("module");
  if (image == nullptr) return call.null("image");
  if (const Result r = refuse_while_capturing(call)) return r;
  const auto module = std::make_shared<Module>();
  module->context = call.context;
  module->created_by = call.name;
  std::string error;
  if (const Result r = read_image(image, &module->ptx, &error)) {
    errors.write(error);
    return call.fail(r, "%s", error.c_str());
  }
  errors.write("");
  *handle = driver().modules.add(module);
  return SUCCESS;
}

Result find_function(const Call& call, uint64_t handle, std::shared_ptr<Function>* function) {
  *function = driver().functions.find(handle);
  return *function != nullptr ? SUCCESS : call.bad_handle(handle, Kind::FUNCTION);
}

std::string entry_names(const PtxModule& ptx) {
  std::string names;
  for (const PtxEntry& entry : ptx.entries) names += (names.empty() ? "" : ", ") + entry.name;
  return names.empty() ? "none" : names;
}

}  // namespace

EXPORT int cuModuleLoadData(uint64_t* module, const void* image) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) { return load(call, module, image, JitLog{}); });
}

EXPORT int cuModuleLoadDataEx(uint64_t* module, const void* image, unsigned count, const int* options, void** values) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (count > 0 && (options == nullptr || values == nullptr)) return call.null(options == nullptr ? "options" : "optionValues");
    JitLog errors, notes;
    for (unsigned i = 0; i < count; i++) {
      if (options[i] == kErrorLog) errors.buffer = static_cast<char*>(values[i]);
      if (options[i] == kErrorLogBytes) errors.bytes = &values[i];
      if (options[i] == kInfoLog) notes.buffer = static_cast<char*>(values[i]);
      if (options[i] == kInfoLogBytes) notes.bytes = &values[i];
    }
    notes.write("");
    return load(call, module, image, errors);
  });
}

EXPORT int cuModuleLoad(uint64_t* module, const char* path) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (path == nullptr) return call.null("fname");
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    if (!file || !(content << file.rdbuf())) return call.fail(kFileNotFound, "the file %s cannot be read", path);
    return load(call, module, content.str().c_str(), JitLog{});
  });
}

// What was launched before still runs.
EXPORT int cuModuleUnload(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    if (driver().modules.find(handle) == nullptr) return call.bad_handle(handle, Kind::MODULE);
    driver().functions.erase_if([handle](const Function& function) { return function.module == handle; });
    driver().modules.erase(handle);
    return SUCCESS;
  });
}

EXPORT int cuModuleGetFunction(uint64_t* handle, uint64_t module_handle, const char* name) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (handle == nullptr || name == nullptr) return call.null(name == nullptr ? "name" : "hfunc");
    const std::shared_ptr<Module> module = driver().modules.find(module_handle);
    if (module == nullptr) return call.bad_handle(module_handle, Kind::MODULE);
    const std::vector<PtxEntry>& entries = module->ptx.entries;
    const auto entry = std::find_if(entries.begin(), entries.end(), [name](const PtxEntry& each) { return each.name == name; });
    if (entry == entries.end()) {
      return call.fail(NOT_FOUND, "the module has no entry '%s'; its entries are: %s", name, entry_names(module->ptx).c_str());
    }
    const KernelEntry* const kernel = find_kernel(name);
    if (kernel == nullptr) {
      return call.fail(NOT_FOUND, "the emulated driver has no kernel '%s' of this module (entries: %s): build it with the KERNEL macro",
                       name, entry_names(module->ptx).c_str());
    }
    for (const auto& [known, function] : driver().functions.live()) {
      if (function->module == module_handle && function->kernel == kernel) {
        *handle = known;
        return SUCCESS;
      }
    }
    const auto function = std::make_shared<Function>();
    function->module = module_handle;
    function->context = call.context;
    function->entry = *entry;
    function->kernel = kernel;
    function->maximum_dynamic = std::max(0, kSharedPerBlock - static_cast<int>(entry->static_shared));
    *handle = driver().functions.add(function);
    return SUCCESS;
  });
}

EXPORT int cuModuleGetLoadingMode(int* mode) {
  return enter(__func__, Need::DRIVER, [&](Call& call) -> Result {
    if (mode == nullptr) return call.null("mode");
    *mode = 1;  // eager
    return SUCCESS;
  });
}

// ---- functions ------------------------------------------------------------------------------------------------------------------------
EXPORT int cuFuncGetAttribute(int* value, int attribute, uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (value == nullptr) return call.null("pi");
    std::shared_ptr<Function> function;
    if (const Result r = find_function(call, handle, &function)) return r;
    const std::shared_ptr<Module> module = driver().modules.find(function->module);
    switch (attribute) {
      case 0:
        *value = function->entry.maximum_threads;
        return SUCCESS;
      case 1:
        *value = static_cast<int>(function->entry.static_shared);
        return SUCCESS;
      case 4:
        *value = kRegistersPerThread;
        return SUCCESS;
      case 5:
        *value = module->ptx.version;
        return SUCCESS;
      case 6:
        *value = options().capability;
        return SUCCESS;
      case 8:
        *value = function->maximum_dynamic;
        return SUCCESS;
      case 9:
        *value = function->carveout;
        return SUCCESS;
      default:
        if (attribute < 0 || attribute > 15) return call.fail(INVALID_VALUE, "there is no function attribute %d", attribute);
        *value = 0;  // constant and local memory, clusters
        return SUCCESS;
    }
  });
}

EXPORT int cuFuncSetAttribute(uint64_t handle, int attribute, int value) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    std::shared_ptr<Function> function;
    if (const Result r = find_function(call, handle, &function)) return r;
    const PtxEntry& entry = function->entry;
    if (attribute == 8) {
      const int limit = shared_per_block_opt_in() - static_cast<int>(entry.static_shared);
      if (value < 0 || value > limit) {
        return call.fail(INVALID_VALUE, "%d bytes of dynamic shared memory were asked for '%s'; a block has %d, of which %u are static",
                         value, entry.name.c_str(), shared_per_block_opt_in(), entry.static_shared);
      }
      function->maximum_dynamic = value;
      return SUCCESS;
    }
    if (attribute == 9 && value >= -1 && value <= 100) {
      function->carveout = value;
      return SUCCESS;
    }
    return call.fail(INVALID_VALUE, "the attribute %d of '%s' cannot be set to %d", attribute, entry.name.c_str(), value);
  });
}

EXPORT int cuFuncSetCacheConfig(uint64_t handle, int config) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (config < 0 || config > 3) return call.fail(INVALID_VALUE, "there is no cache configuration %d", config);
    std::shared_ptr<Function> function;
    return find_function(call, handle, &function);
  });
}

EXPORT int cuFuncGetModule(uint64_t* module, uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (module == nullptr) return call.null("hmod");
    std::shared_ptr<Function> function;
    if (const Result r = find_function(call, handle, &function)) return r;
    *module = function->module;
    return SUCCESS;
  });
}

EXPORT int cuFuncGetName(const char** name, uint64_t handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (name == nullptr) return call.null("name");
    std::shared_ptr<Function> function;
    if (const Result r = find_function(call, handle, &function)) return r;
    *name = function->kernel->name;
    return SUCCESS;
  });
}

EXPORT int cuFuncGetParamInfo(uint64_t handle, size_t index, size_t* offset, size_t* size) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (offset == nullptr) return call.null("paramOffset");
    std::shared_ptr<Function> function;
    if (const Result r = find_function(call, handle, &function)) return r;
    const std::vector<PtxParameter>& parameters = function->entry.parameters;
    if (index >= parameters.size()) return INVALID_VALUE;  // how a caller finds their number
    *offset = parameters[index].offset;
    if (size != nullptr) *size = parameters[index].size;
    return SUCCESS;
  });
}
