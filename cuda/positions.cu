// The gradients of trained positions: learned in space and in time (Feichtenhofer et al. 2022), or one for each patch.
//   dclass    += sum over samples of dtokens[n, 0], if there is a class token
//   dspace[p] += sum over samples and times of the gradient of the token at place p;  dtime[t] likewise over samples and places.
// Two launches: the sum over samples for each row, then over times and over places. In one order: two runs are bitwise equal.
#include "sum_rows.cuh"

// Block (r, s): strip s of row r of sums [prefix + patches, width], r < prefix being the class token's. dtokens [samples, prefix + kept,
// width]: patch l of sample n is its token restore[n, l], if that is below kept. restore may be null: all patches in order, kept = patches.
KERNEL(position_sums, float* __restrict__ sums, const float* __restrict__ dtokens, const int* __restrict__ restore, int samples, int patches,
       int kept, int width, int prefix) {
  for (int r = blockIdx.x; r < prefix + patches; r += gridDim.x) {
    sum_rows<4>(sums + static_cast<int64_t>(r) * width, 0, samples, width, is_aligned<4>(dtokens), [&](int n) {
      const int l = r - prefix;
      const int rank = l < 0 ? -prefix : restore != nullptr ? restore[static_cast<int64_t>(n) * patches + l] : l;
      const bool there = rank < kept;
      const int64_t row = static_cast<int64_t>(n) * (prefix + kept) + (there ? prefix + rank : 0);
      return Row<float, float>{dtokens + row * width, nullptr, there};
    });
  }
}

// Block (r, s): strip s of a row of [dclass | dspace | dtime]. sums [prefix + places * times, width]; dtime may be null.
KERNEL(position_fold, float* __restrict__ dclass, float* __restrict__ dspace, float* __restrict__ dtime, const float* __restrict__ sums,
       int places, int times, int width, int prefix) {
  const int rows = prefix + places + (dtime != nullptr ? times : 0);
  const Threads threads{static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x), static_cast<int>(gridDim.y * blockDim.x)};
  for (int r = blockIdx.x; r < rows; r += gridDim.x) {
    const int place = r - prefix, time = place - places;
    float* const to = place < 0 ? dclass : time < 0 ? dspace + static_cast<int64_t>(place) * width : dtime + static_cast<int64_t>(time) * width;
    // Rows first, first + step, ... of sums.
    const int first = place < 0 ? 0 : time < 0 ? prefix + place : prefix + time * places;
    const int step = time < 0 ? places : 1, count = place < 0 ? 1 : time < 0 ? times : places;
#if WARP > 1
    for (int c = threads.first; c < width; c += threads.step) {
      float sum = to[c];
      for (int i = 0; i < count; i++) sum += sums[static_cast<int64_t>(first + i * step) * width + c];
      to[c] = sum;
    }
#else  // row by row, as they lie in memory
    for (int i = 0; i < count; i++) {
      const float* __restrict__ const from = sums + static_cast<int64_t>(first + i * step) * width;
      SIMD
      for (int c = threads.first; c < width; c += threads.step) to[c] += from[c];
    }
#endif
  }
}
