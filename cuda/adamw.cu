// AdamW (Loshchilov and Hutter 2019), one launch over all parameters in one flat array:
//   p *= 1 - rate * decay (the first `decayed` elements only),  g *= clip coefficient,
//   m = m + (1 - beta1) (g - m),  v = beta2 v + (1 - beta2) g^2,  p -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps).
//
// Elements from `live` on are frozen: their gradients are cleared, and nothing else is touched. Where parameters have rates of their own,
// `items` has pieces of up to `chunk` elements of one rate each, in any order that covers all: first element, count, and the bits of a float
// that the rate is multiplied with. Without it the rate is the same for all.
//
// p, m and v are updated in place, and g is cleared for the next step's sums. Where it is wanted, p is written once more, rounded to
// bfloat16, for the products that read it so. If the gradients' norm is not finite, g is cleared and nothing else is touched: no host needs
// to look at it in between. What changes from step to step lies in device memory, so that a captured graph of launches stays right: scalars
// [8] = rate, beta1, beta2, eps, decay, 1 - beta1^t, 1 - beta2^t, unused; clip [2] = norm, coefficient.
#include "elementwise.cuh"

// A block takes `chunk` elements at a time.
KERNEL(adamw_step, float* __restrict__ parameters, bf16* __restrict__ rounded, float* __restrict__ gradients,
       float* __restrict__ first_moment, float* __restrict__ second_moment, const int* __restrict__ items,
       int64_t decayed, int64_t live, int64_t size, int item_count, const float* __restrict__ scalars, const float* __restrict__ clip,
       int chunk) {
  const bool finite = clip[0] < INFINITY;  // NaN is not
  const float beta1 = scalars[1], beta2 = scalars[2], eps = scalars[3];
  const float unbias = 1.0f / scalars[6];
  const float coefficient = clip[1];
  const auto update = [&](float& p, float& g, float& m, float& v, float keep, float step) {
    const float clipped = g * coefficient;
    g = 0;
    m = m + (1.0f - beta1) * (clipped - m);
    v = beta2 * v + (1.0f - beta2) * (clipped * clipped);
    p = p * keep - step * (m / (sqrtf(v * unbias) + eps));
    return p;
  };
  for (int64_t item = blockIdx.x; item < item_count; item += gridDim.x) {
    const int64_t first = items != nullptr ? items[3 * item] : item * chunk;
    const int count = items != nullptr ? items[3 * item + 1] : static_cast<int>(size - first < chunk ? size - first : chunk);
    const float rate = items != nullptr ? scalars[0] * bits_float(items[3 * item + 2]) : scalars[0];
    const float keep = 1.0f - rate * scalars[4];
    const float step = rate / scalars[5];
    const auto within = [&](int64_t limit) {  // how many of this item's elements lie before it
      const int64_t left = limit - first;
      return static_cast<int>(left < 0 ? 0 : (left < count ? left : count));
    };
    const int border = within(decayed), updated = finite ? within(live) : 0;
    const auto p = inout(parameters + first), g = inout(gradients + first), m = inout(first_moment + first),
               v = inout(second_moment + first);
    if (rounded == nullptr) {
      elementwise<4>(
          block_threads(), updated,
          [&](int i, float& pi, float& gi, float& mi, float& vi) { update(pi, gi, mi, vi, i < border ? keep : 1.0f, step); }, p, g, m, v);
    } else {
      elementwise<4>(
          block_threads(), updated,
          [&](int i, float& pi, float& gi, float& mi, float& vi, auto& bi) {
            bi = update(pi, gi, mi, vi, i < border ? keep : 1.0f, step);
          },
          p, g, m, v, out(rounded + first));
    }
    elementwise<4>(
        block_threads(), count - updated, [](int, float& gi) { gi = 0; }, out(gradients + first + updated));
  }
}
