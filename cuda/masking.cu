// Random masking (He et al. 2022): a patch's rank among its sample's noise, ascending and stable, by counting:
//   restore[l] = #{j : noise[j] < noise[l]} + #{j < l : noise[j] == noise[l]};  keep[restore[l]] = l where restore[l] < kept
// A patch is masked if its rank is at least `kept`. The noise is given, or drawn here by Philox-4x32-10 (Salmon et al., SC 2011), the very
// numbers of io.github.vicmae.kernel.Philox. All outputs are `=`.
#include "target.cuh"

// A sample's key: the words of the seed, low first, the sample's place in the data set, the epoch, and the purpose.
#define KEY_WORDS 5

// One block of four words: counter (index, purpose, sample, epoch) under the seed's key.
DEVICE void philox(uint32_t (&word)[4], uint32_t index, const int* __restrict__ key) {
  uint32_t k0 = key[0], k1 = key[1], c0 = index, c1 = key[4], c2 = key[2], c3 = key[3];
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0, p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  word[0] = c0;
  word[1] = c1;
  word[2] = c2;
  word[3] = c3;
}

// noise [samples, patches]: uniform in [0, 1), 24 bits, from keys [samples, KEY_WORDS]. One block a sample.
KERNEL(masking_draw, float* __restrict__ noise, const int* __restrict__ keys, int samples, int patches) {
  for (int sample = blockIdx.x; sample < samples; sample += gridDim.x) {
    for (int first = 4 * threadIdx.x; first < patches; first += 4 * blockDim.x) {
      uint32_t word[4];
      philox(word, first / 4, keys + static_cast<int64_t>(sample) * KEY_WORDS);
      for (int i = 0; i < 4 && first + i < patches; i++)
        noise[static_cast<int64_t>(sample) * patches + first + i] = static_cast<float>(word[i] >> 8) * 0x1p-24f;
    }
  }
}

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
