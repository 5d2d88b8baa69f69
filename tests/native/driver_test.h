// What the tests of the emulated driver share: checks, cases by theme, and a device to run them on. The driver is called through the CUDA
// toolkit's own header, so that its entry points are held against NVIDIA's declarations of them.
#pragma once

#include <cuda.h>

#include <sstream>
#include <string>
#include <vector>

extern "C" {
const char* vicmae_emulator_configure(const char* options);
const char* vicmae_emulator_log();
void vicmae_emulator_clear_log();
int vicmae_emulator_leaks();
int vicmae_emulator_launches();
CUresult vicmae_emulator_name(CUdeviceptr address, uint64_t bytes, const char* name);
const char* vicmae_emulator_interface(const char* module);
}

namespace driver_test {

// ---- cases ----------------------------------------------------------------------------------------------------------------------------
struct Registration {
  Registration(const char* theme, const char* name, void (*run)());
};
// Cases of a theme run in the order in which they stand in their file, in one process.
#define CASE(theme, name)                                                             \
  static void name();                                                                 \
  static const driver_test::Registration registration_of_##name(#theme, #name, name); \
  static void name()

// ---- checks: a failed one is printed with its place, and the case goes on -------------------------------------------------------------
void report(bool good, const std::string& what, const char* file, int line);
void check_answer(CUresult actual, CUresult expected, const char* call, const char* file, int line);
void check_log(const std::string& text, bool wanted, const char* file, int line);

template <class A, class B>
void check_equal(const A& actual, const B& expected, const char* expression, const char* file, int line) {
  std::ostringstream text;
  text << expression << " is " << actual << ", expected " << expected;
  report(actual == static_cast<A>(expected), text.str(), file, line);
}

#define CHECK(condition) driver_test::report(condition, #condition " does not hold", __FILE__, __LINE__)
#define EQ(actual, expected) driver_test::check_equal(actual, expected, #actual, __FILE__, __LINE__)
#define OK(call) driver_test::check_answer(call, CUDA_SUCCESS, #call, __FILE__, __LINE__)
#define ANSWERS(code, call) driver_test::check_answer(call, code, #call, __FILE__, __LINE__)
#define LOGGED(text) driver_test::check_log(text, true, __FILE__, __LINE__)
#define NOT_LOGGED(text) driver_test::check_log(text, false, __FILE__, __LINE__)

// ---- settings -------------------------------------------------------------------------------------------------------------------------
// The settings that every case starts from: the defaults, and the program's own argument.
void start_afresh();
// Sets an option of the driver, which must be known.
void configure(const std::string& options);
// Whether the program was asked for streams=late or streams=early.
bool late();
bool early();

// ---- a device -------------------------------------------------------------------------------------------------------------------------
constexpr int kCount = 64;  // floats that the kernels below work on

// The primary context with kernels loaded. When it goes, nothing may be left in it but `leaks` objects.
class Card {
 public:
  Card();
  ~Card();
  Card(const Card&) = delete;
  void close();  // before its scope ends
  CUfunction function(const char* name) const;
  // y = 2 x, and y = a y + b.
  CUresult plain(CUstream stream, CUdeviceptr y, CUdeviceptr x, int n = kCount) const;
  CUresult affine(CUstream stream, CUdeviceptr y, float a, float b, int n = kCount) const;

  CUcontext context = nullptr;
  CUmodule module = nullptr;
  int leaks = 0;

 private:
  CUfunction plain_ = nullptr, affine_ = nullptr;
  bool open_ = true;
};

// The text of a module with the kernels of tests/kernels, by their files' names.
std::string ptx_of(const std::vector<const char*>& modules);

template <class... Values>
CUresult launch(CUfunction function, unsigned blocks, unsigned threads, unsigned shared, CUstream stream, Values... values) {
  void* arguments[] = {&values...};
  return cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, stream, arguments, nullptr);
}

// Objects that go with their scope, whether or not the context is broken by then.
struct Stream {
  explicit Stream(unsigned flags = CU_STREAM_NON_BLOCKING);
  ~Stream();
  Stream(const Stream&) = delete;
  operator CUstream() const { return handle; }
  CUstream handle = nullptr;
  std::string name;  // in messages
};

struct Event {
  explicit Event(unsigned flags = CU_EVENT_DEFAULT);
  ~Event();
  Event(const Event&) = delete;
  operator CUevent() const { return handle; }
  CUevent handle = nullptr;
};

// kCount floats on the device, all of one value, which the host waited for.
struct Floats {
  explicit Floats(float value = 0);
  ~Floats();
  Floats(const Floats&) = delete;
  operator CUdeviceptr() const { return address; }
  CUdeviceptr address = 0;
};

struct PinnedFloats {
  PinnedFloats();
  ~PinnedFloats();
  PinnedFloats(const PinnedFloats&) = delete;
  float& operator[](int i) { return data[i]; }
  float* data = nullptr;
};

// The first float of device memory, by a copy that waits for the NULL stream.
float value(CUdeviceptr address);
// The same by a copy that waits for nothing: a race, so the case has to set off=race_stream.
float peek(CUdeviceptr address);
// Lines of /proc/self/maps.
int mappings();

}  // namespace driver_test
