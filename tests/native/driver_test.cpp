// The program: driver_test KERNELS THEME [OPTIONS] runs a theme's cases on the kernels of a library, "driver_test themes" lists the themes.
#include "driver_test.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace driver_test {

namespace {

struct Case {
  const char* theme;
  const char* name;
  void (*run)();
};

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

std::string settings;
int checks, failures;

std::string name_of(CUresult code) {
  const char* name = nullptr;
  return cuGetErrorName(code, &name) == CUDA_SUCCESS ? name : std::to_string(code);
}

}  // namespace

Registration::Registration(const char* theme, const char* name, void (*run)()) { cases().push_back({theme, name, run}); }

void report(bool good, const std::string& what, const char* file, int line) {
  checks++;
  if (good) return;
  failures++;
  const char* const slash = std::strrchr(file, '/');
  std::printf("  FAILED %s:%d: %s\n", slash == nullptr ? file : slash + 1, line, what.c_str());
}

void check_answer(CUresult actual, CUresult expected, const char* call, const char* file, int line) {
  std::string text = std::string(call) + " answered " + name_of(actual) + ", expected " + name_of(expected);
  if (actual != expected) text += std::string("; the log:\n") + vicmae_emulator_log();
  report(actual == expected, text, file, line);
}

void check_log(const std::string& text, bool wanted, const char* file, int line) {
  const std::string log = vicmae_emulator_log();
  const std::string wrong = wanted ? "the log lacks '" : "the log has '";
  report((log.find(text) != std::string::npos) == wanted, wrong + text + "':\n" + log, file, line);
}

void configure(const std::string& options) {
  const char* const wrong = vicmae_emulator_configure(options.c_str());
  report(wrong == nullptr, wrong == nullptr ? "" : wrong, __FILE__, __LINE__);
}

void start_afresh() {
  vicmae_emulator_clear_log();
  configure(
      "schedule=random,streams=late,seed=1,resident=2,memory=4294967296,capability=90,fail_allocation=0,fail_launch=0,lose_device=0,"
      "record=,off=," +
      settings);
}

bool late() { return settings.find("streams=late") != std::string::npos; }
bool early() { return settings.find("streams=early") != std::string::npos; }

std::string ptx_of(const std::vector<const char*>& modules) {
  std::string text;
  for (const char* module : modules) {
    const char* const one = vicmae_emulator_interface(module);
    if (one == nullptr) {
      report(false, std::string("the library has no kernels of ") + module + ".cu", __FILE__, __LINE__);
      continue;
    }
    // The first three lines are the header, which a module has once.
    const char* body = one;
    for (int line = 0; line < 3 && !text.empty(); line++) body = std::strchr(body, '\n') + 1;
    text += body;
  }
  return text;
}

Card::Card() {
  vicmae_emulator_clear_log();
  OK(cuInit(0));
  OK(cuDevicePrimaryCtxRetain(&context, 0));
  OK(cuCtxSetCurrent(context));
  OK(cuModuleLoadData(&module, ptx_of({"plain", "affine", "reverse", "grid_sum"}).c_str()));
  plain_ = function("plain");
  affine_ = function("affine");
}

CUfunction Card::function(const char* name) const {
  CUfunction result = nullptr;
  OK(cuModuleGetFunction(&result, module, name));
  return result;
}

void Card::close() {
  if (!open_) return;
  open_ = false;
  cuCtxSetCurrent(context);
  cuModuleUnload(module);
  OK(cuDevicePrimaryCtxRelease(0));
  EQ(vicmae_emulator_leaks(), leaks);
  if (vicmae_emulator_leaks() != leaks) std::printf("%s\n", vicmae_emulator_log());
  OK(cuCtxSetCurrent(nullptr));
}

Card::~Card() { close(); }

CUresult Card::plain(CUstream stream, CUdeviceptr y, CUdeviceptr x, int n) const { return launch(plain_, 1, 32, 0, stream, y, x, n); }

CUresult Card::affine(CUstream stream, CUdeviceptr y, float a, float b, int n) const {
  return launch(affine_, 2, 32, 0, stream, y, a, b, n);
}

Stream::Stream(unsigned flags) {
  unsigned long long id = 0;
  OK(cuStreamCreate(&handle, flags));
  OK(cuStreamGetId(handle, &id));
  name = "stream " + std::to_string(id);
}
Stream::~Stream() { cuStreamDestroy(handle); }

Event::Event(unsigned flags) { OK(cuEventCreate(&handle, flags)); }
Event::~Event() { cuEventDestroy(handle); }

Floats::Floats(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  OK(cuMemAlloc(&address, kCount * sizeof(float)));
  OK(cuMemsetD32(address, bits, kCount));
  OK(cuStreamSynchronize(nullptr));
}
Floats::~Floats() { cuMemFree(address); }

PinnedFloats::PinnedFloats() { OK(cuMemHostAlloc(reinterpret_cast<void**>(&data), kCount * sizeof(float), 0)); }
PinnedFloats::~PinnedFloats() { cuMemFreeHost(data); }

float value(CUdeviceptr address) {
  float result = -1;
  OK(cuMemcpyDtoH(&result, address, sizeof result));
  return result;
}

float peek(CUdeviceptr address) {
  const Stream own;
  float result = -1;
  OK(cuMemcpyDtoHAsync(&result, address, sizeof result, own));
  return result;
}

int mappings() {
  std::ifstream maps("/proc/self/maps");
  int lines = 0;
  for (std::string line; std::getline(maps, line);) lines++;
  return lines;
}

}  // namespace driver_test

using namespace driver_test;

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "themes") == 0) {
    const char* last = "";
    for (const Case& c : cases()) {
      if (std::strcmp(c.theme, last) != 0) std::printf("%s\n", c.theme);
      last = c.theme;
    }
    return 0;
  }
  if (count < 3 || count > 4) {
    std::fprintf(stderr, "usage: driver_test themes\n       driver_test KERNELS.so THEME [key=value,...]\n");
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);  // what was printed is there even if a case crashes
  settings = count > 3 ? arguments[3] : "streams=late";
  configure(std::string("kernels=") + arguments[1]);
  int run = 0;
  for (const Case& c : cases()) {
    if (std::strcmp(c.theme, arguments[2]) != 0) continue;
    std::printf("%s\n", c.name);
    start_afresh();
    c.run();
    run++;
  }
  std::printf("%s with %s: %d cases, %d checks, %d failed\n", arguments[2], settings.c_str(), run, checks, failures);
  return run > 0 && checks > 0 && failures == 0 ? 0 : 1;
}
