package io.github.vicmae.model;

import java.nio.FloatBuffer;

/**
 * Where an encoder's tokens, behind its last norm, go. Each buffer is written from index 0 on, whatever its position, or null to leave those out.
 *
 * @param pooled the tokens pooled as the model's settings say, [count, dim]
 * @param classTokens [count, dim]
 * @param patchTokens the patches' tokens without class and register tokens, row by row of the view, [count, patches, dim]
 */
public record ExtractedTokens(FloatBuffer pooled, FloatBuffer classTokens, FloatBuffer patchTokens) {
    /** @throws IllegalArgumentException if a buffer cannot be written or ends before the last of {@code count} rows of so many values */
    public void require(int count, int dim, int patches) {
        require("pooled features", pooled, count, dim);
        require("class tokens", classTokens, count, dim);
        require("patch tokens", patchTokens, count, (long) patches * dim);
    }

    private static void require(String what, FloatBuffer buffer, int count, long size) {
        if (buffer == null) {
            return;
        }
        if (buffer.isReadOnly()) {
            throw new IllegalArgumentException(
                    "The buffer of " + what + " is read-only; it must be one that can be written");
        }
        requireRoom(what, buffer, count, size);
    }

    static void requireRoom(String what, FloatBuffer buffer, int count, long size) {
        if (buffer.limit() < count * size) {
            throw new IllegalArgumentException("The buffer of " + what + " needs " + count * size + " floats (" + count
                    + " times " + size + "), but its limit is " + buffer.limit());
        }
    }
}
