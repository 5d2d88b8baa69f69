package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;

/**
 * Register tokens (Darcet et al. 2024), {@code register_tokens [1, registers, dim]}: without positions, between the class token and the patches. For
 * the forward pass alone: they cannot be trained.
 */
public final class RegisterTokens {
    /** Their name at DINOv2. */
    public static final String NAME = "register_tokens";

    private final Context context;
    private final Parameter registers;
    private final Tensor embedded;
    private final int first;

    /**
     * @param samples views of a batch
     * @param tokens of each without the registers
     * @param classTokens among them: 1 or 0
     * @param dim width of a token
     * @param count of registers, at least 1
     * @throws IllegalArgumentException if they are to be trained
     */
    public RegisterTokens(Context context, int samples, int tokens, int classTokens, int dim, int count) {
        if (context.training()) {
            throw new IllegalArgumentException(
                    "An encoder with register tokens gives features, and cannot be trained here");
        }
        this.context = context;
        first = classTokens * dim;
        registers = context.parameters().trained(NAME, new Init.Normal(0.02), 1, count, dim);
        embedded = context.activations().floats("embedded", samples, tokens, dim);
    }

    /** Where the other tokens are written, [samples, tokens, dim]. */
    public Tensor embedded() {
        return embedded;
    }

    /**
     * Puts the registers among the other tokens. A copy for each part and sample: next to the blocks it does not count.
     *
     * @param out [samples, tokens + registers, dim]
     */
    public void insert(Tensor out) {
        int size = registers.size();
        int before = embedded.dim(1) * embedded.width();
        for (int i = 0; i < embedded.dim(0); i++) {
            long from = (long) i * before;
            long to = (long) i * (before + size);
            if (first > 0) {
                copy(out, to, embedded, from, first);
            }
            copy(out, to + first, registers.value(), 0, size);
            copy(out, to + first + size, embedded, from + first, before - first);
        }
    }

    private void copy(Tensor to, long at, Tensor from, long start, int size) {
        context.stream().copy(to.slice("tokens", at, size), from.slice("tokens", start, size));
    }
}
