// The masked reconstruction loss (He et al. 2022), loss and gradient in one pass over the masked patches.
//   loss_v = mean over the masked patches of view v of mean over pixels of (pred - target)^2
//   dpred  = weight / views * d loss_v / d pred, `=`, zero in class rows and at visible patches
// The target is the patch's pixels in (row, column, channel) order; with norm_pix less their mean and divided by
// sqrt(unbiased variance + 1e-6). Two-stage sum: one partial for each patch, then one block for each view.
#include "target.cuh"

// One block a row of pred [samples, 1 + patches, size]. partial [samples * patches]: a patch's mean squared error, 0 where visible.
// Dynamic shared memory: the target patch, size floats.
KERNEL(masked_mse, float* __restrict__ partial, float* __restrict__ dpred, const float* __restrict__ pred, const float* __restrict__ images,
       const int* __restrict__ restore, const float* __restrict__ weight, int samples, int views, int channels, int height, int width,
       int patch, int kept, int norm_pix) {
  SHARED(float, scratch, 32);
  DYNAMIC_SHARED(float, target);
  const int columns = width / patch, patches = (height / patch) * columns, size = patch * patch * channels;
  const float masked_of_view = static_cast<float>(samples / views) * static_cast<float>(patches - kept);
  const float scale = masked_of_view > 0 ? 2.0f * weight[0] / (static_cast<float>(views) * masked_of_view * size) : 0.0f;
  const int64_t rows = static_cast<int64_t>(samples) * (1 + patches);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const int sample = static_cast<int>(row / (1 + patches)), l = static_cast<int>(row % (1 + patches)) - 1;
    float* __restrict__ d = dpred + row * size;
    // The whole block takes the same branch: row is the block's.
    if (l < 0 || restore[static_cast<int64_t>(sample) * patches + l] < kept) {
      for (int i = threadIdx.x; i < size; i += blockDim.x) d[i] = 0;
      if (l >= 0 && threadIdx.x == 0) partial[static_cast<int64_t>(sample) * patches + l] = 0;
      continue;
    }
    const float* __restrict__ p = pred + row * size;
    const int top = l / columns * patch, left = l % columns * patch, line = patch * channels;
    float sum = 0;
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
      const int y = i / line, x = i % line / channels, c = i % channels;
      const float value = images[((static_cast<int64_t>(sample) * channels + c) * height + top + y) * width + left + x];
      target[i] = value;
      sum += value;
    }
    float mean = 0, rstd = 1;
    if (norm_pix) {  // a thread reads back only what it wrote itself
      mean = block_sum(sum, scratch) / size;
      float squares = 0;
      SIMD_SUM(squares)
      for (int i = threadIdx.x; i < size; i += blockDim.x) squares += (target[i] - mean) * (target[i] - mean);
      rstd = 1.0f / sqrtf(block_sum(squares, scratch) / (size - 1) + 1e-6f);
    }
    float error = 0;
    SIMD_SUM(error)
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
      const float e = p[i] - (target[i] - mean) * rstd;
      error += e * e;
      d[i] = scale * e;
    }
    error = block_sum(error, scratch) / size;
    if (threadIdx.x == 0) partial[static_cast<int64_t>(sample) * patches + l] = error;
  }
}

// loss [views]: one block a view.
KERNEL(masked_mse_finish, float* __restrict__ loss, const float* __restrict__ partial, int samples, int views, int patches, int kept) {
  SHARED(float, scratch, 32);
  const int per_view = samples / views;
  const float* __restrict__ own = partial + static_cast<int64_t>(blockIdx.x) * per_view * patches;
  float sum = 0;
  for (int i = threadIdx.x; i < per_view * patches; i += blockDim.x) sum += own[i];
  sum = block_sum(sum, scratch);
  const float masked = static_cast<float>(per_view) * static_cast<float>(patches - kept);
  if (threadIdx.x == 0) loss[blockIdx.x] = masked > 0 ? sum / masked : 0.0f;
}
