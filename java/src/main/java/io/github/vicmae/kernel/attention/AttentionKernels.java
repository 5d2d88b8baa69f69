package io.github.vicmae.kernel.attention;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Shapes;

/**
 * Multi-head self-attention on fused q, k, v, forward and backward (Vaswani et al. 2017). Rows are floats or bfloat16; sums and statistics are
 * floats. Cards take rows of bfloat16 to their matrix units (cuda/attention_mma.cu) where the head dimension is a multiple of 8; all else is
 * plain arithmetic (cuda/attention.cu).
 */
public final class AttentionKernels {
    /** The largest head dimension. */
    public static final int MAX_HEAD_DIM = 128;

    private final PortableAttention portable;
    /** Null where there are no matrix units. */
    private final MmaAttention mma;

    public AttentionKernels(Stream stream) {
        this(stream, 0);
    }

    /**
     * For tests: a lower limit of shared memory makes smaller tiles.
     *
     * @param sharedBytes the most shared memory that a block may take; 0 for what suits the device
     */
    AttentionKernels(Stream stream, int sharedBytes) {
        portable = new PortableAttention(stream, sharedBytes);
        mma = stream.device().kind() == Device.Kind.CUDA ? new MmaAttention(stream, sharedBytes) : null;
    }

    /**
     * Floats of scratch that {@link #backward} needs, on any device and for either type: a number for each row and head, and as many again as
     * the head dimension has where gradients of long rows are summed up piece by piece.
     */
    public static long scratchSize(int samples, int tokens, int heads, int headDim) {
        check(headDim);
        long rows = (long) samples * tokens * heads;
        boolean inPieces = !MmaAttention.supports(headDim) || MmaAttention.sumsInPieces(tokens, headDim);
        return inPieces ? rows * (1 + headDim) : rows;
    }

    /**
     * out = softmax(q k^T / sqrt(headDim)) v for each sample and head.
     *
     * @param out [samples, tokens, heads * headDim], of qkv's type, written
     * @param lse [samples, heads, tokens], the natural logarithm of the sum of the exponentials of a row's scaled scores, floats, written
     * @param qkv [samples, tokens, 3 * heads * headDim], rows q | k | v, floats or bfloat16
     * @throws IllegalArgumentException if headDim is over {@link #MAX_HEAD_DIM}, or a tensor is of another shape or type
     */
    public void forward(Tensor out, Tensor lse, Tensor qkv, int samples, int tokens, int heads, int headDim) {
        check(headDim);
        boolean half = Shapes.isBf16("attention", "qkv", qkv);
        DType dtype = qkv.dtype();
        Shapes.typed("attention", "out", out, dtype, samples, tokens, heads, headDim);
        Shapes.floats("attention", "lse", lse, samples, heads, tokens);
        Shapes.typed("attention", "qkv", qkv, dtype, samples, tokens, 3 * heads, headDim);
        if (onMatrixUnits(half, headDim)) {
            mma.forward(out, lse, qkv, samples, tokens, heads, headDim);
        } else {
            portable.forward(half, out, lse, qkv, samples, tokens, heads, headDim);
        }
    }

    /**
     * The gradient of {@link #forward}.
     *
     * @param dqkv [samples, tokens, 3 * heads * headDim], of qkv's type, written
     * @param dout [samples, tokens, heads * headDim], of qkv's type
     * @param qkv as given to {@link #forward}
     * @param out as it came from {@link #forward}
     * @param lse as it came from {@link #forward}
     * @param scratch at least {@link #scratchSize} floats
     * @throws IllegalArgumentException if headDim is over {@link #MAX_HEAD_DIM}, or a tensor is of another shape or type
     */
    public void backward(
            Tensor dqkv,
            Tensor dout,
            Tensor qkv,
            Tensor out,
            Tensor lse,
            int samples,
            int tokens,
            int heads,
            int headDim,
            Tensor scratch) {
        check(headDim);
        boolean half = Shapes.isBf16("attention", "qkv", qkv);
        DType dtype = qkv.dtype();
        Shapes.typed("attention", "dqkv", dqkv, dtype, samples, tokens, 3 * heads, headDim);
        Shapes.typed("attention", "dout", dout, dtype, samples, tokens, heads, headDim);
        Shapes.typed("attention", "qkv", qkv, dtype, samples, tokens, 3 * heads, headDim);
        Shapes.typed("attention", "out", out, dtype, samples, tokens, heads, headDim);
        Shapes.floats("attention", "lse", lse, samples, heads, tokens);
        Shapes.atLeast("attention", "scratch", scratch, scratchSize(samples, tokens, heads, headDim));
        if (onMatrixUnits(half, headDim)) {
            mma.backward(dqkv, dout, qkv, out, lse, samples, tokens, heads, headDim, scratch);
        } else {
            portable.backward(half, dqkv, dout, qkv, out, lse, samples, tokens, heads, headDim, scratch);
        }
    }

    private boolean onMatrixUnits(boolean half, int headDim) {
        return half && mma != null && MmaAttention.supports(headDim);
    }

    private static void check(int headDim) {
        if (headDim < 1 || headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException("attention takes head dimensions from 1 to " + MAX_HEAD_DIM
                    + " but was given " + headDim + "; use more heads");
        }
    }
}
