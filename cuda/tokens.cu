// The decoder's input (He et al. 2022): visible tokens back in their places, the mask token in all others, plus positions.
//   out[0]          = (embedded[0] or cls) + class_position, if there is a class token
//   out[prefix + l] = (restore[l] < kept ? embedded[encoded + restore[l]] : mask_token) + space[l % places] + time[l / places]
// prefix and encoded are 1 where out and embedded have a class row, else 0. The class row is embedded's own, or, if cls is not null, cls: a
// class token that starts in the decoder (Feichtenhofer et al. 2022); embedded's class row then ends here. time may be null.
// Backward: dembedded `=` (each visible token went to one place), dmask_token and dcls `+=` (in two stages, by reduce.cu); positions have
// their own kernels (positions.cu).
// out and its gradient belong to the residual stream and are floats; embedded and dembedded are bfloat16 in the kernels that end in _bf16.
#include "sum_rows.cuh"

template <class T>
DEVICE void add_position(float* to, const T* from, const float* space, const float* time, int width) {
  if (time == nullptr) {
    elementwise<4>(
        warp_threads(), width, [](int, float x, float p, float& y) { y = x + p; }, in(from), in(space), out(to));
  } else {
    elementwise<4>(
        warp_threads(), width, [](int, float x, float s, float t, float& y) { y = x + (s + t); }, in(from), in(space), in(time), out(to));
  }
}

template <class T>
DEVICE void scatter(float* out, const T* embedded, const float* mask_token, const float* cls, const float* class_position,
                    const float* space, const float* time, const int* __restrict__ restore, int samples, int patches, int kept, int width,
                    int prefix, int encoded, int places) {
  const int count = prefix + patches;
  const Share share = share_of(samples * count);
  for (int row = share.first + first_warp(); row < share.last; row += warps()) {
    const int sample = row / count, l = row - sample * count - prefix;
    const T* const own = embedded + static_cast<int64_t>(sample) * (encoded + kept) * width;
    float* to = out + static_cast<int64_t>(row) * width;
    if (l < 0) {
      if (cls != nullptr) {
        add_position(to, cls, class_position, nullptr, width);
      } else {
        add_position(to, own, class_position, nullptr, width);
      }
      continue;
    }
    const int rank = restore[static_cast<int64_t>(sample) * patches + l];
    const int moment = time != nullptr ? l / places : 0;
    const float* const at_space = space + static_cast<int64_t>(l - moment * places) * width;
    const float* const at_time = time != nullptr ? time + static_cast<int64_t>(moment) * width : nullptr;
    if (rank < kept) {
      add_position(to, own + static_cast<int64_t>(encoded + rank) * width, at_space, at_time, width);
    } else {
      add_position(to, mask_token, at_space, at_time, width);
    }
  }
}

// A warp a row of out [samples, prefix + patches, width]. embedded [samples, encoded + kept, width]; restore [samples, patches]. Without
// `time`, space [patches, width]; with it, space [places, width] and time [patches / places, width].
KERNEL(tokens_scatter, float* __restrict__ out, const float* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ cls, const float* __restrict__ class_position, const float* __restrict__ space,
       const float* __restrict__ time, const int* __restrict__ restore, int samples, int patches, int kept, int width, int prefix,
       int encoded, int places) {
  scatter(out, embedded, mask_token, cls, class_position, space, time, restore, samples, patches, kept, width, prefix, encoded, places);
}
KERNEL(tokens_scatter_bf16, float* __restrict__ out, const bf16* __restrict__ embedded, const float* __restrict__ mask_token,
       const float* __restrict__ cls, const float* __restrict__ class_position, const float* __restrict__ space,
       const float* __restrict__ time, const int* __restrict__ restore, int samples, int patches, int kept, int width, int prefix,
       int encoded, int places) {
  scatter(out, embedded, mask_token, cls, class_position, space, time, restore, samples, patches, kept, width, prefix, encoded, places);
}

template <class T>
DEVICE void gather(T* dembedded, float* partial, const float* dout, const int* __restrict__ restore, int samples, int patches, int kept,
                   int width, int prefix, int encoded, int own_class) {
  const int count = prefix + patches;
  const Share share = share_of(samples * count);
  const bool aligned = is_aligned<4>(dout) && is_aligned<4>(dembedded);
  float* const sums = partial + static_cast<int64_t>(blockIdx.x) * (1 + own_class) * width;
  const auto row_of = [&](int row) {
    const int sample = row / count, l = row - sample * count - prefix;
    const int rank = l < 0 ? -1 : restore[static_cast<int64_t>(sample) * patches + (l < 0 ? 0 : l)];  // without a branch around the load
    const bool masked = rank >= kept, copied = !masked && (l >= 0 || own_class == 0);
    T* to = dembedded + (static_cast<int64_t>(sample) * (encoded + kept) + encoded + rank) * width;
    return Row<float, T>{dout + static_cast<int64_t>(row) * width, copied ? to : nullptr, masked};
  };
  sum_rows<4>(sums, share.first, share.last, width, aligned, row_of);
  if (own_class == 0) return;
  // The class rows, whose gradient is the decoder's own token's; the encoder's get none.
  const Share rows = share_of(samples);
  sum_rows<4>(sums + width, rows.first, rows.last, width, aligned, [&](int sample) {
    return Row<float, T>{dout + static_cast<int64_t>(sample) * count * width, nullptr, true};
  });
  for (int sample = rows.first; encoded > 0 && sample < rows.last; sample++) {
    T* const to = dembedded + static_cast<int64_t>(sample) * (encoded + kept) * width;
    for (int i = blockIdx.y * blockDim.x + threadIdx.x; i < width; i += gridDim.y * blockDim.x) to[i] = 0;
  }
}

// Block p of gridDim.x takes its share of the rows of dout [samples, prefix + patches, width]: those of class tokens and visible patches are
// copied to dembedded [samples, encoded + kept, width], those of masked places summed up in partial[p] [width], and with own_class those of
// class tokens in the next [width] instead. The blocks of a column share the width.
KERNEL(tokens_gather, float* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dout,
       const int* __restrict__ restore, int samples, int patches, int kept, int width, int prefix, int encoded, int own_class) {
  gather(dembedded, partial, dout, restore, samples, patches, kept, width, prefix, encoded, own_class);
}
KERNEL(tokens_gather_bf16, bf16* __restrict__ dembedded, float* __restrict__ partial, const float* __restrict__ dout,
       const int* __restrict__ restore, int samples, int patches, int kept, int width, int prefix, int encoded, int own_class) {
  gather(dembedded, partial, dout, restore, samples, patches, kept, width, prefix, encoded, own_class);
}
