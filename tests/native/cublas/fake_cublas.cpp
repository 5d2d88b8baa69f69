// A libcublas.so.13 for tests: the functions that the bridge hands on to, on host memory, in plain loops. It answers
// CUBLAS_STATUS_INVALID_VALUE to whatever a caller of vicmae should not ask for.
#include <cstdint>
#include <cstring>

namespace {

constexpr int kSuccess = 0, kInvalidValue = 7, kFloat = 0, kBf16 = 14, kCompute32F = 68, kFullPrecisionSums = 16;

struct Handle {
  void* stream;
  int math_mode;
};

double load(const void* from, int type, int64_t at) {
  if (type == kFloat) return static_cast<const float*>(from)[at];
  const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(from)[at]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void store(void* to, int type, int64_t at, double value) {
  const float rounded = static_cast<float>(value);
  if (type == kFloat) {
    static_cast<float*>(to)[at] = rounded;
    return;
  }
  uint32_t bits;
  std::memcpy(&bits, &rounded, sizeof bits);
  static_cast<uint16_t*>(to)[at] = static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// Column-major; operation 0 takes an operand as it lies, 1 transposed.
int multiply(int operation_a, int operation_b, int m, int n, int k, double alpha, const void* a, int type, int lda, const void* b, int ldb,
             double beta, void* c, int c_type, int ldc) {
  if (lda < (operation_a == 0 ? m : k) || ldb < (operation_b == 0 ? k : n) || ldc < m) return kInvalidValue;
  for (int column = 0; column < n; column++) {
    for (int row = 0; row < m; row++) {
      double sum = 0;
      for (int i = 0; i < k; i++) {
        sum += load(a, type, operation_a == 0 ? int64_t{i} * lda + row : int64_t{row} * lda + i) *
               load(b, type, operation_b == 0 ? int64_t{column} * ldb + i : int64_t{i} * ldb + column);
      }
      const int64_t at = int64_t{column} * ldc + row;
      store(c, c_type, at, alpha * sum + (beta == 0 ? 0 : beta * load(c, c_type, at)));
    }
  }
  return kSuccess;
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle** handle) {
  *handle = new Handle{nullptr, 0};
  return kSuccess;
}

int cublasDestroy_v2(Handle* handle) {
  delete handle;
  return kSuccess;
}

int cublasSetStream_v2(Handle* handle, void* stream) {
  handle->stream = stream;
  return kSuccess;
}

int cublasSetMathMode(Handle* handle, int mode) {
  handle->math_mode = mode;
  return kSuccess;
}

int cublasGetVersion_v2(Handle*, int* version) {
  *version = 130099;
  return kSuccess;
}

int cublasSgemm_v2(Handle*, int operation_a, int operation_b, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b,
                   int ldb, const float* beta, float* c, int ldc) {
  return multiply(operation_a, operation_b, m, n, k, *alpha, a, kFloat, lda, b, ldb, *beta, c, kFloat, ldc);
}

int cublasGemmEx(Handle* handle, int operation_a, int operation_b, int m, int n, int k, const void* alpha, const void* a, int a_type, int lda,
                 const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc, int compute_type, int) {
  if (a_type != kBf16 || b_type != kBf16 || (c_type != kBf16 && c_type != kFloat)) return kInvalidValue;
  if (compute_type != kCompute32F || handle->math_mode != kFullPrecisionSums) return kInvalidValue;
  return multiply(operation_a, operation_b, m, n, k, *static_cast<const float*>(alpha), a, a_type, lda, b, ldb,
                  *static_cast<const float*>(beta), c, c_type, ldc);
}

}  // extern "C"
