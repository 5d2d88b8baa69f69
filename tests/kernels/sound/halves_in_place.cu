// Neighbouring threads change halves, and then bytes, of the same words in place: none touches what another does, until a barrier.
#include "target.cuh"

KERNEL(halves_in_place, float* y, const float* x, int n) {
  SHARED(uint16_t, halves, 64);
  SHARED(unsigned, words, 16);
  unsigned char* const bytes = reinterpret_cast<unsigned char*>(words);
  const int i = threadIdx.x;
  halves[i] = static_cast<uint16_t>(i);
  halves[i] = static_cast<uint16_t>(halves[i] + x[i]);
  bytes[i] = static_cast<unsigned char>(halves[i]);
  __syncthreads();
  const unsigned word = words[i / 4];
  __syncthreads();
  if (i % 4 == 0) words[i / 4] = word + 0x01010101u;
  __syncthreads();
  if (i < n) y[i] = bytes[i];
}
