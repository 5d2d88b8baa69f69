package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import org.junit.jupiter.api.Test;

/** The bytes and operations of small shapes, counted by hand from the kernels' contracts. */
class CostTest {
    private static Cost cost(KernelBenchmark benchmark, String precision) {
        benchmark.device = "cpu";
        benchmark.precision = precision;
        benchmark.implementation = "vicmae";
        try (Device device = Device.open("cpu");
                Bench bench = new Bench(device, Precision.of(precision))) {
            benchmark.open(bench, Implementation.VICMAE);
            return benchmark.cost();
        }
    }

    /** 3 samples of 5 tokens of 8 columns: 96 floats without class tokens, 24 of a row a sample. */
    @Test
    void aPoolingMovesWhatItTouches() {
        assertEquals(4 * (96 + 24), pooling("mean"));
        assertEquals(4 * (96 + 24 + 24), pooling("max"), "and the places of the maxima");
        assertEquals(4 * (96 + 24), pooling("gem"));
        assertEquals(4 * (2 * 96 + 24), pooling("mean-backward"));
        assertEquals(4 * (24 + 24 + 2 * 24), pooling("max-backward"), "one element a column is added to");
        assertEquals(4 * (3 * 96 + 2 * 24), pooling("gem-backward"));
    }

    private static double pooling(String pass) {
        Pooling pooling = new Pooling();
        pooling.shape = "3x5x8";
        pooling.pass = pass;
        return cost(pooling, "fp32").bytes();
    }

    @Test
    void elementwiseKernelsReadAndWriteOnce() {
        assertEquals(2 * 4 * 60, pointwise("bias", "fp32"));
        assertEquals(2 * 2 * 60, pointwise("bias", "bf16"));
        assertEquals(3 * 4 * 60, pointwise("bias-residual", "bf16"), "the residual stream is floats");
        assertEquals(3 * 2 * 60, pointwise("bias-gelu", "bf16"), "the bias stays added to the input");
        assertEquals(4 * 60, pointwise("column-sum", "fp32"));
        assertEquals(6 * 60, pointwise("to-bf16", "fp32"));
    }

    private static double pointwise(String pass, String precision) {
        Pointwise pointwise = new Pointwise();
        pointwise.shape = "5x12";
        pointwise.pass = pass;
        return cost(pointwise, precision).bytes();
    }

    @Test
    void tokensCountTheirPositionsOnce() {
        DecoderTokens tokens = new DecoderTokens();
        tokens.shape = "2x6x2x8";
        tokens.pass = "forward";
        // Embedded 2 x 3 x 8, out 2 x 7 x 8, ranks 2 x 6, positions 7 x 8.
        assertEquals(4 * (48 + 112 + 12 + 56), cost(tokens, "fp32").bytes());
        tokens.pass = "backward";
        assertEquals(4 * (48 + 112 + 12), cost(tokens, "fp32").bytes());
        PatchEmbedding patches = new PatchEmbedding();
        patches.shape = "1x8x4x2x12";
        patches.pass = "forward";
        // Two patches of 48 pixels, weight 48 x 12, tokens 3 x 12 and as many positions.
        Cost cost = cost(patches, "fp32");
        assertEquals(4 * (2 * 48 + 48 * 12 + 2 * 3 * 12), cost.bytes());
        assertEquals(2 * 2 * 48 * 12, cost.flops());
    }

    @Test
    void aProductCountsBothPasses() {
        MatrixProduct product = new MatrixProduct();
        product.shape = "20x16x24";
        product.pass = "both";
        Cost cost = cost(product, "fp32");
        assertEquals(3 * 2.0 * 20 * 16 * 24, cost.flops());
        int forward = 20 * 16 + 16 * 24 + 2 * 20 * 24;
        int backward = 20 * 16 + 16 * 24 + 2 * 20 * 24 + 20 * 16 + 2 * 16 * 24;
        assertEquals(4 * (forward + backward), cost.bytes());
    }

    @Test
    void theSymmetricLossIsHalfOfItsLogits() {
        InfoNce loss = new InfoNce();
        loss.shape = "12x10";
        loss.pass = "forward";
        assertEquals(12 * 12 * 10, cost(loss, "fp32").flops());
        assertEquals(4 * 12 * 10, cost(loss, "fp32").bytes());
        loss.pass = "both";
        assertEquals(5 * 12 * 12 * 10, cost(loss, "fp32").flops());
        assertEquals(3 * 4 * 12 * 10, cost(loss, "fp32").bytes());
    }

    @Test
    void theUpdateReadsFourAndWritesFour() {
        AdamW update = new AdamW();
        update.shape = "1000";
        assertEquals(32 * 1000, cost(update, "fp32").bytes());
        assertEquals(34 * 1000, cost(update, "bf16").bytes());
    }
}
