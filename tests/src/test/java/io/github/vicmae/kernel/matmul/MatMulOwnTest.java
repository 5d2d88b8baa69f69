package io.github.vicmae.kernel.matmul;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The own kernels for matrix products, each forced, with every epilogue. */
class MatMulOwnTest {
    private static final String DEVICES = "io.github.vicmae.kernel.KernelFixture#devicesAndGeometries";
    /** transA and transB of the kernels on the matrix units. */
    private static final boolean[][] LAYOUTS = {{false, true}, {false, false}, {true, false}};

    @ParameterizedTest
    @MethodSource(DEVICES)
    void portableKernelDoesEveryEpilogue(String device) {
        int[][] shapes = {{1, 1, 1}, {5, 3, 33}, {97, 66, 17}};
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = new MatMul(fixture.stream());
            int turn = 0;
            for (int[] s : shapes) {
                for (Epilogue epilogue : Epilogue.values()) {
                    for (DType operands : new DType[] {DType.F32, DType.BF16}) {
                        for (DType result : ProductCheck.results(epilogue, operands)) {
                            boolean transA = epilogue == Epilogue.ADD_ROW_SUMS || (turn & 1) != 0;
                            boolean transB = (turn++ & 2) != 0;
                            new ProductCheck(epilogue, operands, result, transA, transB, s[0], s[1], s[2])
                                    .run(fixture, "portable", matmul::multiplyPortably);
                        }
                    }
                }
            }
        }
    }

    /** Tiles that are whole and tiles that are hardly begun; a k that never fills the pipeline, just does, or ends within a stage. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void matrixUnitsDoEveryEpilogue(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = onCard(fixture);
            int turn = 0;
            for (MatMulTile tile : MatMulTile.values()) {
                for (Epilogue epilogue : Epilogue.values()) {
                    for (DType result : ProductCheck.results(epilogue, DType.BF16)) {
                        int m = turn % 2 == 0 ? tile.m + 8 : 40;
                        int n = turn % 4 < 2 ? 24 : tile.n + 16;
                        int k = new int[] {8, 2 * tile.k, 5 * tile.k + 8}[turn % 3];
                        boolean[] layout = LAYOUTS[epilogue == Epilogue.ADD_ROW_SUMS ? 2 : turn / 2 % 3];
                        check(fixture, matmul, MatMulPlan.of(tile, k, 1), epilogue, result, layout, m, n, k);
                        turn++;
                    }
                }
            }
        }
    }

    /** Lines of any length: no 16 bytes can be copied at once. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void smallTilesTakeOddShapes(String device) {
        int[][] shapes = {{1, 1, 1}, {3, 1, 33}, {1, 67, 5}, {33, 31, 70}, {65, 66, 129}, {72, 65, 64}};
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = onCard(fixture);
            int turn = 0;
            for (int[] s : shapes) {
                for (boolean[] layout : LAYOUTS) {
                    Epilogue epilogue = Epilogue.values()[turn++ % Epilogue.ADD_ROW_SUMS.ordinal()];
                    List<DType> results = ProductCheck.results(epilogue, DType.BF16);
                    DType result = results.get(turn % results.size());
                    MatMulPlan plan = MatMulPlan.of(MatMulTile.SMALL, s[2], 1);
                    check(fixture, matmul, plan, epilogue, result, layout, s[0], s[1], s[2]);
                }
                MatMulPlan plan = MatMulPlan.of(MatMulTile.SMALL, s[2], 1);
                check(fixture, matmul, plan, Epilogue.ADD_ROW_SUMS, DType.F32, LAYOUTS[2], s[0], s[1], s[2]);
            }
        }
    }

    /** Shares of k, the last one shorter, added up in a second stage. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void sharesAreAddedUp(String device) {
        Epilogue[] epilogues = {Epilogue.WRITE, Epilogue.ADD, Epilogue.ADD_ROW_SUMS};
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = onCard(fixture);
            for (MatMulTile tile : MatMulTile.values()) {
                Epilogue epilogue = epilogues[tile.ordinal()];
                int k = 5 * tile.k + 24;
                MatMulPlan plan = MatMulPlan.of(tile, k, 3);
                assertEquals(3, plan.shares());
                check(fixture, matmul, plan, epilogue, DType.F32, LAYOUTS[2], tile.m + 8, 40, k);
            }
            MatMulPlan plan = MatMulPlan.of(MatMulTile.SMALL, 150, 2);
            check(fixture, matmul, plan, Epilogue.ADD_ROW_SUMS, DType.F32, LAYOUTS[2], 67, 33, 150);
            check(fixture, matmul, plan, Epilogue.ADD, DType.F32, LAYOUTS[0], 67, 33, 150);
        }
    }

    /** The same bits from every tile size, and again; from shares again. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void resultsAreRepeatable(String device) {
        int m = 136;
        int n = 72;
        int k = 200;
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = onCard(fixture);
            Tensor a = fixture.tensor(DType.BF16, fixture.normal(k * m, 1), k, m);
            Tensor b = fixture.tensor(DType.BF16, fixture.normal(k * n, 1), k, n);
            float[] first = null;
            float[] firstOfShares = null;
            for (MatMulTile tile : MatMulTile.values()) {
                float[] whole = product(fixture, matmul, MatMulPlan.of(tile, k, 1), a, b, m, n, k);
                float[] shares = product(fixture, matmul, new MatMulPlan(tile, 128, 2), a, b, m, n, k);
                first = first == null ? whole : first;
                firstOfShares = firstOfShares == null ? shares : firstOfShares;
                assertArrayEquals(first, whole, tile.toString());
                assertArrayEquals(firstOfShares, shares, tile.toString());
            }
            assertArrayEquals(first, product(fixture, matmul, MatMulPlan.of(MatMulTile.LARGE, k, 1), a, b, m, n, k));
        }
    }

    /** C and the rows' sums behind it. */
    private static float[] product(
            KernelFixture fixture, MatMul matmul, MatMulPlan plan, Tensor a, Tensor b, int m, int n, int k) {
        Tensor c = fixture.tensor(new float[m * n], m, n);
        Tensor sums = fixture.tensor(new float[m], m);
        Tensor scratch = plan.shares() == 1 ? null : fixture.unwritten((int) plan.scratch(m, n));
        matmul.multiply(
                plan,
                new Product()
                        .of(a, true, b, false, m, n, k)
                        .to(Epilogue.ADD_ROW_SUMS, c, sums, null)
                        .scratch(scratch));
        float[] both = Arrays.copyOf(fixture.stream().read(c), m * n + m);
        System.arraycopy(fixture.stream().read(sums), 0, both, m * n, m);
        return both;
    }

    /** What a caller gets who asks for no kernel: any layout, lines and addresses that suit, and that do not. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void theKernelIsChosenByWhatItCanDo(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = new MatMul(fixture.stream());
            int[][] shapes = {{72, 40, 136}, {9, 24, 64}, {17, 5, 31}};
            for (int[] s : shapes) {
                Tensor scratch =
                        fixture.unwritten((int) MatMul.scratchSize(fixture.stream(), DType.BF16, s[0], s[1], s[2]));
                for (int layout = 0; layout < 4; layout++) {
                    boolean transA = layout / 2 == 1;
                    boolean transB = layout % 2 == 1;
                    Epilogue epilogue = transA ? Epilogue.ADD_ROW_SUMS : Epilogue.BIAS_GELU;
                    DType result = transA ? DType.F32 : DType.BF16;
                    new ProductCheck(epilogue, DType.BF16, result, transA, transB, s[0], s[1], s[2])
                            .run(fixture, "chosen", product -> matmul.multiply(product.scratch(scratch)));
                }
            }
            oddAddress(fixture, matmul);
        }
    }

    private static void oddAddress(KernelFixture fixture, MatMul matmul) {
        int m = 8;
        int n = 16;
        int k = 24;
        new ProductCheck(Epilogue.WRITE, DType.BF16, DType.BF16, false, true, m, n, k)
                .run(fixture, "odd address", product -> {
                    float[] values = fixture.stream().read(product.a());
                    float[] moved = new float[m * k + 1];
                    System.arraycopy(values, 0, moved, 1, m * k);
                    Tensor odd = fixture.tensor(DType.BF16, moved, m * k + 1).slice("odd", 1, m, k);
                    matmul.multiply(new Product()
                            .of(odd, false, product.b(), true, m, n, k)
                            .to(Epilogue.WRITE, product.c()));
                });
    }

    @ParameterizedTest
    @MethodSource(DEVICES)
    void refusesTilesThatCannotTakeTheOperands(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            MatMul matmul = onCard(fixture);
            Tensor a = fixture.tensor(DType.BF16, new float[9], 3, 3);
            Tensor c = fixture.unwritten(3, 3);
            MatMulPlan plan = MatMulPlan.of(MatMulTile.LARGE, 3, 1);
            Product product = new Product().of(a, false, a, true, 3, 3, 3).to(Epilogue.WRITE, c);
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> matmul.multiply(plan, product));
            assertTrue(e.getMessage().contains("multiples of 8"), e.getMessage());
        }
    }

    private static void check(
            KernelFixture fixture,
            MatMul matmul,
            MatMulPlan plan,
            Epilogue epilogue,
            DType result,
            boolean[] layout,
            int m,
            int n,
            int k) {
        new ProductCheck(epilogue, DType.BF16, result, layout[0], layout[1], m, n, k)
                .run(fixture, plan.toString(), product -> {
                    Tensor scratch = plan.shares() == 1 ? null : fixture.unwritten(Math.toIntExact(plan.scratch(m, n)));
                    matmul.multiply(plan, product.scratch(scratch));
                });
    }

    private static MatMul onCard(KernelFixture fixture) {
        assumeTrue(
                fixture.stream().device().kind() == Device.Kind.CUDA, "the CPU build has no kernels for matrix units");
        return new MatMul(fixture.stream());
    }
}
