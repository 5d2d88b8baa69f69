// y = 2 x through two shared buffers that are filled by cp.async in turn; the last piece is filled up with zeros.
#include "mma.cuh"

constexpr int PIECE = 128;

KERNEL(pipelined_copy, float* y, const float* x, int n) {
  SHARED(float, s, 2 * PIECE);
  const int pieces = (n + PIECE - 1) / PIECE;
  const auto start = [&](int piece) {
    float* const to = s + piece % 2 * PIECE;
    for (int i = 4 * threadIdx.x; i < PIECE; i += 4 * blockDim.x) {
      const int left = n - (piece * PIECE + i);
      copy_async<16>(to + i, left > 0 ? x + piece * PIECE + i : x, left >= 4 ? 16 : (left > 0 ? 4 * left : 0));
    }
    commit_copies();
  };
  start(0);
  for (int piece = 0; piece < pieces; piece++) {
    if (piece + 1 < pieces) {
      start(piece + 1);
      wait_for_copies<1>();
    } else {
      wait_for_copies<0>();
    }
    __syncthreads();
    for (int i = threadIdx.x; i < PIECE && piece * PIECE + i < n; i += blockDim.x)
      y[piece * PIECE + i] = 2.0f * s[piece % 2 * PIECE + (i ^ 1)];
    __syncthreads();  // the next copy goes where this piece was
  }
}
