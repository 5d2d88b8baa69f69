package io.github.vicmae.train;

import io.github.vicmae.kernel.Philox;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * Finished views of a forward pass, which a program gives to a {@link Pretrainer}. The buffers are read from position to limit, and do not move.
 *
 * @param values [V, B, C, T, H, W], every sample's first view, then every sample's second; normalised with the mean and deviation of {@link
 *     Pretrainer#viewSettings()}
 * @param noiseKeys keys of the random streams of the views' masks, [V, B, {@link Philox#KEY_WORDS}]; null for those that go with the seed and the
 *     step
 */
public record TrainingViews(FloatBuffer values, IntBuffer noiseKeys) {
    /** Views whose masks go with the seed and the step. */
    public TrainingViews(FloatBuffer values) {
        this(values, null);
    }
}
