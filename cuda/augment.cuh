// What the kernels of augment.cu and augment_colour.cu share: a view's draw, the operations on colours, and how a view is finished.
#pragma once

#include "target.cuh"

// Words of a view's row of `draws`, as io.github.vicmae.kernel.augment.AugmentDraws writes them.
constexpr int kDrawWords = 11;
constexpr int kOffset = 0;  // of the crop's first word in `frames`
constexpr int kWidth = 1, kHeight = 2;
constexpr int kPitch = 3;  // words from one row of the crop to the next
constexpr int kFlags = 4;
constexpr int kOrder = 5;    // of the jitter: two bits an operation, the first one lowest
constexpr int kFactors = 6;  // floats, by the operations' numbers: brightness, contrast, saturation, hue
constexpr int kSigma = 10;   // float, 0 for no blur

constexpr int kFlip = 1, kResized = 2, kJitter = 4, kGray = 8, kSolarize = 16;
constexpr int kContrast = 1;

// Where the plane of a frame's first channel begins, in planes; its other channels are `frames` planes apart.
DEVICE int64_t first_plane(int64_t row, int channels, int frames) {
  const int at = static_cast<int>(row), view = at / frames;  // 32 bits: rows are counted by an int
  return static_cast<int64_t>(view) * (channels - 1) * frames + at;
}

constexpr int kRows = 4;    // rows of a view that are resized together
constexpr int kTile = 128;  // columns of a tile, at most
constexpr int kPixels = kRows * kTile;

DEVICE float word_float(const int* draw, int word) { return bits_float(draw[word]); }
DEVICE bool has(const int* draw, int flag) { return (draw[kFlags] & flag) != 0; }

// ---- colours: planes on chip, `count` values each, their beginnings `stride` apart ------------------------------------------------

// As the processors' own minimum and maximum are defined: other forms become branches.
DEVICE float clamp_unit(float v) {
  const float positive = v > 0 ? v : 0.0f;
  return positive < 1 ? positive : 1.0f;
}
DEVICE float luma(float red, float green, float blue) { return 0.299f * red + 0.587f * green + 0.114f * blue; }

// values * factor + rest.
DEVICE void blend(float* __restrict__ values, int count, float factor, float rest) {
  SIMD
  for (int i = threadIdx.x; i < count; i += blockDim.x) values[i] = clamp_unit(values[i] * factor + rest);
}

DEVICE void saturate_colours(float* red, float* green, float* blue, int count, float factor) {
  SIMD
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const float rest = (1 - factor) * luma(red[i], green[i], blue[i]);
    red[i] = clamp_unit(red[i] * factor + rest);
    green[i] = clamp_unit(green[i] * factor + rest);
    blue[i] = clamp_unit(blue[i] * factor + rest);
  }
}

// One channel by its place on the circle of six sectors.
DEVICE float hue_channel(float place, float max, float chroma) {
  const float k = place - 6 * floorf(place * (1.0f / 6));
  return max - chroma * clamp_unit(k < 2 ? k : 4 - k);
}

DEVICE void turn_hue(float* red, float* green, float* blue, int count, float turn) {
  SIMD
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const float r = red[i], g = green[i], b = blue[i];
    const float high = r > g ? r : g, low = r < g ? r : g;
    const float max = high > b ? high : b, min = low < b ? low : b, chroma = max - min;
    const float from = max == r ? 0.0f : max == g ? 2.0f : 4.0f;
    const float difference = max == r ? g - b : max == g ? b - r : r - g;
    const float turned = from + difference / (chroma > 0 ? chroma : 1.0f) + 6 * turn;
    red[i] = chroma > 0 ? hue_channel(turned + 5, max, chroma) : r;
    green[i] = chroma > 0 ? hue_channel(turned + 3, max, chroma) : g;
    blue[i] = chroma > 0 ? hue_channel(turned + 1, max, chroma) : b;
  }
}

// One operation of the jitter; a thread keeps to its own pixels. mean: of the luma, for the contrast.
DEVICE void jitter_step(float* planes, int stride, int count, const int* draw, int operation, float mean) {
  float *red = planes, *green = planes + stride, *blue = planes + 2 * stride;
  const float factor = word_float(draw, kFactors + operation);
  if (operation == 0 || operation == kContrast) {
    const float rest = operation == 0 ? 0.0f : (1 - factor) * mean;
    blend(red, count, factor, rest);
    blend(green, count, factor, rest);
    blend(blue, count, factor, rest);
  } else if (operation == 2) {
    saturate_colours(red, green, blue, count, factor);
  } else {
    turn_hue(red, green, blue, count, factor);
  }
}

// What this thread's pixels add to the sum of the luma that the contrast finds, after the operations in front of it.
DEVICE float luma_before_contrast(float* planes, int stride, int count, const int* draw) {
  int order = draw[kOrder];
  for (int i = 0; i < 3 && (order & 3) != kContrast; i++, order >>= 2) jitter_step(planes, stride, count, draw, order & 3, 0);
  const float *red = planes, *green = planes + stride, *blue = planes + 2 * stride;
  float sum = 0;
  SIMD_SUM(sum)
  for (int i = threadIdx.x; i < count; i += blockDim.x) sum += luma(red[i], green[i], blue[i]);
  return sum;
}

DEVICE void gray_colours(float* red, float* green, float* blue, int count) {
  SIMD
  for (int i = threadIdx.x; i < count; i += blockDim.x) red[i] = green[i] = blue[i] = luma(red[i], green[i], blue[i]);
}

DEVICE void solarize_and_normalise(float* __restrict__ values, int count, bool solarize, float scale, float shift) {
  const float threshold = solarize ? 128.0f / 255 : 2.0f;
  SIMD
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const float v = values[i] >= threshold ? 1 - values[i] : values[i];
    values[i] = v * scale + shift;
  }
}

// What follows the jitter: gray, and all the rest unless the view is still to be blurred.
template <int CHANNELS>
DEVICE void finish(float* planes, int stride, int count, const int* draw, const float* normalisation) {
  if (CHANNELS == 3 && has(draw, kGray)) gray_colours(planes, planes + stride, planes + 2 * stride, count);
  if (word_float(draw, kSigma) > 0) return;
  for (int c = 0; c < CHANNELS; c++) {
    const bool colour = CHANNELS % 2 == 1 || c < CHANNELS - 1;
    solarize_and_normalise(planes + c * stride, count, colour && has(draw, kSolarize), normalisation[c], normalisation[CHANNELS + c]);
  }
}
