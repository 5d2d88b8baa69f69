// What stands between matrix products where they do not do it themselves: bias, residual, and GELU (see gelu.cuh); and a change of type.
//
// Activations and their gradients are written (`=`), but for add_bias, whose y is added to (`+=`), and bias_gelu, which adds the bias to
// its input in place and leaves it there for the backward pass. Every thread reads an element before it writes that element and no other,
// so outputs may be inputs where it says so. Kernels that end in _bf16 store activations in bfloat16; biases are floats in all.
#include "elementwise.cuh"
#include "gelu.cuh"

// Calls body(row) for a block's share of the rows, a warp a row.
template <class Body>
DEVICE void for_rows(int rows, Body body) {
  const Share share = share_of(rows);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) body(static_cast<int64_t>(row));
}

// Calls body(first, count) for each of a block's pieces of `chunk` elements of a flat array.
template <class Body>
DEVICE void for_chunks(int64_t size, int chunk, Body body) {
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * chunk; first < size; first += static_cast<int64_t>(gridDim.x) * chunk)
    body(first, static_cast<int>(size - first < chunk ? size - first : chunk));
}

template <class T>
DEVICE void add_bias_of(T* y, const float* bias, int rows, int width) {
  for_rows(rows, [&](int64_t row) {
    elementwise<kVector<T>>(
        warp_threads(), width, [](int, auto& v, float b) { v = v + b; }, inout(y + row * width), in(bias));
  });
}

// y [rows, width] += bias [width].
KERNEL(add_bias, float* __restrict__ y, const float* __restrict__ bias, int rows, int width) { add_bias_of(y, bias, rows, width); }
KERNEL(add_bias_bf16, bf16* __restrict__ y, const float* __restrict__ bias, int rows, int width) { add_bias_of(y, bias, rows, width); }

// out = residual + f (y + bias); out may be y or residual. f is 1, or, if factors is not null, factors[row / rows_per_factor].
KERNEL(add_bias_residual, float* out_rows, const float* residual, const float* y, const float* __restrict__ bias,
       const float* __restrict__ factors, int rows, int width, int rows_per_factor) {
  for_rows(rows, [&](int64_t row) {
    const int64_t at = row * width;
    const float factor = factors != nullptr ? factors[row / rows_per_factor] : 1.0f;
    elementwise<kVector<float>>(
        warp_threads(), width, [&](int, float x, float v, float b, float& sum) { sum = x + factor * (v + b); }, in(residual + at),
        in(y + at), in(bias), out(out_rows + at));
  });
}

template <class T>
DEVICE void scale_rows_of(T* out_rows, const T* x, const float* factors, int rows, int width, int rows_per_factor) {
  for_rows(rows, [&](int64_t row) {
    const int64_t at = row * width;
    const float factor = factors[row / rows_per_factor];
    elementwise<kVector<T>>(
        warp_threads(), width, [&](int, float v, auto& y) { y = factor * v; }, in(x + at), out(out_rows + at));
  });
}

// out = factors[row / rows_per_factor] * x; out may be x.
KERNEL(scale_rows, float* out_rows, const float* x, const float* __restrict__ factors, int rows, int width, int rows_per_factor) {
  scale_rows_of(out_rows, x, factors, rows, width, rows_per_factor);
}
KERNEL(scale_rows_bf16, bf16* out_rows, const bf16* x, const float* __restrict__ factors, int rows, int width, int rows_per_factor) {
  scale_rows_of(out_rows, x, factors, rows, width, rows_per_factor);
}

template <class T>
DEVICE void bias_gelu_of(T* activations, T* pre, const float* bias, int rows, int width) {
  for_rows(rows, [&](int64_t row) {
    const int64_t at = row * width;
    elementwise<kVector<T>>(
        warp_threads(), width,
        [](int, auto& p, float b, auto& y) {
          const float x = p + b;
          p = x;
          y = gelu(x);
        },
        inout(pre + at), in(bias), out(activations + at));
  });
}

// pre += bias; activations = gelu(pre). They may be one tensor, which then gets the activations.
KERNEL(bias_gelu, float* activations, float* pre, const float* __restrict__ bias, int rows, int width) {
  bias_gelu_of(activations, pre, bias, rows, width);
}
KERNEL(bias_gelu_bf16, bf16* activations, bf16* pre, const float* __restrict__ bias, int rows, int width) {
  bias_gelu_of(activations, pre, bias, rows, width);
}

template <class T>
DEVICE void gelu_backward_of(T* dpre, const T* dout, const T* pre, int64_t size, int chunk) {
  for_chunks(size, chunk, [&](int64_t first, int count) {
    elementwise<kVector<T>>(
        block_threads(), count, [](int, float d, float x, auto& dx) { dx = d * gelu_slope(x); }, in(dout + first), in(pre + first),
        out(dpre + first));
  });
}

// dpre = dout * gelu'(pre); dpre may be dout. A block takes `chunk` elements at a time.
KERNEL(gelu_backward, float* dpre, const float* dout, const float* __restrict__ pre, int64_t size, int chunk) {
  gelu_backward_of(dpre, dout, pre, size, chunk);
}
KERNEL(gelu_backward_bf16, bf16* dpre, const bf16* dout, const bf16* __restrict__ pre, int64_t size, int chunk) {
  gelu_backward_of(dpre, dout, pre, size, chunk);
}

template <class To, class From>
DEVICE void convert(To* to, const From* from, int64_t size, int chunk) {
  for_chunks(size, chunk, [&](int64_t first, int count) {
    elementwise<4>(
        block_threads(), count, [](int, float x, auto& y) { y = x; }, in(from + first), out(to + first));
  });
}

// to = from, rounded to the nearest. A block takes `chunk` elements at a time.
KERNEL(float_to_bf16, bf16* __restrict__ to, const float* __restrict__ from, int64_t size, int chunk) { convert(to, from, size, chunk); }
KERNEL(bf16_to_float, float* __restrict__ to, const bf16* __restrict__ from, int64_t size, int chunk) { convert(to, from, size, chunk); }

// average += share (x - average): a step of an exponential moving average. A block takes `chunk` elements at a time.
KERNEL(average_in, float* __restrict__ average, const float* __restrict__ x, float share, int64_t size, int chunk) {
  for_chunks(size, chunk, [&](int64_t first, int count) {
    elementwise<4>(
        block_threads(), count, [&](int, float v, float& a) { a += share * (v - a); }, in(x + first), inout(average + first));
  });
}
