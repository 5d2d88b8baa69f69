// The exact GELU (Hendrycks and Gimpel 2016) and its slope:
//   gelu(x) = x Phi(x),  gelu'(x) = Phi(x) + x phi(x),  Phi(x) = (1 + erf(x / sqrt(2))) / 2,  phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
#pragma once

#include "target.cuh"

// Phi(-a) for a >= 0, in plain arithmetic so that loops around it vectorise: exp(-q(a)), q a minimax fit of degree 8 to -ln Phi(-a) that
// weighs the error by Phi(-a) * max(1, a). The result is within 5e-8 of the true one everywhere (an erf would be within 1e-7) and goes to
// 0 as a grows; beyond a = 3, where it is below 0.0014, it has fewer correct digits.
DEVICE float normal_tail(float a) {
  float q = 1.5775156e-6f;
  q = q * a - 2.28517074e-5f;
  q = q * a + 1.09017448e-4f;
  q = q * a + 1.40347416e-4f;
  q = q * a - 4.95099882e-3f;
  q = q * a + 3.64224128e-2f;
  q = q * a + 0.318288386f;
  q = q * a + 0.79788655f;
  q = q * a + 0.693147123f;
  return exp_f(-q);
}

DEVICE float normal_cdf(float x) {
  const float tail = normal_tail(fabsf(x));
  return x < 0 ? tail : 1.0f - tail;
}

// gelu'(-a) = Phi(-a) - a phi(a) for a >= 0 as exp(-a^2 / 2) r(a), r a fit of degree 11: within 5e-8 everywhere. gelu'(a) = 1 - gelu'(-a).
DEVICE float gelu_slope(float x) {
  const float a = fabsf(x) > 14.0f ? 14.0f : fabsf(x);  // from there on the exponential is 0 and r must not overflow
  float r = -3.15543758e-7f;
  r = r * a + 7.70879342e-6f;
  r = r * a - 8.47711199e-5f;
  r = r * a + 5.63653361e-4f;
  r = r * a - 2.59009236e-3f;
  r = r * a + 9.00385156e-3f;
  r = r * a - 2.54718214e-2f;
  r = r * a + 6.1923936e-2f;
  r = r * a - 0.132805794f;
  r = r * a + 0.249972567f;
  r = r * a - 0.797882855f;
  r = r * a + 0.49999997f;
  const float slope = r * exp_f(-0.5f * a * a);
  return x < 0 ? slope : 1.0f - slope;
}

DEVICE float gelu(float x) { return x * normal_cdf(x); }
