// Random views from crops of uint8 frames, equal to io.github.vicmae.data.view.ViewWriter: the crop resized with an antialiasing filter,
// mirrored, its colours changed, blurred, solarized and normalised. A row of `draws` (augment.cuh) says what happens to a view:
//   1. taps     weights of the resizing filter for each row and column of a view: w((k + 0.5 - centre) / stretch), stretch = max(1, in /
//               out), normalised over the crop, outside of which the filter sees nothing
//   2. resize   images = filter(crop / 255) clamped to [0, 1]; views without jitter get their gray, and are finished if they have no blur;
//               of views with jitter also the sums of the luma that the contrast will find
//   3. colour   views with jitter (augment_colour.cu): brightness, contrast, saturation and hue in the view's own order, then gray;
//               finished if they have no blur
//   4. blur     rows to `blurred`, then columns back to the images, which finishes the view
// A view is finished by solarizing its colours (v >= 128 / 255 becomes 1 - v) and by v * scale + shift for each channel. Alpha, the last of
// two or four channels, is neither blurred nor solarized; jitter and gray are for three channels alone.
//
// images [views / frames, channels, frames, height, width], where `views` counts frames, each with a draw; normalisation [2, channels] (scale, shift). All outputs are `=`. Sums go by tiles, in order.
#include "augment.cuh"

constexpr int kSpan = 256;     // columns of a crop whose filtered rows are on chip at a time; a multiple of 4
constexpr int kCropRows = 64;  // rows of a crop whose weights are on chip at a time

// ---- taps -------------------------------------------------------------------------------------------------------------------------

DEVICE double filter_weight(double x, int bicubic) {
  const double t = fabs(x);
  if (!bicubic) return t < 1 ? 1 - t : 0;
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

// First place, number of places and weights for place `at` of `out`, whose source has `in` places.
DEVICE void make_taps(int* first, float* weights, int at, int in, int out, int bicubic) {
  const double scale = static_cast<double>(in) / out, stretch = scale > 1 ? scale : 1, support = (bicubic ? 2 : 1) * stretch;
  const double centre = (at + 0.5) * scale;
  const int low = static_cast<int>(centre - support + 0.5), high = static_cast<int>(centre + support + 0.5);
  const int from = low > 0 ? low : 0, to = high < in ? high : in;
  double sum = 0;
  for (int k = from; k < to; k++) {
    const double weight = filter_weight((k + 0.5 - centre) / stretch, bicubic);
    weights[k - from] = static_cast<float>(weight);
    sum += weight;
  }
  const float share = static_cast<float>(1 / sum);
  for (int k = 0; k < to - from; k++) weights[k] *= share;
  first[0] = from;
  first[1] = to - from;
}

// One thread a row or column of a view, grid-stride. places [views, height + width, 2]; weights [views, height * stride_y + width *
// stride_x].
KERNEL(augment_taps, int* __restrict__ places, float* __restrict__ weights, const int* __restrict__ draws, int views, int height, int width,
       int stride_y, int stride_x, int bicubic) {
  const int both = height + width, length = height * stride_y + width * stride_x;
  const int64_t count = static_cast<int64_t>(views) * both;
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    const int64_t view = i / both;
    const int at = static_cast<int>(i % both), column = at - height;
    const int* draw = draws + view * kDrawWords;
    if (has(draw, kResized)) continue;
    float* to = weights + view * length;
    if (column < 0) {
      make_taps(places + 2 * i, to + at * stride_y, at, draw[kHeight], height, bicubic);
    } else {
      make_taps(places + 2 * i, to + height * stride_y + column * stride_x, column, draw[kWidth], width, bicubic);
    }
  }
}

// ---- resize -----------------------------------------------------------------------------------------------------------------------

// Part of a view: `rows` times `columns` pixels from (y, x) on.
struct Part {
  int y, x, rows, columns;
};

// A filter's table for one view.
struct Taps {
  const int* places;     // [out, 2]
  const float* weights;  // [out, stride]
  int stride;
  MEMBER int first(int at) const { return places[2 * at]; }
  MEMBER int end(int at) const { return places[2 * at] + places[2 * at + 1]; }
  MEMBER float weight(int at, int place) const { return weights[at * stride + place - first(at)]; }
};

// A column of filtered rows: kRows values for each channel. On a GPU the distance of two columns is such that neighbouring threads, which
// read neighbouring columns, do not meet in one bank.
template <int CHANNELS>
constexpr int kColumn = kRows * CHANNELS + (WARP > 1 && CHANNELS % 2 == 0 ? 4 : 0);

#if WARP > 1
struct alignas(16) RowSums {
  float at[kRows];
};
#endif

// Adds rows [v, v_end) of the crop to the filtered rows' elements [first, end) (an element is a channel of a column; `first` is a multiple
// of 4); what was there is kept if `more`. row_weights: kRows for each of these rows of the crop.
template <int CHANNELS>
DEVICE void filter_rows(float* __restrict__ filtered, const uint32_t* __restrict__ crop, int pitch, int first, int end,
                        const float* __restrict__ row_weights, int v, int v_end, bool more) {
#if WARP > 1
  for (int e = first + 4 * threadIdx.x; e < end; e += 4 * blockDim.x) {
    RowSums sum[4] = {};
    const uint32_t* from = crop + static_cast<int64_t>(v) * pitch + e / 4;
    for (int k = 0; k < v_end - v; k++, from += pitch) {
      const uint32_t word = *from;
      const RowSums weight = *reinterpret_cast<const RowSums*>(row_weights + kRows * k);
      UNROLL
      for (int i = 0; i < 4; i++) {
        const float value = static_cast<float>(word >> (8 * i) & 0xff);
        UNROLL
        for (int r = 0; r < kRows; r++) sum[i].at[r] += weight.at[r] * value;
      }
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
      const int at = e - first + i;
      RowSums* to = reinterpret_cast<RowSums*>(filtered + at / CHANNELS * kColumn<CHANNELS> + at % CHANNELS * kRows);
      if (more) {
        const RowSums before = *to;  // read as a whole: element by element, nvcc's code for this differs from run to run
        UNROLL
        for (int r = 0; r < kRows; r++) sum[i].at[r] += before.at[r];
      }
      *to = sum[i];
    }
  }
#else  // whole rows as vectors, then to columns
  SHARED(float, lines, kRows * kSpan * CHANNELS);
  const int count = end - first;
  for (int r = 0; r < kRows; r++) {
    float* __restrict__ line = lines + r * kSpan * CHANNELS;
    SIMD
    for (int i = 0; i < count; i++) line[i] = 0;
  }
  float *line0 = lines, *line1 = lines + kSpan * CHANNELS, *line2 = line1 + kSpan * CHANNELS, *line3 = line2 + kSpan * CHANNELS;
  for (int k = v; k < v_end; k++) {
    const float* w = row_weights + kRows * (k - v);
    const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    const uint8_t* __restrict__ from = reinterpret_cast<const uint8_t*>(crop + static_cast<int64_t>(k) * pitch) + first;
    SIMD
    for (int i = 0; i < count; i++) {
      const float value = from[i];
      line0[i] += w0 * value;
      line1[i] += w1 * value;
      line2[i] += w2 * value;
      line3[i] += w3 * value;
    }
  }
  for (int i = 0; i < count; i++) {
    float* __restrict__ to = filtered + i * kRows;  // a column has no gap here
    for (int r = 0; r < kRows; r++) to[r] = (more ? to[r] : 0.0f) + lines[r * kSpan * CHANNELS + i];
  }
#endif
}

// Adds columns [s, s_end) of the crop, which are in `filtered`, to the part's pixels; a pixel is complete with its last column.
template <int CHANNELS>
DEVICE void filter_columns(float* __restrict__ pixels, const float* __restrict__ filtered, Taps across, int s, int s_end, Part part,
                           int width, bool flip, bool more) {
  for (int x = threadIdx.x; x < part.columns; x += blockDim.x) {
    const int at = flip ? width - 1 - part.x - x : part.x + x;
    const int first = across.first(at), end = across.end(at);
    const int from = first > s ? first : s, to = end < s_end ? end : s_end;
    if (from >= to) continue;
    float sum[CHANNELS * kRows] = {};
    if (more && first < s) {  // begun with the columns before
      UNROLL
      for (int c = 0; c < CHANNELS; c++) {
        UNROLL
        for (int r = 0; r < kRows; r++) {
          if (r < part.rows) sum[c * kRows + r] = pixels[c * kPixels + r * part.columns + x];
        }
      }
    }
    const float* weight = across.weights + static_cast<int64_t>(at) * across.stride - first;
    for (int k = from; k < to; k++) {
      const float w = weight[k];
      const float* __restrict__ column = filtered + (k - s) * kColumn<CHANNELS>;
#if WARP > 1
      UNROLL
      for (int c = 0; c < CHANNELS; c++) {
        const RowSums value = reinterpret_cast<const RowSums*>(column)[c];
        UNROLL
        for (int r = 0; r < kRows; r++) sum[c * kRows + r] += w * value.at[r];
      }
#else
      SIMD
      for (int i = 0; i < CHANNELS * kRows; i++) sum[i] += w * column[i];
#endif
    }
    if (to == end) {
      UNROLL
      for (int i = 0; i < CHANNELS * kRows; i++) sum[i] = clamp_unit(sum[i]);
    }
    UNROLL
    for (int c = 0; c < CHANNELS; c++) {
      UNROLL
      for (int r = 0; r < kRows; r++) {
        if (r < part.rows) pixels[c * kPixels + r * part.columns + x] = sum[c * kRows + r];
      }
    }
  }
}

// The part's pixels of a crop, [channels][rows * columns] with planes kPixels apart.
template <int CHANNELS>
DEVICE void resize_part(float* pixels, const uint32_t* __restrict__ crop, const int* __restrict__ draw, Taps down, Taps across, Part part,
                        int width) {
  SHARED(float, filtered, kSpan * kColumn<CHANNELS>);
  SHARED(float, row_weights, kCropRows * kRows);
  const bool flip = has(draw, kFlip);
  const int left = flip ? width - part.x - part.columns : part.x;
  const int v_begin = down.first(part.y), v_end = down.end(part.y + part.rows - 1);
  const int s_begin = across.first(left) & ~3, s_end = across.end(left + part.columns - 1);  // words begin at multiples of 4 columns
  for (int s = s_begin; s < s_end; s += kSpan) {
    const int s_to = s + kSpan < s_end ? s + kSpan : s_end;
    for (int v = v_begin; v < v_end; v += kCropRows) {
      const int v_to = v + kCropRows < v_end ? v + kCropRows : v_end;
      __syncthreads();  // the weights and columns before may still be read
      for (int i = threadIdx.x; i < (v_to - v) * kRows; i += blockDim.x) {
        const int y = part.y + i % kRows, place = v + i / kRows;
        const bool inside = i % kRows < part.rows && place >= down.first(y) && place < down.end(y);
        row_weights[i] = inside ? down.weight(y, place) * (1.0f / 255) : 0.0f;
      }
      __syncthreads();
      filter_rows<CHANNELS>(filtered, crop, draw[kPitch], s * CHANNELS, s_to * CHANNELS, row_weights, v, v_to, v > v_begin);
    }
    __syncthreads();
    filter_columns<CHANNELS>(pixels, filtered, across, s, s_to, part, width, flip, s > s_begin);
  }
}

// The part's pixels of a view that the host has resized: floats [channels, height, width].
template <int CHANNELS>
DEVICE void load_part(float* pixels, const uint32_t* __restrict__ view, Part part, int height, int width) {
  for (int c = 0; c < CHANNELS; c++) {
    for (int r = 0; r < part.rows; r++) {
      const uint32_t* __restrict__ from = view + (static_cast<int64_t>(c) * height + part.y + r) * width + part.x;
      float* __restrict__ to = pixels + c * kPixels + r * part.columns;
      SIMD
      for (int x = threadIdx.x; x < part.columns; x += blockDim.x) to[x] = bits_float(static_cast<int>(from[x]));
    }
  }
}

// step: from a plane of the image to that of the next channel.
template <int CHANNELS>
DEVICE void store_part(float* __restrict__ image, const float* __restrict__ pixels, Part part, int width, int step) {
  for (int c = 0; c < CHANNELS; c++) {
    for (int r = 0; r < part.rows; r++) {
      float* __restrict__ to = image + (c * step + (part.y + r) * width + part.x);
      const float* __restrict__ from = pixels + c * kPixels + r * part.columns;
      SIMD
      for (int x = threadIdx.x; x < part.columns; x += blockDim.x) to[x] = from[x];
    }
  }
}

// Bands of kRows rows, each cut into tiles of equal width.
DEVICE int bands_of(int height) { return (height + kRows - 1) / kRows; }
DEVICE int tiles_of(int width) { return (width + kTile - 1) / kTile; }

template <int CHANNELS>
DEVICE void resize_views(float* __restrict__ images, float* __restrict__ luma_sums, const uint32_t* __restrict__ frames,
                         const int* __restrict__ draws, const int* __restrict__ places, const float* __restrict__ weights,
                         const float* __restrict__ normalisation, int views, int height, int width, int stride_y, int stride_x,
                         int frames_each) {
  SHARED(float, pixels, CHANNELS * kPixels);
  SHARED(float, scratch, 32);
  const int tiles = tiles_of(width), parts = bands_of(height) * tiles, tile = (width + tiles - 1) / tiles;
  const int64_t count = static_cast<int64_t>(views) * parts;
  for (int64_t item = blockIdx.x; item < count; item += gridDim.x) {
    const int64_t view = item / parts;
    const int at = static_cast<int>(item % parts);
    Part part{at / tiles * kRows, at % tiles * tile, kRows, tile};
    if (part.y + part.rows > height) part.rows = height - part.y;
    if (part.x + part.columns > width) part.columns = width - part.x;
    const int* __restrict__ draw = draws + view * kDrawWords;
    const uint32_t* __restrict__ source = frames + draw[kOffset];
    __syncthreads();  // the pixels of the part before may still be read
    if (has(draw, kResized)) {  // the same for the whole block, as all of the draw
      load_part<CHANNELS>(pixels, source, part, height, width);
    } else {
      const int* __restrict__ place = places + view * 2 * (height + width);
      const float* __restrict__ weight = weights + view * (height * stride_y + width * stride_x);
      const Taps down{place, weight, stride_y}, across{place + 2 * height, weight + height * stride_y, stride_x};
      resize_part<CHANNELS>(pixels, source, draw, down, across, part, width);
    }
    __syncthreads();
    const bool jitter = CHANNELS == 3 && has(draw, kJitter);
    const int size = part.rows * part.columns;
    if (!jitter) {
      finish<CHANNELS>(pixels, kPixels, size, draw, normalisation);
      __syncthreads();
    }
    const int plane = height * width;  // 32 bits hold a view
    store_part<CHANNELS>(images + first_plane(view, CHANNELS, frames_each) * plane, pixels, part, width, frames_each * plane);
    if (jitter) {
      __syncthreads();  // the pixels are changed
      const float sum = block_sum(luma_before_contrast(pixels, kPixels, size, draw), scratch);
      if (threadIdx.x == 0) luma_sums[item] = sum;
    }
  }
}

// One block a part of a view. frames: the crops, each row from a word of its own on; luma_sums [views, parts], of views with jitter alone;
// places and weights as augment_taps writes them.
#define RESIZE(channels)                                                                                                                 \
  KERNEL(augment_resize_##channels, float* __restrict__ images, float* __restrict__ luma_sums, const uint32_t* __restrict__ frames,      \
         const int* __restrict__ draws, const int* __restrict__ places, const float* __restrict__ weights,                               \
         const float* __restrict__ normalisation, int views, int height, int width, int stride_y, int stride_x, int frames_each) {       \
    resize_views<channels>(images, luma_sums, frames, draws, places, weights, normalisation, views, height, width, stride_y, stride_x,  \
                           frames_each);                                                                                                 \
  }
RESIZE(1)
RESIZE(2)
RESIZE(3)
RESIZE(4)
