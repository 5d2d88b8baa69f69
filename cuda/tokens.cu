// The decoder's input (He et al. 2022): visible tokens back in their places, the mask token in all others, plus fixed positions.
//   out[0]     = embedded[0] + positions[0]
//   out[1 + l] = (restore[l] < kept ? embedded[1 + restore[l]] : mask_token) + positions[1 + l]
// Backward: dembedded `=` (each visible token went to one place), dmask_token `+=` (in two stages, by reduce.cu).
// out and its gradient belong to the residual stream and are floats; embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "target.cuh"

template <class T>
DEVICE void add_position(float* __restrict__ to, const T* __restrict__ from, const float* __restrict__ position, int width) {
  SIMD
  for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i] + position[i];
}

template <class T>
DEVICE void scatter(float* __restrict__ out, const T* __restrict__ embedded, const float* __restrict__ mask_token,
                    const float* __restrict__ positions, const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  const int64_t rows = static_cast<int64_t>(samples) * (1 + patches);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / (1 + patches);
    const int token = static_cast<int>(row % (1 + patches));
    const int rank = token == 0 ? -1 : restore[sample * patches + token - 1];
    const float* __restrict__ position = positions + static_cast<int64_t>(token) * width;
    if (rank < kept) {
      add_position(out + row * width, embedded + (sample * (1 + kept) + 1 + rank) * width, position, width);
    } else {
      add_position(out + row * width, mask_token, position, width);
    }
  }
}

// One block a row of out [samples, 1 + patches, width]. embedded [samples, 1 + kept, width]; restore [samples, patches].
KERNEL(tokens_scatter, float* __restrict__ out, const float* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ positions, const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  scatter(out, embedded, mask_token, positions, restore, samples, patches, kept, width);
}
KERNEL(tokens_scatter_bf16, float* __restrict__ out, const bf16* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ positions, const int* __restrict__ restore, int samples, int patches, int kept, int width) {
  scatter(out, embedded, mask_token, positions, restore, samples, patches, kept, width);
}

template <class T>
DEVICE void gather(T* __restrict__ dembedded, const float* __restrict__ dout, const int* __restrict__ keep, int samples, int patches,
                   int kept, int width) {
  const int64_t rows = static_cast<int64_t>(samples) * (1 + kept);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / (1 + kept);
    const int k = static_cast<int>(row % (1 + kept));
    const int token = k == 0 ? 0 : 1 + keep[sample * kept + k - 1];
    const float* __restrict__ from = dout + (sample * (1 + patches) + token) * width;
    T* __restrict__ to = dembedded + row * width;
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
  }
}

// One block a row of dembedded [samples, 1 + kept, width]. keep [samples, kept]: the place of each visible patch.
KERNEL(tokens_gather, float* __restrict__ dembedded, const float* __restrict__ dout, const int* __restrict__ keep, int samples, int patches,
       int kept, int width) {
  gather(dembedded, dout, keep, samples, patches, kept, width);
}
KERNEL(tokens_gather_bf16, bf16* __restrict__ dembedded, const float* __restrict__ dout, const int* __restrict__ keep, int samples,
       int patches, int kept, int width) {
  gather(dembedded, dout, keep, samples, patches, kept, width);
}

// Block p of gridDim.x writes partial[p] = the sum of dout over the masked places among its share of all places.
KERNEL(tokens_mask_partial, float* __restrict__ partial, const float* __restrict__ dout, const int* __restrict__ restore, int samples,
       int patches, int kept, int width) {
  float* __restrict__ sum = partial + static_cast<int64_t>(blockIdx.x) * width;
  SIMD
  for (int i = threadIdx.x; i < width; i += blockDim.x) sum[i] = 0;
  const int64_t places = static_cast<int64_t>(samples) * patches, share = (places + gridDim.x - 1) / gridDim.x;
  const int64_t first = blockIdx.x * share, last = first + share < places ? first + share : places;
  for (int64_t place = first; place < last; place++) {
    if (restore[place] < kept) continue;
    const float* __restrict__ from = dout + (place + place / patches + 1) * width;  // one class row before each sample's patches
    SIMD
    for (int i = threadIdx.x; i < width; i += blockDim.x) sum[i] += from[i];
  }
}
