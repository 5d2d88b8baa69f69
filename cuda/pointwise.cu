// What stands between matrix products where they do not do it themselves: bias, residual, and GELU (see gelu.cuh); and a change of type.
//
// Activations and their gradients are written (`=`), but for add_bias, whose y is added to (`+=`), and bias_gelu, which adds the bias to
// its input in place and leaves it there for the backward pass. Every thread reads an element before it writes that element and no other,
// so outputs may be inputs where it says so. Kernels that end in _bf16 store activations in bfloat16; biases are floats in all.
#include "gelu.cuh"

template <class T>
DEVICE void add_bias_of(T* __restrict__ y, const float* __restrict__ bias, int rows, int width) {
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    T* __restrict__ yr = y + static_cast<int64_t>(row) * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) yr[i] = yr[i] + bias[i];
  }
}

// y [rows, width] += bias [width]. One block a row.
KERNEL(add_bias, float* __restrict__ y, const float* __restrict__ bias, int rows, int width) { add_bias_of(y, bias, rows, width); }
KERNEL(add_bias_bf16, bf16* __restrict__ y, const float* __restrict__ bias, int rows, int width) { add_bias_of(y, bias, rows, width); }

// out = residual + y + bias; out may be y or residual. One block a row.
KERNEL(add_bias_residual, float* out, const float* residual, const float* y, const float* __restrict__ bias, int rows, int width) {
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t at = static_cast<int64_t>(row) * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) out[at + i] = residual[at + i] + (y[at + i] + bias[i]);
  }
}

template <class T>
DEVICE void bias_gelu_of(T* __restrict__ out, T* __restrict__ pre, const float* __restrict__ bias, int rows, int width) {
  for (int row = blockIdx.x; row < rows; row += gridDim.x) {
    T* __restrict__ pr = pre + static_cast<int64_t>(row) * width;
    T* __restrict__ yr = out + static_cast<int64_t>(row) * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
      const float x = pr[i] + bias[i];
      pr[i] = x;
      yr[i] = gelu(x);
    }
  }
}

// pre += bias; out = gelu(pre). One block a row.
KERNEL(bias_gelu, float* __restrict__ out, float* __restrict__ pre, const float* __restrict__ bias, int rows, int width) {
  bias_gelu_of(out, pre, bias, rows, width);
}
KERNEL(bias_gelu_bf16, bf16* __restrict__ out, bf16* __restrict__ pre, const float* __restrict__ bias, int rows, int width) {
  bias_gelu_of(out, pre, bias, rows, width);
}

template <class T>
DEVICE void gelu_backward_of(T* dpre, const T* dout, const T* __restrict__ pre, int64_t size, int chunk) {
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * chunk; first < size; first += static_cast<int64_t>(gridDim.x) * chunk) {
    const int count = static_cast<int>(size - first < chunk ? size - first : chunk);
    const T* __restrict__ xc = pre + first;
    SIMD
    for (int i = threadIdx.x; i < count; i += blockDim.x) dpre[first + i] = dout[first + i] * gelu_slope(xc[i]);
  }
}

// dpre = dout * gelu'(pre); dpre may be dout. A block takes `chunk` elements at a time.
KERNEL(gelu_backward, float* dpre, const float* dout, const float* __restrict__ pre, int64_t size, int chunk) {
  gelu_backward_of(dpre, dout, pre, size, chunk);
}
KERNEL(gelu_backward_bf16, bf16* dpre, const bf16* dout, const bf16* __restrict__ pre, int64_t size, int chunk) {
  gelu_backward_of(dpre, dout, pre, size, chunk);
}

template <class To, class From>
DEVICE void convert(To* __restrict__ to, const From* __restrict__ from, int64_t size, int chunk) {
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * chunk; first < size; first += static_cast<int64_t>(gridDim.x) * chunk) {
    const int count = static_cast<int>(size - first < chunk ? size - first : chunk);
    SIMD
    for (int i = threadIdx.x; i < count; i += blockDim.x) to[first + i] = from[first + i];
  }
}

// to = from, rounded to the nearest. A block takes `chunk` elements at a time.
KERNEL(float_to_bf16, bf16* __restrict__ to, const float* __restrict__ from, int64_t size, int chunk) { convert(to, from, size, chunk); }
KERNEL(bf16_to_float, float* __restrict__ to, const bf16* __restrict__ from, int64_t size, int chunk) { convert(to, from, size, chunk); }
