// Patch embedding of the kept patches alone: gather their pixels, multiply (matmul.cu or BLAS), then bias, positions and the class token.
//   patches[n, k] = the pixels of patch keep[n, k] in (channel, row, column) order, as the convolution's weight is flattened
//   tokens[n, 0]     = cls + positions[0]
//   tokens[n, 1 + k] = embedded[n, k] + bias + positions[1 + keep[n, k]]
// Backward: dembedded `=`, dcls and dbias `+=` (two stages); the images need no gradient. keep may be null: all patches in order.
// Images, tokens and their gradient are floats; patches, embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "sum_rows.cuh"

// A patch of `corner` by the threads of a warp, N pixels of an image row at a time.
template <int N, class T>
DEVICE void copy_patch(T* __restrict__ to, const float* __restrict__ corner, int channels, int64_t plane, int width, int patch) {
#if WARP > 1
  const int size = channels * patch * patch;
  constexpr int BATCH = 3;  // on their way at once: a patch of 16 x 16 x 3 pixels in two batches
  const int step = warp_lanes() * N;
  for (int first = first_lane() * N; first < size; first += BATCH * step) {
    Pack<N> pixels[BATCH];
    UNROLL
    for (int b = 0; b < BATCH; b++) {
      const int i = first + b * step < size ? first + b * step : first;
      const int line = i / patch, c = line / patch, y = line - c * patch, x = i - line * patch;
      pixels[b] = load_pack<N>(corner + c * plane + static_cast<int64_t>(y) * width + x);
    }
    UNROLL
    for (int b = 0; b < BATCH; b++)
      if (first + b * step < size) store_pack<N>(to + first + b * step, pixels[b]);
  }
#else  // the same without a division for each pixel
  for (int c = 0; c < channels; c++) {
    for (int y = 0; y < patch; y++) {
      const float* __restrict__ from = corner + c * plane + static_cast<int64_t>(y) * width;
      for (int x = 0; x < patch; x++) *to++ = from[x];
    }
  }
#endif
}

template <class T>
DEVICE void gather_patches(T* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
                           int channels, int height, int width, int patch, int kept) {
  const int columns = width / patch, size = channels * patch * patch;
  const int64_t plane = static_cast<int64_t>(height) * width;
  const bool vectors = patch % 4 == 0 && width % 4 == 0 && is_aligned<4>(images) && is_aligned<4>(patches_out);
  const Share share = share_of(samples * kept);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / kept, l = keep != nullptr ? keep[row] : row - sample * kept;
    const float* corner = images + sample * channels * plane + static_cast<int64_t>(l / columns) * patch * width + l % columns * patch;
    T* to = patches_out + static_cast<int64_t>(row) * size;
    if (vectors) {
      copy_patch<4>(to, corner, channels, plane, width, patch);
    } else {
      copy_patch<1>(to, corner, channels, plane, width, patch);
    }
  }
}

// A warp a patch. patches_out [samples * kept, channels * patch * patch]; images [samples, channels, height, width].
KERNEL(patch_gather, float* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int height, int width, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, height, width, patch, kept);
}
KERNEL(patch_gather_bf16, bf16* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int height, int width, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, height, width, patch, kept);
}

template <class T>
DEVICE void assemble_tokens(float* tokens, const T* embedded, const float* bias, const float* cls, const float* positions,
                            const int* __restrict__ keep, int samples, int kept, int width) {
  const Share share = share_of(samples * (1 + kept));
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / (1 + kept), k = row - sample * (1 + kept) - 1;
    const auto to = out(tokens + static_cast<int64_t>(row) * width);
    if (k < 0) {
      elementwise<4>(
          warp_threads(), width, [](int, float c, float p, float& y) { y = c + p; }, in(cls), in(positions), to);
    } else {
      const int64_t from = row - sample - 1;
      const int l = keep != nullptr ? keep[from] : k;
      elementwise<4>(
          warp_threads(), width, [](int, float e, float b, float p, float& y) { y = e + b + p; }, in(embedded + from * width), in(bias),
          in(positions + static_cast<int64_t>(1 + l) * width), to);
    }
  }
}

// A warp a token. tokens [samples, 1 + kept, width]; embedded [samples * kept, width]; positions [1 + patches, width].
KERNEL(patch_assemble, float* __restrict__ tokens, const float* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ positions, const int* __restrict__ keep, int samples, int kept, int width) {
  assemble_tokens(tokens, embedded, bias, cls, positions, keep, samples, kept, width);
}
KERNEL(patch_assemble_bf16, float* __restrict__ tokens, const bf16* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ positions, const int* __restrict__ keep, int samples, int kept, int width) {
  assemble_tokens(tokens, embedded, bias, cls, positions, keep, samples, kept, width);
}

template <class T>
DEVICE void embedding_gradient(T* dembedded, float* partial, const float* dtokens, int samples, int kept, int width) {
  float* dcls = partial + static_cast<int64_t>(blockIdx.x) * 2 * width;
  const bool aligned = is_aligned<4>(dembedded) && is_aligned<4>(dtokens);
  const Share share = share_of(samples);
  sum_rows<4>(dcls, share.first, share.last, width, aligned, [&](int sample) {
    return Row<float, T>{dtokens + static_cast<int64_t>(sample) * (1 + kept) * width, nullptr, true};
  });
  sum_rows<4>(dcls + width, share.first * kept, share.last * kept, width, aligned, [&](int row) {
    const int64_t at = static_cast<int64_t>(row) * width;
    return Row<float, T>{dtokens + at + static_cast<int64_t>(row / kept + 1) * width, dembedded + at, true};
  });
}

// Block p of gridDim.x copies its share of the samples' patch rows to dembedded and writes partial[p] = [dcls | dbias], each [width].
// The blocks of a column share the width.
KERNEL(patch_backward, float* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples, int kept,
       int width) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width);
}
KERNEL(patch_backward_bf16, bf16* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples,
       int kept, int width) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width);
}
