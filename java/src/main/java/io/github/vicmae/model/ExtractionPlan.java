package io.github.vicmae.model;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Context;
import java.nio.FloatBuffer;

/** An encoder's layers and activations for views of one form and one batch size. For one thread at a time. */
final class ExtractionPlan implements AutoCloseable {
    private final TrunkConfig trunk;
    private final PatchGrid grid;
    private final Pooling pooling;
    private final Kernels kernels;
    private final Stream stream;
    private final int batch;
    private final VisionTransformer encoder;
    private final Tensor views;
    /** The encoder's tokens as floats. */
    private final Tensor tokens;

    private final Tensor pooled;
    private final Tensor argmax;
    /** Null where there is no class token. */
    private final Tensor classToken;

    private HostBuffer input;
    private HostBuffer output;
    private HostBuffer classOutput;
    /** Null until patch tokens are asked for. */
    private HostBuffer tokenOutput;

    /**
     * Declares the tensors in the context's arena.
     *
     * @param batch views that are run at once
     * @param frames of a view: 1 for images, which are repeated for all frames of the grid
     */
    ExtractionPlan(Context context, TrunkConfig trunk, PatchGrid grid, Pooling pooling, int batch, int frames) {
        this.trunk = trunk;
        this.grid = grid;
        this.pooling = pooling;
        this.batch = batch;
        kernels = context.kernels();
        stream = context.stream();
        Arena arena = context.activations();
        views = frames == 1
                ? arena.floats("images", batch, trunk.channels(), trunk.height(), trunk.width())
                : arena.floats("clips", batch, trunk.channels(), frames, trunk.height(), trunk.width());
        encoder = new VisionTransformer(context, trunk, grid, batch, grid.patches(), false);
        tokens = context.precision() == Precision.FP32
                ? encoder.output()
                : arena.floats("tokens", batch, tokensOfView(), trunk.dim());
        pooled = arena.floats("pooled", batch, trunk.dim());
        argmax = arena.tensor("argmax", DType.I32, batch, trunk.dim());
        classToken = grid.classToken() ? arena.floats("class token", batch, trunk.dim()) : null;
    }

    private int tokensOfView() {
        return grid.tokens() + trunk.registers();
    }

    /** Takes the memory for copies from and to the device. */
    void allocate(Device device) {
        input = device.hostBuffer(views.bytes());
        output = device.hostBuffer(pooled.bytes());
        classOutput = classToken == null ? null : device.hostBuffer(classToken.bytes());
    }

    /** Views that are run at once. */
    int batch() {
        return batch;
    }

    /**
     * Runs the encoder.
     *
     * @param from where the views come from; their size times {@code done} is the first value's index
     * @param done views before these
     * @param count of these, at most {@link #batch()}
     * @param to which tokens are wanted, and where they go
     */
    void run(FloatBuffer from, int done, int count, ExtractedTokens to) {
        int size = Math.toIntExact(views.size() / batch);
        int dim = trunk.dim();
        input.floats().put(0, from, done * size, count * size);
        stream.upload(views, input, 0);
        encoder.forward(views, null);
        if (tokens != encoder.output()) {
            kernels.pointwise().convert(tokens, encoder.output());
        }
        if (to.pooled() != null) {
            pool(pooled, pooling);
            stream.download(output, 0, pooled);
        }
        if (to.classTokens() != null) {
            pool(classToken, Pooling.CLS);
            stream.download(classOutput, 0, classToken);
        }
        if (to.patchTokens() != null) {
            if (tokenOutput == null) {
                tokenOutput = stream.device().hostBuffer(tokens.bytes());
            }
            stream.download(tokenOutput, 0, tokens);
        }
        stream.synchronize();
        if (to.pooled() != null) {
            to.pooled().put(done * dim, output.floats(), 0, count * dim);
        }
        if (to.classTokens() != null) {
            to.classTokens().put(done * dim, classOutput.floats(), 0, count * dim);
        }
        if (to.patchTokens() != null) {
            int values = grid.patches() * dim;
            int all = tokensOfView() * dim;
            for (int i = 0; i < count; i++) {
                to.patchTokens().put((done + i) * values, tokenOutput.floats(), (i + 1) * all - values, values);
            }
        }
    }

    private void pool(Tensor row, Pooling how) {
        kernels.pool().forward(row, argmax, tokens, how, grid, trunk.registers(), batch, grid.patches(), trunk.dim());
    }

    /** Frees the memory for copies; the tensors' is the arena's. */
    @Override
    public void close() {
        Closing.all(input, output, classOutput, tokenOutput);
    }
}
