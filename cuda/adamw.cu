// AdamW (Loshchilov and Hutter 2019) over a whole model in one flat buffer, and in torch's order:
//   p -= lr * decay * p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps).
// Updates parameters and both moments in place; gradients are read only.
#include "target.cuh"

// The elements of one block. A block is a stretch of this many, so that on the CPU each is one vectorised loop.
static constexpr int ADAMW_SPAN = 4096;

// scalars [8]: lr, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, unused; clip [2]: norm, coefficient of the gradient.
// The first `decayed` elements have weight decay.
KERNEL(adamw, float* __restrict__ parameters, const float* __restrict__ gradients, float* __restrict__ first, float* __restrict__ second,
       int64_t size, int64_t decayed, const float* __restrict__ scalars, const float* __restrict__ clip) {
  const float rate = scalars[0], beta1 = scalars[1], beta2 = scalars[2], eps = scalars[3], decay = scalars[4];
  const float step = rate / scalars[5], root = 1.0f / sqrtf(scalars[6]), scale = clip[1];
  for (int64_t span = blockIdx.x; span * ADAMW_SPAN < size; span += gridDim.x) {
    const int64_t begin = span * ADAMW_SPAN;
    const int count = size - begin < ADAMW_SPAN ? static_cast<int>(size - begin) : ADAMW_SPAN;
    const int64_t left = decayed - begin;
    const int with_decay = left < 0 ? 0 : (left < count ? static_cast<int>(left) : count);
    float* __restrict__ p = parameters + begin;
    const float* __restrict__ g = gradients + begin;
    float* __restrict__ m = first + begin;
    float* __restrict__ v = second + begin;
    SIMD
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const float gi = g[i] * scale;
      const float kept = i < with_decay ? p[i] * (1.0f - rate * decay) : p[i];
      m[i] = beta1 * m[i] + (1.0f - beta1) * gi;
      v[i] = beta2 * v[i] + (1.0f - beta2) * gi * gi;
      p[i] = kept - step * m[i] / (sqrtf(v[i]) * root + eps);
    }
  }
}
