// Reconstruction loss of masked patches (He et al. 2022), with its gradient in the same pass. For each view
//   loss = mean over masked patches of mean over pixels of (pred - target)^2,
// target = the patch's pixels in (row, column, channel) order, normalised where wanted: (x - mean) / sqrt(var + 1e-6), var unbiased. The
// whole loss is the mean over views, so dpred = weight / views * d loss_view / d pred.
//
// Writes loss [views] and all of dpred (`=`), zero in the class row and at visible patches. Sums in two stages, without atomics. pred and
// dpred are bfloat16 in the kernel that ends in _bf16.
#include "elementwise.cuh"

// Copies a patch, its corner at `image` in plane 0, to target [patch, patch, channels]. Threads stand in rows as long as a patch's side.
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

template <class T>
DEVICE void reconstruct(float* __restrict__ row_loss, T* __restrict__ dpred, const T* __restrict__ pred,
       const float* __restrict__ images, const int* __restrict__ restore, int samples, int channels, int height, int width, int patch,
       int kept, int norm_pix, float scale, const float* __restrict__ weight) {
  DYNAMIC_SHARED(float, target);
  SHARED(float, scratch, 32);
  const int across = width / patch, patches = height / patch * across, pixels = patch * patch * channels;
  const int64_t plane = static_cast<int64_t>(height) * width;
  const int64_t rows = static_cast<int64_t>(samples) * (1 + patches);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int64_t sample = row / (1 + patches);
    const int at = static_cast<int>(row % (1 + patches)) - 1;  // -1: the class row
    T* d = dpred + row * pixels;
    const T* p = pred + row * pixels;
    const bool masked = at >= 0 && restore[sample * patches + at] >= kept;
    float loss = 0;
    if (masked) {  // the same for the whole block
      const float* __restrict__ corner =
          images + sample * channels * plane + static_cast<int64_t>(at / across) * patch * width + at % across * patch;
      const float* next = (at + 1) % across != 0 ? corner + patch : at + 1 < patches ? corner + patch + (patch - 1) * width : corner;
      if (channels == 3) {
        load_patch<3>(target, corner, next, channels, plane, width, patch);
      } else if (channels == 1) {
        load_patch<1>(target, corner, next, channels, plane, width, patch);
      } else {
        load_patch<0>(target, corner, next, channels, plane, width, patch);
      }
      __syncthreads();
      float mean = 0, inverse = 1;
      if (norm_pix) {
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

// One block a row of pred [samples, 1 + patches, pixels]; row_loss has one value a row. images [samples, channels, height, width]; restore
// [samples, patches], masked where restore >= kept; scale = 2 / (pixels * views * masked patches of a view). Dynamic shared: pixels floats.
KERNEL(masked_mse_rows, float* __restrict__ row_loss, float* __restrict__ dpred, const float* __restrict__ pred,
       const float* __restrict__ images, const int* __restrict__ restore, int samples, int channels, int height, int width, int patch,
       int kept, int norm_pix, float scale, const float* __restrict__ weight) {
  reconstruct(row_loss, dpred, pred, images, restore, samples, channels, height, width, patch, kept, norm_pix, scale, weight);
}
KERNEL(masked_mse_rows_bf16, float* __restrict__ row_loss, bf16* __restrict__ dpred, const bf16* __restrict__ pred,
       const float* __restrict__ images, const int* __restrict__ restore, int samples, int channels, int height, int width, int patch,
       int kept, int norm_pix, float scale, const float* __restrict__ weight) {
  reconstruct(row_loss, dpred, pred, images, restore, samples, channels, height, width, patch, kept, norm_pix, scale, weight);
}

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
