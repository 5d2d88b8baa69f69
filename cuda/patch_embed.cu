// Patch embedding of only the kept patches: gather their pixels, multiply (matmul.cu or BLAS), then add bias, positions and the class token.
// A patch is `tube` frames of patch x patch pixels; patches are numbered by time, row and column. An image is a clip of one frame.
//   patches[n, k] = the pixels of patch keep[n, k] in (channel, frame, row, column) order, as the convolution's weight is flattened
//   tokens[n, 0]          = cls + class_position, if there is a class token
//   tokens[n, prefix + k] = embedded[n, k] + bias + space[l % places] + time[l / places], l = keep[n, k]
// with prefix = 1 if there is a class token and 0 otherwise. Backward: dembedded `=`, dcls and dbias `+=` (two stages); positions have their
// own kernels (positions.cu), and images need no gradient. keep may be null: all patches in order. time may be null.
// Images, tokens and their gradient are floats; patches, embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "sum_rows.cuh"

// The pixels of a clip, [channels, frames, height, width]; a single stored frame stands for all.
struct Clip {
  int channels;
  int64_t channel_step, frame_step;
  int width;
};

// A patch of `corner` by the threads of a warp, N pixels of an image row at a time.
template <int N, class T>
DEVICE void copy_patch(T* __restrict__ to, const float* __restrict__ corner, const Clip& clip, int tube, int patch) {
#if WARP > 1
  const int size = clip.channels * tube * patch * patch;
  constexpr int BATCH = 3;  // on their way at once: a patch of 16 x 16 x 3 pixels in two batches
  const int step = warp_lanes() * N;
  for (int first = first_lane() * N; first < size; first += BATCH * step) {
    Pack<N> pixels[BATCH];
    UNROLL
    for (int b = 0; b < BATCH; b++) {
      const int i = first + b * step < size ? first + b * step : first;
      const int line = i / patch, square = line / patch, y = line - square * patch, x = i - line * patch;
      const int c = tube == 1 ? square : square / tube, t = square - c * tube;
      pixels[b] = load_pack<N>(corner + c * clip.channel_step + t * clip.frame_step + static_cast<int64_t>(y) * clip.width + x);
    }
    UNROLL
    for (int b = 0; b < BATCH; b++)
      if (first + b * step < size) store_pack<N>(to + first + b * step, pixels[b]);
  }
#else  // the same without a division for each pixel
  for (int c = 0; c < clip.channels; c++) {
    for (int t = 0; t < tube; t++) {
      for (int y = 0; y < patch; y++) {
        const float* __restrict__ from = corner + c * clip.channel_step + t * clip.frame_step + static_cast<int64_t>(y) * clip.width;
        for (int x = 0; x < patch; x++) *to++ = from[x];
      }
    }
  }
#endif
}

template <class T>
DEVICE void gather_patches(T* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
                           int channels, int stored_frames, int height, int width, int tube, int patch, int kept) {
  const int columns = width / patch, places = height / patch * columns, size = channels * tube * patch * patch;
  const int64_t plane = static_cast<int64_t>(height) * width;
  const Clip clip{channels, stored_frames * plane, stored_frames == 1 ? 0 : plane, width};
  const bool vectors = patch % 4 == 0 && width % 4 == 0 && is_aligned<4>(images) && is_aligned<4>(patches_out);
  const Share share = share_of(samples * kept);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / kept, l = keep != nullptr ? keep[row] : row - sample * kept;
    const int time = l / places, place = l - time * places;
    const float* corner = images + sample * channels * clip.channel_step + time * tube * clip.frame_step +
                          static_cast<int64_t>(place / columns) * patch * width + place % columns * patch;
    T* to = patches_out + static_cast<int64_t>(row) * size;
    if (vectors) {
      copy_patch<4>(to, corner, clip, tube, patch);
    } else {
      copy_patch<1>(to, corner, clip, tube, patch);
    }
  }
}

// A warp a patch. patches_out [samples * kept, channels * tube * patch * patch]; images [samples, channels, stored_frames, height, width],
// where one stored frame is repeated for all frames of a patch.
KERNEL(patch_gather, float* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int stored_frames, int height, int width, int tube, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, stored_frames, height, width, tube, patch, kept);
}
KERNEL(patch_gather_bf16, bf16* __restrict__ patches_out, const float* __restrict__ images, const int* __restrict__ keep, int samples,
       int channels, int stored_frames, int height, int width, int tube, int patch, int kept) {
  gather_patches(patches_out, images, keep, samples, channels, stored_frames, height, width, tube, patch, kept);
}

// Where positions come from: space [period or more, width]; time and cls may be null.
struct Positions {
  const float *space, *time, *cls;
  int period;
};

template <class T>
DEVICE void assemble_tokens(float* tokens, const T* embedded, const float* bias, const float* cls, const Positions& positions,
                            const int* __restrict__ keep, int samples, int kept, int width) {
  const int prefix = cls != nullptr, count = prefix + kept;
  const Share share = share_of(samples * count);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / count, k = row - sample * count - prefix;
    const auto to = out(tokens + static_cast<int64_t>(row) * width);
    if (k < 0) {
      elementwise<4>(
          warp_threads(), width, [](int, float c, float p, float& y) { y = c + p; }, in(cls), in(positions.cls), to);
      continue;
    }
    const int64_t from = static_cast<int64_t>(sample) * kept + k;
    const int l = keep != nullptr ? keep[from] : k;
    if (positions.time == nullptr) {
      elementwise<4>(
          warp_threads(), width, [](int, float e, float b, float p, float& y) { y = e + b + p; }, in(embedded + from * width), in(bias),
          in(positions.space + static_cast<int64_t>(l) * width), to);
    } else {
      const int time = l / positions.period, place = l - time * positions.period;
      elementwise<4>(
          warp_threads(), width, [](int, float e, float b, float s, float t, float& y) { y = e + b + (s + t); },
          in(embedded + from * width), in(bias), in(positions.space + static_cast<int64_t>(place) * width),
          in(positions.time + static_cast<int64_t>(time) * width), to);
    }
  }
}

// A warp a token. tokens [samples, prefix + kept, width], where a class token is there if cls is not null; embedded [samples * kept, width].
// Without `time`, space [patches, width]; with it, space [places, width] and time [patches / places, width].
KERNEL(patch_assemble, float* __restrict__ tokens, const float* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ class_position, const float* __restrict__ space,
       const float* __restrict__ time, const int* __restrict__ keep, int samples, int kept, int width, int places) {
  assemble_tokens(tokens, embedded, bias, cls, Positions{space, time, class_position, places}, keep, samples, kept, width);
}
KERNEL(patch_assemble_bf16, float* __restrict__ tokens, const bf16* __restrict__ embedded, const float* __restrict__ bias,
       const float* __restrict__ cls, const float* __restrict__ class_position, const float* __restrict__ space,
       const float* __restrict__ time, const int* __restrict__ keep, int samples, int kept, int width, int places) {
  assemble_tokens(tokens, embedded, bias, cls, Positions{space, time, class_position, places}, keep, samples, kept, width);
}

template <class T>
DEVICE void embedding_gradient(T* dembedded, float* partial, const float* dtokens, int samples, int kept, int width, int prefix) {
  float* dcls = partial + static_cast<int64_t>(blockIdx.x) * (1 + prefix) * width;
  const bool aligned = is_aligned<4>(dembedded) && is_aligned<4>(dtokens);
  const Share share = share_of(samples);
  if (prefix > 0) {
    sum_rows<4>(dcls, share.first, share.last, width, aligned, [&](int sample) {
      return Row<float, T>{dtokens + static_cast<int64_t>(sample) * (1 + kept) * width, nullptr, true};
    });
  }
  sum_rows<4>(dcls + prefix * width, share.first * kept, share.last * kept, width, aligned, [&](int row) {
    const int64_t at = static_cast<int64_t>(row) * width;
    return Row<float, T>{dtokens + at + static_cast<int64_t>(prefix * (row / kept + 1)) * width, dembedded + at, true};
  });
}

// Block p of gridDim.x copies its share of the samples' patch rows to dembedded and writes partial[p] = [dcls | dbias], each [width], or
// without a class token (prefix = 0) [dbias]. The blocks of a column share the width.
KERNEL(patch_backward, float* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples, int kept,
       int width, int prefix) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width, prefix);
}
KERNEL(patch_backward_bf16, bf16* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dtokens, int samples,
       int kept, int width, int prefix) {
  embedding_gradient(dembedded, partial, dtokens, samples, kept, width, prefix);
}
