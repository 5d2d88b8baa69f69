package io.github.vicmae.eval;

/**
 * All that an encoder says of an image, behind its last norm.
 *
 * @param pooled the tokens pooled as the model's settings say, [D]
 * @param classToken [D]; null for an encoder without one
 * @param patches the patches' tokens, row by row of the view, [P][D]
 */
public record ImageTokens(float[] pooled, float[] classToken, float[][] patches) {}
