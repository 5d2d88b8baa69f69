// The decoder's input (He et al. 2022): visible tokens back in their places, the mask token in all others, plus fixed positions.
//   out[0]     = embedded[0] + positions[0]
//   out[1 + l] = (restore[l] < kept ? embedded[1 + restore[l]] : mask_token) + positions[1 + l]
// Backward: dembedded `=` (each visible token went to one place), dmask_token `+=` (in two stages, by reduce.cu).
// out and its gradient belong to the residual stream and are floats; embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "sum_rows.cuh"

template <class T>
DEVICE void add_position(float* to, const T* from, const float* position, int width) {
  elementwise<4>(
      warp_threads(), width, [](int, float x, float p, float& y) { y = x + p; }, in(from), in(position), out(to));
}

template <class T>
DEVICE void scatter(float* out, const T* embedded, const float* mask_token, const float* positions, const int* __restrict__ restore,
                    int samples, int patches, int kept, int width) {
  const Share share = share_of(samples * (1 + patches));
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / (1 + patches), token = row - sample * (1 + patches);
    const int rank = token == 0 ? -1 : restore[row - sample - 1];
    float* to = out + static_cast<int64_t>(row) * width;
    const float* position = positions + static_cast<int64_t>(token) * width;
    if (rank < kept) {
      add_position(to, embedded + (static_cast<int64_t>(sample) * (1 + kept) + 1 + rank) * width, position, width);
    } else {
      add_position(to, mask_token, position, width);
    }
  }
}

// A warp a row of out [samples, 1 + patches, width]. embedded [samples, 1 + kept, width]; restore [samples, patches].
KERNEL(tokens_scatter, float* __restrict__ out, const float* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ positions, const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  scatter(out, embedded, mask_token, positions, restore, samples, patches, kept, width);
}
KERNEL(tokens_scatter_bf16, float* __restrict__ out, const bf16* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ positions, const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  scatter(out, embedded, mask_token, positions, restore, samples, patches, kept, width);
}

template <class T>
DEVICE void gather(T* dembedded, float* partial, const float* dout, const int* __restrict__ restore, int samples, int patches, int kept,
                   int width) {
  const Share share = share_of(samples * (1 + patches));
  const auto row_of = [&](int row) {
    const int sample = row / (1 + patches), token = row - sample * (1 + patches);
    const int rank = token == 0 ? -1 : restore[row - sample - (token > 0)];  // without a branch around the load
    const bool masked = rank >= kept;
    T* to = dembedded + (static_cast<int64_t>(sample) * (1 + kept) + 1 + rank) * width;
    return Row<float, T>{dout + static_cast<int64_t>(row) * width, masked ? nullptr : to, masked};
  };
  sum_rows<4>(partial + static_cast<int64_t>(blockIdx.x) * width, share.first, share.last, width,
              is_aligned<4>(dout) && is_aligned<4>(dembedded), row_of);
}

// Block p of gridDim.x takes its share of the rows of dout [samples, 1 + patches, width]: those of class tokens and visible patches are
// copied to dembedded [samples, 1 + kept, width], those of masked places summed up in partial[p] [width]. The blocks of a column share the
// width.
KERNEL(tokens_gather, float* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dout,
       const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  gather(dembedded, partial, dout, restore, samples, patches, kept, width);
}
KERNEL(tokens_gather_bf16, bf16* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dout,
       const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  gather(dembedded, partial, dout, restore, samples, patches, kept, width);
}
