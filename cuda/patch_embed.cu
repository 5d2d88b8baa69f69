// Patch embedding of the kept patches alone: gather their pixels, multiply (matmul.cu or BLAS), then bias, positions and the class token.
//   patches[n, k] = the pixels of patch keep[n, k] in (channel, row, column) order, as the convolution's weight is flattened
//   tokens[n, 0]     = cls + positions[0]
//   tokens[n, 1 + k] = embedded[n, k] + bias + positions[1 + keep[n, k]]
// Backward: dembedded `=`, dcls and dbias `+=` (two stages); the images need no gradient. keep may be null: all patches in order.
// Images, tokens and their gradient are floats; patches, embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "target.cuh"

template <class T>
DEVICE void gather_patches(T* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
                           int channels, int height, int width, int patch, int kept) {
  const int columns = width / patch, size = channels * patch * patch;
  const int64_t rows = static_cast<int64_t>(samples) * kept;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / kept;
    const int l = keep != nullptr ? keep[row] : static_cast<int>(row % kept);
    const float* __restrict__ corner =
        images + (sample * channels * height + static_cast<int64_t>(l / columns) * patch) * width + l % columns * patch;
    T* __restrict__ to = patches_out + row * size;
#if WARP > 1
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
      const int c = i / (patch * patch), y = i / patch % patch, x = i % patch;
      to[i] = corner[(static_cast<int64_t>(c) * height + y) * width + x];
    }
#else  // the same without a division for each pixel
    for (int c = 0; c < channels; c++) {
      for (int y = 0; y < patch; y++) {
        const float* __restrict__ from = corner + (static_cast<int64_t>(c) * height + y) * width;
        for (int x = 0; x < patch; x++) *to++ = from[x];
      }
    }
#endif
  }
}

// One block a patch. patches_out [samples * kept, channels * patch * patch]; images [samples, channels, height, width].
KERNEL(patch_gather, float* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int height, int width, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, height, width, patch, kept);
}
KERNEL(patch_gather_bf16, bf16* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int height, int width, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, height, width, patch, kept);
}

template <class T>
DEVICE void assemble_tokens(float* __restrict__ tokens, const T* __restrict__ embedded, const float* __restrict__ bias,
                            const float* __restrict__ cls, const float* __restrict__ positions, const int* __restrict__ keep, int samples,
                            int kept, int width) {
  const int64_t rows = static_cast<int64_t>(samples) * (1 + kept);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / (1 + kept);
    const int k = static_cast<int>(row % (1 + kept)) - 1;
    float* __restrict__ to = tokens + row * width;
    if (k < 0) {
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = cls[i] + positions[i];
    } else {
      const int64_t from = sample * kept + k;
      const int l = keep != nullptr ? keep[from] : k;
      const T* __restrict__ e = embedded + from * width;
      const float* __restrict__ position = positions + static_cast<int64_t>(1 + l) * width;
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = e[i] + bias[i] + position[i];
    }
  }
}

// One block a token. tokens [samples, 1 + kept, width]; embedded [samples * kept, width]; positions [1 + patches, width].
KERNEL(patch_assemble, float* __restrict__ tokens, const float* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ positions, const int* __restrict__ keep, int samples, int kept, int width) {
  assemble_tokens(tokens, embedded, bias, cls, positions, keep, samples, kept, width);
}
KERNEL(patch_assemble_bf16, float* __restrict__ tokens, const bf16* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ positions, const int* __restrict__ keep, int samples, int kept, int width) {
  assemble_tokens(tokens, embedded, bias, cls, positions, keep, samples, kept, width);
}

template <class T>
DEVICE void embedding_gradient(T* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples,
                               int kept, int width) {
  float* __restrict__ dcls = partial + static_cast<int64_t>(blockIdx.x) * 2 * width;
  float* __restrict__ dbias = dcls + width;
  SIMD
  for (int i = threadIdx.x; i < width; i += blockDim.x) dcls[i] = dbias[i] = 0;
  const int share = (samples + gridDim.x - 1) / gridDim.x;
  const int first = blockIdx.x * share, last = first + share < samples ? first + share : samples;
  for (int sample = first; sample < last; sample++) {
    const float* __restrict__ from = dtokens + static_cast<int64_t>(sample) * (1 + kept) * width;
    T* __restrict__ to = dembedded + static_cast<int64_t>(sample) * kept * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) dcls[i] += from[i];
    for (int k = 0; k < kept; k++) {
      from += width;
      SIMD
      for (int i = threadIdx.x; i < width; i += blockDim.x) {
        to[i] = from[i];
        dbias[i] += from[i];
      }
      to += width;
    }
  }
}

// Block p of gridDim.x copies its share of the samples' patch rows to dembedded and writes partial[p] = [dcls | dbias], each [width].
KERNEL(patch_backward, float* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples, int kept,
       int width) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width);
}
KERNEL(patch_backward_bf16, bf16* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples,
       int kept, int width) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width);
}
