// The colours of random views, and their blur: steps 3 and 4 of augment.cu, where the contract stands. Colour operations are defined as
// torchvision's; the blur's kernel is normalised and reaches to ceil(3 sigma), and sees the view mirrored at its edges.
#include "augment.cuh"

constexpr int kBlurTile = 64;  // columns that are blurred along the rows together
constexpr int kBlurRows = 8;
constexpr int kMaxRadius = 300;  // io.github.vicmae.data.view.Augmentation allows sigma up to 100

// ---- colour -----------------------------------------------------------------------------------------------------------------------

// One block kPixels pixels of a view of three channels, changed in place; views without jitter are left as they are. parts: luma_sums of a
// view.
KERNEL(augment_colour, float* __restrict__ images, const float* __restrict__ luma_sums, const int* __restrict__ draws,
       const float* __restrict__ normalisation, int views, int size, int parts, int frames) {
  SHARED(float, pixels, 3 * kPixels);
  SHARED(float, scratch, 32);
  const int pieces = (size + kPixels - 1) / kPixels;
  const int64_t count = static_cast<int64_t>(views) * pieces;
  for (int64_t item = blockIdx.x; item < count; item += gridDim.x) {
    const int64_t view = item / pieces;
    const int* __restrict__ draw = draws + view * kDrawWords;
    if (!has(draw, kJitter)) continue;  // the whole block
    const int first = static_cast<int>(item % pieces) * kPixels;
    const int own = size - first < kPixels ? size - first : kPixels;
    float* __restrict__ image = images + first_plane(view, 3, frames) * size + first;
    for (int c = 0; c < 3; c++) {  // a thread keeps to its own pixels: no barrier
      SIMD
      for (int i = threadIdx.x; i < own; i += blockDim.x) pixels[c * kPixels + i] = image[static_cast<int64_t>(c) * frames * size + i];
    }
    const float* __restrict__ sums = luma_sums + view * parts;
    float sum = 0;
    SIMD_SUM(sum)
    for (int i = threadIdx.x; i < parts; i += blockDim.x) sum += sums[i];
    const float mean = block_sum(sum, scratch) / size;
    for (int i = 0; i < 4; i++) jitter_step(pixels, kPixels, own, draw, draw[kOrder] >> (2 * i) & 3, mean);
    finish<3>(pixels, kPixels, own, draw, normalisation);
    for (int c = 0; c < 3; c++) {
      SIMD
      for (int i = threadIdx.x; i < own; i += blockDim.x) image[static_cast<int64_t>(c) * frames * size + i] = pixels[c * kPixels + i];
    }
  }
}

// ---- blur -------------------------------------------------------------------------------------------------------------------------

DEVICE int blur_radius(float sigma) {
  const int radius = static_cast<int>(ceilf(3 * sigma));
  return radius < 1 ? 1 : radius < kMaxRadius ? radius : kMaxRadius;
}

// The weights of places 0 to radius, not yet normalised; returns what normalises them. Two barriers.
DEVICE float blur_weights(float* weights, float sigma, int radius) {
  __syncthreads();  // the weights before may still be read
  for (int i = threadIdx.x; i <= radius; i += blockDim.x) {
    const float t = i == 0 ? 0.0f : i / sigma;
    weights[i] = exp_f(-0.5f * t * t);
  }
  __syncthreads();
  float sum = weights[0];
  for (int i = 1; i <= radius; i++) sum += 2 * weights[i];
  return 1 / sum;
}

// The place that one outside [0, size) is mirrored to; the edge's own pixel counts twice.
DEVICE int mirror(int at, int size) {
  if (at >= 0 && at < size) return at;
  const int period = 2 * size, rest = at % period, place = rest < 0 ? rest + period : rest;
  return place < size ? place : period - 1 - place;
}

// One block kBlurRows rows of a colour, in tiles: blurred = images blurred along the rows, both as the images; of alpha
// and of views without blur nothing is read or written.
KERNEL(augment_blur_rows, float* __restrict__ blurred, const float* __restrict__ images, const int* __restrict__ draws, int views,
       int channels, int height, int width, int frames) {
  SHARED(float, weights, kMaxRadius + 1);
  SHARED(float, lines, kBlurRows * (kBlurTile + 2 * kMaxRadius));
  const int colours = channels - (channels % 2 == 0), bands = (height + kBlurRows - 1) / kBlurRows;
  const int64_t count = static_cast<int64_t>(views) * colours * bands;
  for (int64_t item = blockIdx.x; item < count; item += gridDim.x) {
    const int64_t view = item / (colours * bands);
    const int colour = static_cast<int>(item / bands % colours), y = static_cast<int>(item % bands) * kBlurRows;
    const float sigma = word_float(draws + view * kDrawWords, kSigma);
    if (!(sigma > 0)) continue;  // the whole block
    const int radius = blur_radius(sigma), rows = height - y < kBlurRows ? height - y : kBlurRows;
    const float share = blur_weights(weights, sigma, radius);
    const int64_t corner = ((first_plane(view, channels, frames) + static_cast<int64_t>(colour) * frames) * height + y) * width;
    for (int x = 0; x < width; x += kBlurTile) {
      const int own = width - x < kBlurTile ? width - x : kBlurTile, length = own + 2 * radius, start = x - radius;
      const bool edge = start < 0 || start + length > width;
      __syncthreads();  // the tile before may still be read
      for (int r = first_warp(); r < rows; r += warps()) {
        const float* __restrict__ from = images + corner + static_cast<int64_t>(r) * width;
        float* __restrict__ line = lines + r * length;
        if (edge) {
          for (int i = first_lane(); i < length; i += warp_lanes()) line[i] = from[mirror(start + i, width)];
        } else {
          SIMD
          for (int i = first_lane(); i < length; i += warp_lanes()) line[i] = from[start + i];
        }
      }
      __syncthreads();
      for (int r = first_warp(); r < rows; r += warps()) {
        const float* __restrict__ line = lines + r * length + radius;
        float* __restrict__ to = blurred + corner + static_cast<int64_t>(r) * width + x;
#if WARP > 1
        for (int i = first_lane(); i < own; i += warp_lanes()) {
          float sum = weights[0] * line[i];
          for (int k = 1; k <= radius; k++) sum += weights[k] * (line[i - k] + line[i + k]);
          to[i] = sum * share;
        }
#else
        float sum[kBlurTile];
        SIMD
        for (int i = 0; i < own; i++) sum[i] = weights[0] * line[i];
        for (int k = 1; k <= radius; k++) {
          const float w = weights[k];
          SIMD
          for (int i = 0; i < own; i++) sum[i] += w * (line[i - k] + line[i + k]);
        }
        SIMD
        for (int i = 0; i < own; i++) to[i] = sum[i] * share;
#endif
      }
    }
  }
}

// One block kBlurRows rows of a channel: images = blurred, blurred along the columns, then solarized and normalised; alpha is normalised
// alone. Views without blur are left as they are.
KERNEL(augment_blur_columns, float* __restrict__ images, const float* __restrict__ blurred, const int* __restrict__ draws,
       const float* __restrict__ normalisation, int views, int channels, int height, int width, int frames) {
  SHARED(float, weights, kMaxRadius + 1);
  const int colours = channels - (channels % 2 == 0), bands = (height + kBlurRows - 1) / kBlurRows;
  const int64_t count = static_cast<int64_t>(views) * channels * bands;
  for (int64_t item = blockIdx.x; item < count; item += gridDim.x) {
    const int64_t view = item / (channels * bands);
    const int channel = static_cast<int>(item / bands % channels), first = static_cast<int>(item % bands) * kBlurRows;
    const int* __restrict__ draw = draws + view * kDrawWords;
    const float sigma = word_float(draw, kSigma);
    if (!(sigma > 0)) continue;  // the whole block
    const int radius = blur_radius(sigma), last = first + kBlurRows < height ? first + kBlurRows : height;
    const float share = blur_weights(weights, sigma, radius);
    const float scale = normalisation[channel], shift = normalisation[channels + channel];
    const int64_t plane = (first_plane(view, channels, frames) + static_cast<int64_t>(channel) * frames) * height * width;
    const float threshold = has(draw, kSolarize) ? 128.0f / 255 : 2.0f;
    for (int y = first + first_warp(); y < last; y += warps()) {
      float* __restrict__ to = images + plane + static_cast<int64_t>(y) * width;
      const float* __restrict__ from = blurred + plane;
      if (channel >= colours) {
        SIMD
        for (int x = first_lane(); x < width; x += warp_lanes()) to[x] = to[x] * scale + shift;
        continue;
      }
#if WARP > 1
      for (int x = first_lane(); x < width; x += warp_lanes()) {
        float sum = weights[0] * from[static_cast<int64_t>(y) * width + x];
        for (int k = 1; k <= radius; k++) {
          const int64_t above = mirror(y - k, height), below = mirror(y + k, height);
          sum += weights[k] * (from[above * width + x] + from[below * width + x]);
        }
        const float v = sum * share;
        to[x] = (v >= threshold ? 1 - v : v) * scale + shift;
      }
#else
      const float* __restrict__ middle = from + static_cast<int64_t>(y) * width;
      SIMD
      for (int x = 0; x < width; x++) to[x] = weights[0] * middle[x];
      for (int k = 1; k <= radius; k++) {
        const float w = weights[k];
        const float* __restrict__ above = from + static_cast<int64_t>(mirror(y - k, height)) * width;
        const float* __restrict__ below = from + static_cast<int64_t>(mirror(y + k, height)) * width;
        SIMD
        for (int x = 0; x < width; x++) to[x] += w * (above[x] + below[x]);
      }
      SIMD
      for (int x = 0; x < width; x++) {
        const float v = to[x] * share;
        to[x] = (v >= threshold ? 1 - v : v) * scale + shift;
      }
#endif
    }
  }
}
