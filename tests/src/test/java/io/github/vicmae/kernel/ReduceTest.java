package io.github.vicmae.kernel;

import static io.github.vicmae.kernel.KernelFixture.doubles;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReduceTest {
    private static final int[] WIDTHS = {1, 33, 257};

    /** Around the number of parts that the rows are cut into: some of them empty, each with one row, and the last one short. */
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheDefinition(String device) {
        for (int width : WIDTHS) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                int parts = fixture.stream().device().partialBlocks();
                for (int rows : new int[] {1, 2, parts - 1, parts, parts + 1, 2 * parts, 3 * parts - 1}) {
                    check(fixture, DType.F32, rows, width);
                    check(fixture, DType.BF16, rows, width);
                }
            }
        }
    }

    private static void check(KernelFixture fixture, DType type, int rows, int width) {
        String at = " [" + rows + ", " + width + "]";
        float[] x = fixture.normal(rows * width, 1);
        Tensor xt = fixture.tensor(type, x, rows, width);
        float[] before = fixture.normal(width, 1);
        double[] expected = doubles(before);
        for (int i = 0; i < x.length; i++) {
            expected[i % width] += x[i];
        }
        Reduce reduce = new Reduce(fixture.stream());
        Tensor sum = fixture.tensor(before, width);
        Tensor scratch = fixture.unwritten(Reduce.scratchSize(fixture.stream(), width));
        reduce.columnSum(sum, xt, rows, width, scratch);
        double terms = Math.sqrt((double) x.length + width);
        // Each addition to a running sum of i normal values errs by up to 2^-24 of sqrt(i), evenly spread: sqrt(rows /
        // 6) * 2^-24 of the
        // terms in all. A single column has nothing to average that with, so it gets six deviations.
        double limit = Math.max(1e-6, 6 * Math.sqrt(rows / 6.0) * 0x1p-24);
        fixture.assertClose("columnSum" + at, expected, sum, limit, terms);
        if (type == DType.BF16) {
            return; // rows to add in one stage are sums, and so floats
        }
        Tensor added = fixture.tensor(before, width);
        reduce.add(added, xt, rows, width);
        fixture.assertClose("add" + at, expected, added, limit, terms);
    }
}
