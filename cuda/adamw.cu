// AdamW (Loshchilov and Hutter 2019), one launch over all parameters in one flat array:
//   p *= 1 - rate * decay (the first `decayed` elements only),  g *= clip coefficient,
//   m = m + (1 - beta1) (g - m),  v = beta2 v + (1 - beta2) g^2,  p -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps).
//
// p, m and v are updated in place, g is left alone. Where it is wanted, p is written once more, rounded to bfloat16, for the products that read
// it so. If the gradients' norm is not finite nothing is touched: no host needs to look at it in between. What changes from step to step lies in device memory, so that a captured graph of
// launches stays right: scalars [8] = rate, beta1, beta2, eps, decay, 1 - beta1^t, 1 - beta2^t, unused; clip [2] = norm, coefficient.
#include "target.cuh"

// A block takes `chunk` elements at a time.
KERNEL(adamw_step, float* __restrict__ parameters, bf16* __restrict__ rounded, const float* __restrict__ gradients,
       float* __restrict__ first_moment, float* __restrict__ second_moment, int64_t decayed, int64_t size,
       const float* __restrict__ scalars, const float* __restrict__ clip, int chunk) {
  if (!(clip[0] < INFINITY)) return;  // NaN too
  const float rate = scalars[0], beta1 = scalars[1], beta2 = scalars[2], eps = scalars[3];
  const float keep = 1.0f - rate * scalars[4];
  const float step = rate / scalars[5];
  const float unbias = 1.0f / scalars[6];
  const float coefficient = clip[1];
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * chunk; first < size; first += static_cast<int64_t>(gridDim.x) * chunk) {
    const int count = static_cast<int>(size - first < chunk ? size - first : chunk);
    const int64_t left = decayed - first;
    const int border = static_cast<int>(left < 0 ? 0 : (left < count ? left : count));
    float* __restrict__ p = parameters + first;
    float* __restrict__ m = first_moment + first;
    float* __restrict__ v = second_moment + first;
    const float* __restrict__ gradient = gradients + first;
    SIMD
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const float g = gradient[i] * coefficient;
      const float mi = m[i] + (1.0f - beta1) * (g - m[i]);
      const float vi = beta2 * v[i] + (1.0f - beta2) * (g * g);
      m[i] = mi;
      v[i] = vi;
      p[i] = p[i] * (i < border ? keep : 1.0f) - step * (mi / (sqrtf(vi * unbias) + eps));
    }
    if (rounded != nullptr) {  // a thread reads what it has written itself
      bf16* __restrict__ b = rounded + first;
      SIMD
      for (int i = threadIdx.x; i < count; i += blockDim.x) b[i] = p[i];
    }
  }
}
