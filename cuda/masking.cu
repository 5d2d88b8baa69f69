// Random masking (He et al. 2022): a patch's rank among its sample's noise, ascending and stable, by counting:
//   restore[l] = #{j : noise[j] < noise[l]} + #{j < l : noise[j] == noise[l]};  keep[restore[l]] = l where restore[l] < kept
// A patch is masked if its rank is at least `kept`. Both outputs are `=`.
#include "target.cuh"

// One block a sample. noise, restore [samples, patches]; keep [samples, kept].
// Ordered by the bits, not by the float comparison: a total order, so that even NaN noise gives each patch a rank of its own.
KERNEL(masking_rank, int* __restrict__ restore, int* __restrict__ keep, const float* __restrict__ noise, int samples, int patches,
       int kept) {
  DYNAMIC_SHARED(int, key);
  for (int sample = blockIdx.x; sample < samples; sample += gridDim.x) {
    const float* __restrict__ own = noise + static_cast<int64_t>(sample) * patches;
    __syncthreads();  // the keys of the sample before may still be read
    for (int l = threadIdx.x; l < patches; l += blockDim.x) {
      const int bits = float_bits(own[l] + 0.0f);  // -0 becomes 0
      key[l] = bits < 0 ? bits ^ 0x7fffffff : bits;
    }
    __syncthreads();
    for (int l = threadIdx.x; l < patches; l += blockDim.x) {
      const int mine = key[l];
      int rank = 0;
      SIMD_SUM(rank)
      for (int j = 0; j < patches; j++) rank += (key[j] < mine) | ((key[j] == mine) & (j < l));
      restore[static_cast<int64_t>(sample) * patches + l] = rank;
      if (rank < kept) keep[static_cast<int64_t>(sample) * kept + rank] = l;
    }
  }
}
