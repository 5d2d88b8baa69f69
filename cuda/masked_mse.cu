// Reconstruction loss of masked patches (He et al. 2022), with its gradient in the same pass. For each view
//   loss = mean over masked patches of mean over pixels of (pred - target)^2,
// target = the patch's pixels in (frame, row, column, channel) order, normalised where wanted: (x - mean) / sqrt(var + 1e-6), var unbiased,
// with mean and variance over the patch, or over each of its channels after that was multiplied with its deviation (Girdhar et al. 2023; the
// mean that would be added cancels). The whole loss is the mean over views, so dpred = weight / views * d loss_view / d pred.
//
// A patch at time i has `tube` target frames: those numbered i * tube, ... of target_frames that are spread evenly over the clip, frame j
// being j (frames - 1) / (target_frames - 1), rounded down (Feichtenhofer et al. 2022). An image is a clip of one frame.
//
// Writes loss [views] and all of dpred (`=`), zero in the class row, if there is one, and at visible patches. Sums in two stages, without atomics. pred and
// dpred are bfloat16 in the kernel that ends in _bf16.
#include "elementwise.cuh"

// Copies a patch of one frame, its corner at `image` in channel 0, to target [patch, patch, channels]. Threads stand in rows as long as a patch's side.
// The patch whose corner is at `next` is wanted next: its short rows lie too far apart for the processor to foresee them.
// CHANNELS is the number of channels, known to the compiler so that it can interleave whole vectors, or 0 for any.
template <int CHANNELS>
DEVICE void load_patch(float* __restrict__ target, const float* __restrict__ image, const float* next, int channels, int64_t plane,
                       int width, int patch) {
  const int count = CHANNELS ? CHANNELS : channels;
  const int threads = blockDim.x, thread = threadIdx.x;
  const int step = threads < patch ? 1 : threads / patch;
  // Single pixels: neighbouring threads then write to different banks of shared memory, however many channels lie between.
#pragma unroll 4
  for (int row = thread / patch; row < patch && thread < step * patch; row += step) {
    const float* __restrict__ from = image + static_cast<int64_t>(row) * width;
    float* __restrict__ to = target + row * patch * count;
#if WARP == 1
    constexpr int LINE = 16;  // floats of a line of memory
    for (int k = 0; k < count; k++)
      for (int c = 0; c < patch; c += LINE) __builtin_prefetch(next + k * plane + static_cast<int64_t>(row) * width + c);
#else
    (void)next;  // other blocks bridge the wait
#endif
    SIMD
    for (int c = thread % patch; c < patch; c += threads) {
      for (int k = 0; k < count; k++) to[c * count + k] = from[k * plane + c];
    }
  }
}

// What is reconstructed: see above. stored_frames is 1 where one frame stands for all.
struct Targets {
  int channels, frames, stored_frames, target_frames, height, width, tube, patch, normalisation;
  const float* deviation;
};
constexpr int kNormalisePatch = 1, kNormaliseChannel = 2;

// Normalises each channel of target [size, channels] in place, by the whole block.
DEVICE void normalise_channels(float* __restrict__ target, float* scratch, const float* __restrict__ deviation, int size, int channels) {
  for (int c = 0; c < channels; c++) {
    float* __restrict__ const own = target + c;
    const float scale = deviation != nullptr ? deviation[c] : 1.0f;
    float sum = 0, squares = 0;
    SIMD_SUM(sum)
    for (int i = threadIdx.x; i < size; i += blockDim.x) sum += own[i * channels];
    const float mean = block_sum(sum, scratch) / size;
    SIMD_SUM(squares)
    for (int i = threadIdx.x; i < size; i += blockDim.x) squares += (own[i * channels] - mean) * (own[i * channels] - mean);
    const float factor = scale / sqrtf(scale * scale * block_sum(squares, scratch) / (size - 1) + 1e-6f);
    SIMD
    for (int i = threadIdx.x; i < size; i += blockDim.x) own[i * channels] = (own[i * channels] - mean) * factor;
  }
  __syncthreads();  // a thread's elements of a channel are not those that it reads next
}

// CLIP: whether patches may span frames and channels may be normalised; without it these cost nothing.
template <bool CLIP, class T>
DEVICE void reconstruct(float* __restrict__ row_loss, T* __restrict__ dpred, const T* __restrict__ pred, const float* __restrict__ images,
                        const int* __restrict__ restore, int samples, const Targets& of, int kept, int prefix, float scale,
                        const float* __restrict__ weight) {
  DYNAMIC_SHARED(float, target);
  SHARED(float, scratch, 32);
  const int channels = of.channels, width = of.width, patch = of.patch;
  const int across = width / patch, places = of.height / patch * across, patches = CLIP ? of.target_frames / of.tube * places : places;
  const int tube = CLIP ? of.tube : 1;
  const int square = patch * patch * channels, pixels = tube * square, count = prefix + patches;
  const int64_t frame_size = static_cast<int64_t>(of.height) * width, plane = CLIP ? of.stored_frames * frame_size : frame_size;
  const int64_t rows = static_cast<int64_t>(samples) * count;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / count;
    const int at = static_cast<int>(row % count) - prefix;  // -1: the class row
    T* d = dpred + row * pixels;
    const T* p = pred + row * pixels;
    const bool masked = at >= 0 && restore[sample * patches + at] >= kept;
    float loss = 0;
    if (masked) {  // the same for the whole block
      const int time = CLIP ? at / places : 0, place = at - time * places;
      for (int t = 0; t < tube; t++) {
        const int wanted = time * tube + t;
        const int frame = !CLIP || of.stored_frames == 1  ? 0
                          : of.target_frames == of.frames ? wanted
                                                          : wanted * (of.frames - 1) / (of.target_frames > 1 ? of.target_frames - 1 : 1);
        const float* __restrict__ corner = images + sample * channels * plane + frame * frame_size +
                                           static_cast<int64_t>(place / across) * patch * width + place % across * patch;
        const float* next =
            (place + 1) % across != 0 ? corner + patch : place + 1 < places ? corner + patch + (patch - 1) * width : corner;
        float* const to = target + t * square;
        if (channels == 3) {
          load_patch<3>(to, corner, next, channels, plane, width, patch);
        } else if (channels == 1) {
          load_patch<1>(to, corner, next, channels, plane, width, patch);
        } else {
          load_patch<0>(to, corner, next, channels, plane, width, patch);
        }
      }
      __syncthreads();
      float mean = 0, inverse = 1;
      if (CLIP && of.normalisation == kNormaliseChannel) normalise_channels(target, scratch, of.deviation, pixels / channels, channels);
      if (of.normalisation == kNormalisePatch) {
        float sum = 0, squares = 0;
        SIMD_SUM(sum)
        for (int i = threadIdx.x; i < pixels; i += blockDim.x) sum += target[i];
        mean = block_sum(sum, scratch) / pixels;
        SIMD_SUM(squares)
        for (int i = threadIdx.x; i < pixels; i += blockDim.x) squares += (target[i] - mean) * (target[i] - mean);
        inverse = 1.0f / sqrtf(block_sum(squares, scratch) / (pixels - 1) + 1e-6f);
      }
      const float slope = scale * weight[0];
      const auto squared_error = [&](int, float prediction, float wanted, auto& gradient) {
        const float difference = prediction - (wanted - mean) * inverse;
        gradient = slope * difference;
        return difference * difference;
      };
      loss = elementwise_sum<float, 4>(block_threads(), pixels, squared_error, in(p), in(target), out(d));
      loss = block_sum(loss, scratch) / pixels;
    } else {
      elementwise<kVector<T>>(
          block_threads(), pixels, [](int, auto& gradient) { gradient = 0; }, out(d));
    }
    if (threadIdx.x == 0) row_loss[row] = loss;
  }
}

// One block a row of pred [samples, prefix + patches, pixels], pixels = tube * patch * patch * channels; row_loss has one value a row. images
// [samples, channels, stored_frames, height, width]; restore [samples, patches], masked where restore >= kept; normalisation: 0 none, 1 by
// patch, 2 by channel, with deviation [channels] or null; scale = 2 / (pixels * views * masked patches of a view). Dynamic shared: pixels
// floats. The kernels without _clip take single frames and do not normalise channels.
#define MASKED_MSE_ROWS(name, clip, T)                                                                                                      \
  KERNEL(name, float* __restrict__ row_loss, T* __restrict__ dpred, const T* __restrict__ pred, const float* __restrict__ images,           \
         const int* __restrict__ restore, const float* __restrict__ deviation, int samples, int channels, int frames, int stored_frames,     \
         int target_frames, int height, int width, int tube, int patch, int kept, int prefix, int normalisation, float scale,                \
         const float* __restrict__ weight) {                                                                                                 \
    const Targets of{channels, frames, stored_frames, target_frames, height, width, tube, patch, normalisation, deviation};                  \
    reconstruct<clip>(row_loss, dpred, pred, images, restore, samples, of, kept, prefix, scale, weight);                                     \
  }
MASKED_MSE_ROWS(masked_mse_rows, false, float)
MASKED_MSE_ROWS(masked_mse_rows_bf16, false, bf16)
MASKED_MSE_ROWS(masked_mse_clip_rows, true, float)
MASKED_MSE_ROWS(masked_mse_clip_rows_bf16, true, bf16)

// One block a view: loss = scale * sum of its row_loss [rows], scale = 1 / masked patches of a view.
KERNEL(masked_mse_finish, float* __restrict__ loss, const float* __restrict__ row_loss, int views, int64_t rows, float scale) {
  SHARED(float, scratch, 32);
  for (int view = blockIdx.x; view < views; view += gridDim.x) {
    const double sum =
        elementwise_sum<double, 4>(block_threads(), static_cast<int>(rows), [](int, float x) { return x; }, in(row_loss + view * rows));
    const float total = block_sum(static_cast<float>(sum), scratch);
    if (threadIdx.x == 0) loss[view] = total * scale;
  }
}
