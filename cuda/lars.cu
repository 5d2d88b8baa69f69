// LARS (You et al. 2017, in the form of MoCo v3 and of MAE's linear probe) for several heads that are trained side by side, each with its own
// rate. With the weights w [heads, size], their gradient g and momentum m, for each head on its own
//   u = g + decay w,  q = trust |w| / |u| where both norms are positive and 1 otherwise,  m = momentum m + q u,  w -= rate m.
// Biases are neither scaled (q = 1) nor decayed.
//
// Where |u| is not finite, the head keeps its weights, biases and momentum. The gradient is cleared in either case, as the next step's sums
// want it. The rates lie in device memory, since they change from step to step.
#include "target.cuh"

// A share of one head's elements: of `items` = heads x parts in all, in the order of the heads.
struct Share {
  int head, count;
  int64_t first;  // among the elements of all heads
};
DEVICE Share share_of(int item, int parts, int64_t size) {
  const int head = item / parts;
  const int64_t most = (size + parts - 1) / parts, from = most * (item - head * parts), left = size - from;
  return {head, static_cast<int>(left < 0 ? 0 : left < most ? left : most), size * head + from};
}

// partial[h][p] = {sum of w^2, sum of u^2} over share p of head h, [heads, parts, 2]. A block a share.
KERNEL(lars_norms, float* __restrict__ partial, const float* __restrict__ weights, const float* __restrict__ gradients, float decay,
       int64_t size, int heads, int parts) {
  SHARED(float, scratch, 32);
  for (int item = blockIdx.x; item < heads * parts; item += gridDim.x) {
    const Share share = share_of(item, parts, size);
    const float* const w = weights + share.first;
    const float* const g = gradients + share.first;
    float of_weights = 0, of_updates = 0;
    SIMD_SUM(of_weights, of_updates)
    for (int i = threadIdx.x; i < share.count; i += blockDim.x) {
      const float u = g[i] + decay * w[i];
      of_weights += w[i] * w[i];
      of_updates += u * u;
    }
    of_weights = block_sum(of_weights, scratch);
    of_updates = block_sum(of_updates, scratch);
    if (threadIdx.x == 0) {
      partial[2 * item] = of_weights;
      partial[2 * item + 1] = of_updates;
    }
  }
}

// Updates weights, or biases: a block one of `shares` shares of a head. All blocks of a head add up the same partial sums, [heads, parts, 2], in
// the same order.
KERNEL(lars_step, float* __restrict__ weights, float* __restrict__ gradients, float* __restrict__ momenta,
       const float* __restrict__ partial, const float* __restrict__ rates, float trust, float momentum, float decay, int64_t size,
       int heads, int shares, int parts, int is_scaled) {
  for (int item = blockIdx.x; item < heads * shares; item += gridDim.x) {
    const Share share = share_of(item, shares, size);
    float of_weights = 0, of_updates = 0;
    for (int p = 0; p < parts; p++) {
      const float* const from = partial + 2 * (static_cast<int64_t>(parts) * share.head + p);
      of_weights += from[0];
      of_updates += from[1];
    }
    const bool is_finite = of_updates < INFINITY;  // NaN is not
    const float q = is_scaled && of_weights > 0 && of_updates > 0 ? trust * sqrtf(of_weights) / sqrtf(of_updates) : 1.0f;
    const float rate = rates[share.head];
    float* __restrict__ const w = weights + share.first;
    float* __restrict__ const g = gradients + share.first;
    float* __restrict__ const m = momenta + share.first;
    if (is_finite) {
      SIMD
      for (int i = threadIdx.x; i < share.count; i += blockDim.x) {
        m[i] = momentum * m[i] + q * (g[i] + decay * w[i]);
        w[i] -= rate * m[i];
      }
    }
    SIMD
    for (int i = threadIdx.x; i < share.count; i += blockDim.x) g[i] = 0;
  }
}
