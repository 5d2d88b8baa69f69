// Modules: what is read of their PTX, what is refused, and functions.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "driver_test.h"

using namespace driver_test;

namespace {

const std::string kHeader = ".version 7.8\n.target sm_80\n.address_size 64\n";
const std::string kPlain = ".visible .entry plain(.param .u64 .ptr .global .align 4 y, .param .u64 x, .param .u32 n)";

// Loads and unloads; what was written to a log of 48 bytes must fit it and be where it ends.
CUresult load(const std::string& text) {
  constexpr size_t kRoom = 48;
  char log[kRoom + 1];
  std::memset(log, 'z', sizeof log);
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log, reinterpret_cast<void*>(kRoom)};
  CUmodule module = nullptr;
  const CUresult result = cuModuleLoadDataEx(&module, text.c_str(), 2, options, values);
  EQ(reinterpret_cast<size_t>(values[1]), std::strlen(log));
  EQ(std::strlen(log) > 0, result != CUDA_SUCCESS);
  EQ(log[kRoom], 'z');
  if (result == CUDA_SUCCESS) OK(cuModuleUnload(module));
  return result;
}

}  // namespace

CASE(modules, the_header_says_what_a_card_takes) {
  const Card card;
  OK(load(kHeader));
  OK(load(".version 9.0\n.target sm_90a, debug\n"));
  ANSWERS(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, load(".version 9.1\n.target sm_80\n"));
  LOGGED("line 1: .version 9.1 is newer than 9.0");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(".version 7.8\n.target sm_100\n"));
  LOGGED("sm_100 is not for this card, whose compute capability is 9.0");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(".version 8.0\n.target sm_80a\n"));
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(".version 7.8\n.target sm_80\n.address_size 32\n"));
  configure("capability=80");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(".version 8.0\n.target sm_90\n"));
}

CASE(modules, text_that_is_no_module_is_refused_with_its_line) {
  const Card card;
  ANSWERS(CUDA_ERROR_INVALID_PTX, load("hello world"));
  LOGGED("begins with .version, found 'hello'");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(""));
  LOGGED("found the end of the text");
  for (const char* text : {".version x\n.target sm_80", ".version 7.8\n", ".version 7.8\n.target banana", ".version 7.8\n.target sm_"}) {
    ANSWERS(CUDA_ERROR_INVALID_PTX, load(text));
  }
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(kHeader + ".entry x(.param .u64 a { }"));
  LOGGED("line 4: expected ')' behind the parameters of entry 'x', found '{'");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(kHeader + ".entry x(.param .u64 a) { ld.x;"));
  LOGGED("the text ends inside entry 'x'");
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(kHeader + ".entry x(.param .u65 a) { }"));
  ANSWERS(CUDA_ERROR_INVALID_PTX, load(kHeader + ".entry x(.param .b8 a[4294967296]) { }"));
  OK(load(kHeader + ".entry x(.param .u64 a) ;"));
  OK(load(kHeader + ".global .u32 g[2] = {1,2};\n.func (.param .b32 r) f (.param .b32 a) { ret; }\n"));
  ANSWERS(CUDA_ERROR_NO_BINARY_FOR_GPU, load("\x7f"
                                             "ELF..."));
  LOGGED("the image is a cubin");
}

// A module cut off anywhere is answered, whatever it is.
CASE(modules, no_text_crashes_the_parser) {
  const Card card;
  const std::string whole = kHeader + "// c\n" + kPlain + "\n.maxntid 512, 1, 1\n{ .shared .align 8 .f64 t[2]; /* } */ \"}\" ret; }\n";
  int good = 0;
  for (size_t length = 0; length <= whole.size(); length++) {
    CUmodule module = nullptr;
    const CUresult result = cuModuleLoadData(&module, whole.substr(0, length).c_str());
    CHECK(result == CUDA_SUCCESS || result == CUDA_ERROR_INVALID_PTX);
    if (result == CUDA_SUCCESS) good++;
    if (result == CUDA_SUCCESS) OK(cuModuleUnload(module));
  }
  CHECK(good >= 1 && good < static_cast<int>(whole.size()));
}

CASE(modules, an_entry_has_the_kernels_signature) {
  const Card card;
  OK(load(kHeader + kPlain + " { ret; }"));
  ANSWERS(CUDA_ERROR_INVALID_IMAGE, load(kHeader + ".entry plain(.param .u64 y, .param .u64 x) { }"));
  LOGGED("entry 'plain' (line 4) has 2 parameters, but the kernel in");
  ANSWERS(CUDA_ERROR_INVALID_IMAGE, load(kHeader + ".entry plain(.param .u64 y, .param .u64 x, .param .u64 n) { }"));
  LOGGED("parameter 3 of 3: the PTX has 8 bytes (.u64), but the kernel in");
  LOGGED("takes 4 bytes (a 32-bit integer)");
  ANSWERS(CUDA_ERROR_INVALID_IMAGE, load(kHeader + ".entry plain(.param .u64 y, .param .u64 x, .param .f32 n) { }"));
  configure("off=signature");
  OK(load(kHeader + ".entry plain(.param .u64 y, .param .u64 x) { }"));
}

CASE(modules, files_are_read) {
  const Card card;
  CUmodule module;
  ANSWERS(CUDA_ERROR_FILE_NOT_FOUND, cuModuleLoad(&module, "/nonexistent/module.ptx"));
  LOGGED("/nonexistent/module.ptx cannot be read");
  std::string name = std::filesystem::temp_directory_path() / "vicmae-module-XXXXXX";
  const int file = mkstemp(name.data());
  CHECK(file >= 0);
  close(file);
  std::ofstream(name) << kHeader << kPlain << " { ret; }\n";
  OK(cuModuleLoad(&module, name.c_str()));
  std::remove(name.c_str());
  OK(cuModuleUnload(module));
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(module));
  LOGGED("expected a module, was given a module that was unloaded");
}

CASE(modules, functions_are_found_by_their_names) {
  const Card card;
  CUfunction function, again;
  CUmodule module;
  OK(cuModuleLoadData(&module, (kHeader + kPlain + " { ret; }\n.entry orphan(.param .align 4 .b8 x[12]) { ret; }").c_str()));
  ANSWERS(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, module, "plane"));
  LOGGED("the module has no entry 'plane'; its entries are: plain, orphan");
  ANSWERS(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, module, "orphan"));
  LOGGED("has no kernel 'orphan' of this module");
  OK(cuModuleGetFunction(&function, module, "plain"));
  OK(cuModuleGetFunction(&again, module, "plain"));
  CHECK(function == again);
  OK(cuModuleUnload(module));
  const Floats x, y;
  ANSWERS(CUDA_ERROR_INVALID_HANDLE, launch(function, 1, 1, 0, nullptr, y.address, x.address, 1));
  LOGGED("was given a function that was unloaded");
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuModuleLoadData(nullptr, kHeader.c_str()));
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuModuleLoadData(&module, nullptr));
}

CASE(modules, functions_tell_what_their_ptx_says) {
  const Card card;
  CUmodule module, of;
  CUfunction function;
  const std::string body = "\n.maxntid 512, 1, 1\n{ .reg .u32 %r<3>; .shared .align 4 .b8 s[1024]; .shared .align 8 .f64 t[2]; ret; }\n";
  OK(cuModuleLoadData(&module, (kHeader + kPlain + body).c_str()));
  OK(cuModuleGetFunction(&function, module, "plain"));
  const auto attribute = [&](CUfunction_attribute which) {
    int value = -1;
    OK(cuFuncGetAttribute(&value, which, function));
    return value;
  };
  EQ(attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 1040);
  EQ(attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 512);
  EQ(attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 49152 - 1040);
  EQ(attribute(CU_FUNC_ATTRIBUTE_PTX_VERSION), 78);
  int value;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuFuncGetAttribute(&value, static_cast<CUfunction_attribute>(99), function));
  const char* name;
  size_t offset, size;
  OK(cuFuncGetName(&name, function));
  EQ(std::string(name), "plain");
  OK(cuFuncGetParamInfo(function, 2, &offset, &size));
  EQ(offset, 16u);
  EQ(size, 4u);
  ANSWERS(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(function, 3, &offset, &size));
  OK(cuFuncGetModule(&of, function));
  CHECK(of == module);
  const Floats x, y;
  ANSWERS(CUDA_ERROR_INVALID_VALUE, launch(function, 1, 513, 0, nullptr, y.address, x.address, 1));
  OK(cuModuleUnload(module));
}
