package io.github.vicmae.device;

import java.util.Set;

/**
 * A device on which each launch has another number of threads a block than was asked for, and a third of the blocks: a kernel's loops stride
 * by the block or the grid and must be right for any. Kernels that know a block's place in a result by its number keep their blocks.
 */
public final class OtherGeometryDevice extends ForwardingDevice {
    private static final int FEWER_BLOCKS = 3;
    private static final Set<String> BY_BLOCK_NUMBER =
            Set.of("column_sum_partial", "grad_norm_partial", "layer_norm_backward", "patch_backward", "tokens_gather");

    private final int threads;

    /**
     * @param inner closed with this one
     * @param threads in every block of every launch
     */
    public OtherGeometryDevice(Device inner, int threads) {
        super(inner);
        this.threads = threads;
    }

    @Override
    public Stream newStream() {
        return new ForwardingStream(this, super.newStream()) {
            @Override
            protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int ignored, int sharedBytes) {
                String family = launched.name().replaceFirst("_bf16$", "");
                int blocks = BY_BLOCK_NUMBER.contains(family) ? gridX : (gridX + FEWER_BLOCKS - 1) / FEWER_BLOCKS;
                super.submit(launched, blocks, gridY, gridZ, threads, sharedBytes);
            }
        };
    }
}
