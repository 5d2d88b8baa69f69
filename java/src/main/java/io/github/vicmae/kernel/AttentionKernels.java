package io.github.vicmae.kernel;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Multi-head self-attention on fused q, k, v, forward and backward (cuda/attention.cu; Vaswani et al. 2017). */
public final class AttentionKernels {
    /** The largest head dimension. */
    public static final int MAX_HEAD_DIM = 128;

    // What any card since compute capability 8.0 lets a block have, and about half of a core's second-level cache.
    private static final int CUDA_SHARED_BYTES = 99 * 1024;
    private static final int CPU_SHARED_BYTES = 1024 * 1024;
    private static final int FEW_TOKENS = 32;
    // The kernels' micro-tiles divide these on every device.
    private static final int QUERY_UNIT = 12;
    private static final int KEY_UNIT = 16;
    /** Queries that a tile should have before keys are cut into tiles. */
    private static final int WANTED_QUERIES = 48;

    private final Stream stream;
    private final Kernel forward;
    private final Kernel backward;
    private final int sharedBytes;

    public AttentionKernels(Stream stream) {
        this(stream, stream.device().kind() == Device.Kind.CPU ? CPU_SHARED_BYTES : CUDA_SHARED_BYTES);
    }

    /** For tests: a lower limit of shared memory makes smaller tiles. */
    AttentionKernels(Stream stream, int sharedBytes) {
        this.stream = stream;
        this.sharedBytes = sharedBytes;
        forward = stream.device().kernel("attention", "attention_forward", "pppiiiiii");
        backward = stream.device().kernel("attention", "attention_backward", "ppppppiiiiii");
    }

    /** Floats of scratch that {@link #backward} needs. */
    public static long scratchSize(int samples, int tokens, int heads, int headDim) {
        return (long) samples * tokens * heads;
    }

    /**
     * out = softmax(q k^T / sqrt(headDim)) v for each sample and head.
     *
     * @param out [samples, tokens, heads * headDim], written
     * @param lse [samples, heads, tokens], the natural logarithm of the sum of the exponentials of a row's scaled scores, written
     * @param qkv [samples, tokens, 3 * heads * headDim], rows q | k | v
     * @throws IllegalArgumentException if headDim is over {@link #MAX_HEAD_DIM}
     */
    public void forward(Tensor out, Tensor lse, Tensor qkv, int samples, int tokens, int heads, int headDim) {
        check(headDim);
        Shapes.floats("attention", "out", out, samples, tokens, heads, headDim);
        Shapes.floats("attention", "lse", lse, samples, heads, tokens);
        Shapes.floats("attention", "qkv", qkv, samples, tokens, 3 * heads, headDim);
        int keyTile = keyTile(false, tokens, headDim);
        int queryTile = queryTile(false, tokens, headDim, keyTile);
        stream.begin(forward).arg(out).arg(lse).arg(qkv).arg(samples).arg(tokens);
        stream.arg(heads).arg(headDim).arg(queryTile).arg(keyTile);
        launch(samples, tokens, heads, forwardFloats(queryTile, keyTile, headDim));
    }

    /**
     * The gradient of {@link #forward}.
     *
     * @param dqkv [samples, tokens, 3 * heads * headDim], written
     * @param dout [samples, tokens, heads * headDim]
     * @param qkv as given to {@link #forward}
     * @param out as it came from {@link #forward}
     * @param lse as it came from {@link #forward}
     * @param scratch at least {@link #scratchSize} floats
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
        Shapes.floats("attention", "dqkv", dqkv, samples, tokens, 3 * heads, headDim);
        Shapes.floats("attention", "dout", dout, samples, tokens, heads, headDim);
        Shapes.floats("attention", "qkv", qkv, samples, tokens, 3 * heads, headDim);
        Shapes.floats("attention", "out", out, samples, tokens, heads, headDim);
        Shapes.floats("attention", "lse", lse, samples, heads, tokens);
        Shapes.atLeast("attention", "scratch", scratch, scratchSize(samples, tokens, heads, headDim));
        int keyTile = keyTile(true, tokens, headDim);
        int queryTile = queryTile(true, tokens, headDim, keyTile);
        stream.begin(backward).arg(dqkv).arg(dout).arg(qkv).arg(out).arg(lse).arg(scratch);
        stream.arg(samples).arg(tokens).arg(heads).arg(headDim).arg(queryTile).arg(keyTile);
        launch(samples, tokens, heads, backwardFloats(queryTile, keyTile, headDim));
    }

    private static void check(int headDim) {
        if (headDim < 1 || headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException("attention takes head dimensions from 1 to " + MAX_HEAD_DIM
                    + " but was given " + headDim + "; use more heads");
        }
    }

    private void launch(int samples, int tokens, int heads, int floats) {
        stream.launch(Math.multiplyExact(samples, heads), 1, 1, tokens <= FEW_TOKENS ? 128 : 256, 4 * floats);
    }

    /** All keys in one tile if that leaves room for enough queries, else the fewest tiles of equal size that do. */
    private int keyTile(boolean back, int tokens, int headDim) {
        int queries = Math.min(roundUp(tokens, QUERY_UNIT), WANTED_QUERIES);
        int tile = roundUp(tokens, KEY_UNIT);
        for (int tiles = 2; tile > KEY_UNIT && floats(back, queries, tile, headDim) > sharedBytes / 4; tiles++) {
            tile = roundUp((tokens + tiles - 1) / tiles, KEY_UNIT);
        }
        return tile;
    }

    private int queryTile(boolean back, int tokens, int headDim, int keyTile) {
        int tile = roundUp(tokens, QUERY_UNIT);
        for (int tiles = 2; tile > QUERY_UNIT && floats(back, tile, keyTile, headDim) > sharedBytes / 4; tiles++) {
            tile = roundUp((tokens + tiles - 1) / tiles, QUERY_UNIT);
        }
        return tile;
    }

    private static int floats(boolean back, int queryTile, int keyTile, int headDim) {
        return back ? backwardFloats(queryTile, keyTile, headDim) : forwardFloats(queryTile, keyTile, headDim);
    }

    /** Floats of shared memory of attention_forward: its tiles in their order. */
    private static int forwardFloats(int queryTile, int keyTile, int headDim) {
        int dimRow = dimRow(headDim);
        int keyRow = keyRow(keyTile);
        return queryTile * dimRow + headDim * keyRow + keyTile * dimRow + queryTile * keyRow + 5 * queryTile;
    }

    /** Floats of shared memory of attention_backward; the last tile may be read up to a micro-tile past its end. */
    private static int backwardFloats(int queryTile, int keyTile, int headDim) {
        int dimRow = dimRow(headDim);
        int keyRow = keyRow(keyTile);
        return 2 * queryTile * dimRow + keyTile * dimRow + 2 * headDim * keyRow + 2 * queryTile * keyRow + KEY_UNIT;
    }

    /** A row's length at most: whole vectors, and what the GPU adds against bank conflicts. */
    private static int dimRow(int headDim) {
        return roundUp(headDim, 16) + 4;
    }

    private static int keyRow(int keyTile) {
        return keyTile + 4;
    }

    private static int roundUp(int n, int unit) {
        return (n + unit - 1) / unit * unit;
    }
}
