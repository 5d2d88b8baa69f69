package io.github.vicmae.kernel;

import io.github.vicmae.device.Tensor;

/**
 * What a step of AdamW works on, all floats of one shape, which may be any.
 *
 * @param parameters updated
 * @param gradients used, and 0 afterwards
 * @param firstMoment updated; 0 before the first step
 * @param secondMoment updated; 0 before the first step
 */
public record AdamWTensors(Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment) {}
