// Every entry point: exported, answering NOT_SUPPORTED by its name where it is not emulated, and not to be crashed by null arguments.
#include <dlfcn.h>
#include <elf.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "driver_test.h"

using namespace driver_test;

namespace {

// The names of a library's dynamic symbols that begin with "cu" and a capital; those that it defines, or those that it asks for.
std::vector<std::string> symbols(const std::string& path, bool defined) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::string> names;
  if (bytes.size() < sizeof(Elf64_Ehdr)) return names;
  const auto* const header = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
  const auto* const sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_DYNSYM) continue;
    const char* const text = bytes.data() + sections[sections[i].sh_link].sh_offset;
    const auto* const all = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
    for (size_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); s++) {
      const char* const name = text + all[s].st_name;
      const bool driver = std::strncmp(name, "cu", 2) == 0 && name[2] >= 'A' && name[2] <= 'Z';
      if (driver && (all[s].st_shndx != SHN_UNDEF) == defined) names.push_back(name);
    }
  }
  return names;
}

std::string own_library() {
  Dl_info info = {};
  CHECK(dladdr(reinterpret_cast<const void*>(&vicmae_emulator_leaks), &info) != 0);
  return info.dli_fname == nullptr ? "" : info.dli_fname;
}

int call_with_nulls(const std::string& name) {
  using Entry = int (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
  const auto entry = reinterpret_cast<Entry>(dlsym(RTLD_DEFAULT, name.c_str()));
  return entry == nullptr ? -1 : entry(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

}  // namespace

CASE(entry_points, nulls_crash_nothing_before_init) {
  const std::vector<std::string> names = symbols(own_library(), true);
  CHECK(names.size() > 500);
  for (const std::string& name : names) {
    if (name == "cuInit") continue;
    const char* known = nullptr;
    const CUresult result = static_cast<CUresult>(call_with_nulls(name));
    OK(cuGetErrorName(result, &known));
    CHECK(result != CUDA_SUCCESS);
  }
}

CASE(entry_points, nulls_crash_nothing_with_a_context) {
  const Card card;
  int unsupported = 0;
  for (const std::string& name : symbols(own_library(), true)) {
    unsigned flags;
    int active = 0;
    CUcontext context;
    OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
    if (!active) OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(card.context));
    vicmae_emulator_clear_log();
    const int result = call_with_nulls(name);
    const char* known = nullptr;
    OK(cuGetErrorName(static_cast<CUresult>(result), &known));
    if (result != CUDA_ERROR_NOT_SUPPORTED) continue;
    unsupported++;
    if (name != "cuGetExportTable") LOGGED(name + " is not part of the emulated driver");
  }
  CHECK(unsupported > 300);
}

// JCuda binds its calls when they are first made: one that is missing would end the JVM.
CASE(entry_points, all_that_jcuda_asks_for_are_there) {
  const char* const library = std::getenv("VICMAE_JCUDA");
  CHECK(library != nullptr);
  if (library == nullptr || *library == '\0') {
    std::printf("  not looked at: JCuda has no library for this processor\n");
    return;
  }
  const std::vector<std::string> names = symbols(library, false);
  CHECK(names.size() > 200);
  void* const driver = dlopen(own_library().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  for (const std::string& name : names) {
    if (driver == nullptr || dlsym(driver, name.c_str()) == nullptr) std::printf("  missing: %s\n", name.c_str());
    CHECK(driver != nullptr && dlsym(driver, name.c_str()) != nullptr);
  }
}

CASE(entry_points, they_are_found_by_name) {
  const auto find = [](const char* name, int version) {
    void* address = nullptr;
    CUdriverProcAddressQueryResult status;
    OK(cuGetProcAddress(name, &address, version, 0, &status));
    EQ(status, CU_GET_PROC_ADDRESS_SUCCESS);
    return address;
  };
  CHECK(find("cuMemAlloc", 12000) == reinterpret_cast<void*>(&cuMemAlloc));
  CHECK(find("cuGraphInstantiate", 12000) == reinterpret_cast<void*>(&cuGraphInstantiateWithFlags));
  CHECK(find("cuGraphInstantiate", 11000) != find("cuGraphInstantiate", 12000));
  CHECK(find("cuStreamGetCaptureInfo", 11000) != find("cuStreamGetCaptureInfo", 12000));
  void* address = nullptr;
  CUdriverProcAddressQueryResult status;
  ANSWERS(CUDA_ERROR_NOT_FOUND, cuGetProcAddress("cuNope", &address, 12000, 0, &status));
  EQ(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  CHECK(address == nullptr);
}
