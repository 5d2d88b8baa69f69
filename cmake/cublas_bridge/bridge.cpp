// A library with the name and symbol versions of cuBLAS 12 that hands calls on to cuBLAS 13, for hosts that have only that one: JCublas 12.6
// is linked against libcublas.so.12. What vicmae calls has the same parameters and meaning in both; everything else is refused.
#include <dlfcn.h>

#include <cstdio>

namespace {

// cublasStatus_t
constexpr int kNotInitialized = 1;
constexpr int kNotSupported = 15;

void* library() {
  static void* const handle = dlopen("libcublas.so.13", RTLD_LAZY | RTLD_LOCAL);
  return handle;
}

// The function of that name in cuBLAS 13, or null, with a line on the error output.
void* find(const char* name) {
  void* const function = library() == nullptr ? nullptr : dlsym(library(), name);
  if (function == nullptr)
    std::fprintf(stderr, "vicmae: %s cannot be handed on: %s\n", name,
                 library() == nullptr ? "libcublas.so.13 cannot be opened" : "libcublas.so.13 has no such function");
  return function;
}

template <class... Parameters>
int hand_on(const char* name, Parameters... parameters) {
  void* const function = find(name);
  return function == nullptr ? kNotInitialized : reinterpret_cast<int (*)(Parameters...)>(function)(parameters...);
}

int refuse(const char* name) {
  std::fprintf(stderr, "vicmae: %s was called, which the bridge to cuBLAS 13 does not hand on; it has what vicmae's products need\n", name);
  return kNotSupported;
}

}  // namespace

// Enumerations are ints, handles and streams pointers.
extern "C" {

int cublasCreate_v2(void** handle) { return hand_on("cublasCreate_v2", handle); }
int cublasDestroy_v2(void* handle) { return hand_on("cublasDestroy_v2", handle); }
int cublasSetStream_v2(void* handle, void* stream) { return hand_on("cublasSetStream_v2", handle, stream); }
int cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) { return hand_on("cublasSetWorkspace_v2", handle, workspace, bytes); }
int cublasSetMathMode(void* handle, int mode) { return hand_on("cublasSetMathMode", handle, mode); }
int cublasGetMathMode(void* handle, int* mode) { return hand_on("cublasGetMathMode", handle, mode); }
int cublasGetVersion_v2(void* handle, int* version) { return hand_on("cublasGetVersion_v2", handle, version); }
int cublasGetProperty(int type, int* value) { return hand_on("cublasGetProperty", type, value); }

size_t cublasGetCudartVersion() {
  void* const function = find("cublasGetCudartVersion");
  return function == nullptr ? 0 : reinterpret_cast<size_t (*)()>(function)();
}

const char* cublasGetStatusName(int status) {
  void* const function = find("cublasGetStatusName");
  return function == nullptr ? "unknown" : reinterpret_cast<const char* (*)(int)>(function)(status);
}

const char* cublasGetStatusString(int status) {
  void* const function = find("cublasGetStatusString");
  return function == nullptr ? "unknown" : reinterpret_cast<const char* (*)(int)>(function)(status);
}

int cublasSgemm_v2(void* handle, int trans_a, int trans_b, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b,
                   int ldb, const float* beta, float* c, int ldc) {
  return hand_on("cublasSgemm_v2", handle, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int cublasGemmEx(void* handle, int trans_a, int trans_b, int m, int n, int k, const void* alpha, const void* a, int a_type, int lda,
                 const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc, int compute_type, int algorithm) {
  return hand_on("cublasGemmEx", handle, trans_a, trans_b, m, n, k, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc,
                 compute_type, algorithm);
}

// The answer comes whatever the parameters are.
#define REFUSED(name) \
  int cublas##name() { return refuse("cublas" #name); }
#include "refused.inc"

}  // extern "C"
