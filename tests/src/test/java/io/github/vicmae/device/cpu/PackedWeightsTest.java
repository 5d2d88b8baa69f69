package io.github.vicmae.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.cpu.EngineFixture.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with a weight that was packed once. */
class PackedWeightsTest {
    // Fewer rows than a tile has, one more than it, several blocks; columns that fill no panel; k in parts, and at the
    // distances that crowd a cache.
    private static final int[][] SHAPES = {
        {1, 1, 1},
        {3, 40, 33},
        {13, 16, 7},
        {15, 33, 197},
        {65, 97, 192},
        {40, 70, 1024},
        {29, 31, 1100},
        {700, 48, 520}
    };

    static Stream<String> engines() {
        return EngineFixture.ENGINES.stream();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void everyEpilogueMatchesTheOracle(String engine) {
        EngineFixture.orSkip(engine).close();
        for (int[] s : SHAPES) {
            for (DType in : List.of(DType.F32, DType.BF16)) {
                for (boolean transA : new boolean[] {false, true}) {
                    try (EngineFixture fixture = new EngineFixture(engine)) {
                        fixture.packs = true;
                        ProductEnginesTest.check(fixture, new Shape(s[0], s[1], s[2], transA, true), in);
                    }
                }
            }
        }
    }

    /** Tiles are what such a product packs anyway, so that nothing is computed differently. */
    @ParameterizedTest
    @MethodSource("engines")
    void tilesGiveTheBitsOfAProductThatPacksThem(String engine) {
        for (int[] s : new int[][] {{65, 97, 192}, {33, 300, 1100}, {330, 48, 520}}) {
            Shape shape = new Shape(s[0], s[1], s[2], false, true);
            for (DType in : List.of(DType.F32, DType.BF16)) {
                try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
                    boolean tiles = engine.equals("amx") || in == DType.BF16 && engine.equals("plain");
                    if (tiles) {
                        Tensor a = fixture.tensor(in, fixture.normal(s[0] * s[2]), s[0], s[2]);
                        Tensor b = fixture.tensor(in, fixture.normal(s[1] * s[2]), s[1], s[2]);
                        float[] plain = product(fixture, shape, a, b);
                        fixture.packs = true;
                        assertArrayEquals(plain, product(fixture, shape, a, b), in + " " + shape + fixture.again());
                    }
                }
            }
        }
    }

    private static float[] product(EngineFixture fixture, Shape s, Tensor a, Tensor b) {
        Tensor c = fixture.unwritten(DType.F32, s.m(), s.n());
        assertTrue(fixture.multiply(s, c, a, b));
        return fixture.stream.read(c);
    }

    /** An image's features are the same bits whatever batch it comes in. */
    @ParameterizedTest
    @MethodSource("panels")
    void aRowDoesNotDependOnTheRowsBesideIt(String engine, DType in) {
        try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
            fixture.packs = true;
            int n = 70;
            int k = 1100;
            float[] rows = fixture.normal(300 * k);
            Tensor b = fixture.tensor(in, fixture.normal(n * k), n, k);
            Tensor all = fixture.tensor(in, rows, 300, k);
            float[] together = product(fixture, new Shape(300, n, k, false, true), all, b);
            for (int[] part : new int[][] {{0, 1}, {7, 14}, {100, 65}, {31, 29}}) {
                float[] few = Arrays.copyOfRange(rows, part[0] * k, (part[0] + part[1]) * k);
                Tensor a = fixture.tensor(in, few, part[1], k);
                assertArrayEquals(
                        Arrays.copyOfRange(together, part[0] * n, (part[0] + part[1]) * n),
                        product(fixture, new Shape(part[1], n, k, false, true), a, b),
                        part[1] + " rows from " + part[0] + fixture.again());
            }
        }
    }

    static Stream<Arguments> panels() {
        return Stream.of(Arguments.of("fma", DType.F32), Arguments.of("avx512bf16", DType.BF16));
    }

    @ParameterizedTest
    @MethodSource("panels")
    void theBitsDoNotDependOnTheNumberOfThreads(String engine, DType in) {
        try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
            fixture.packs = true;
            for (int[] s : new int[][] {{197, 330, 768}, {65, 192, 3072}, {1, 500, 100}}) {
                Shape shape = new Shape(s[0], s[1], s[2], false, true);
                Tensor a = fixture.tensor(in, fixture.normal(s[0] * s[2]), s[0], s[2]);
                Tensor b = fixture.tensor(in, fixture.normal(s[1] * s[2]), s[1], s[2]);
                float[] first = null;
                for (int threads : new int[] {1, 2, 3, 7, 16, 2}) {
                    float[] bits = ProductEnginesTest.withThreads(threads, () -> product(fixture, shape, a, b));
                    first = first == null ? bits : first;
                    assertArrayEquals(first, bits, shape + " on " + threads + " threads" + fixture.again());
                }
            }
        }
    }

    /** GELU's other tensor, which inference has no use for, may be the result itself. */
    @ParameterizedTest
    @MethodSource("engines")
    void geluMayWriteOverItsInput(String engine) {
        for (boolean packs : new boolean[] {false, true}) {
            for (DType in : List.of(DType.F32, DType.BF16)) {
                try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
                    fixture.packs = packs;
                    Shape s = new Shape(29, 50, 70, false, true);
                    Tensor a = fixture.tensor(in, fixture.normal(29 * 70), 29, 70);
                    Tensor b = fixture.tensor(in, fixture.normal(50 * 70), 50, 70);
                    Tensor bias = fixture.tensor(DType.F32, fixture.normal(50), 50);
                    Tensor c = fixture.unwritten(in, 29, 50);
                    Tensor other = fixture.unwritten(in, 29, 50);
                    if (fixture.multiply(Epilogue.BIAS_GELU, s, c, a, b, bias, other)) {
                        Tensor both = fixture.unwritten(in, 29, 50);
                        assertTrue(fixture.multiply(Epilogue.BIAS_GELU, s, both, a, b, bias, both));
                        assertArrayEquals(fixture.stream.read(c), fixture.stream.read(both), in + fixture.again());
                    }
                }
            }
        }
    }

    @Test
    void aWeightIsPackedOnlyWhereItFits() {
        try (EngineFixture fixture = EngineFixture.orSkip("fma");
                CpuDevice device = CpuDevice.open("fma")) {
            Tensor weight = fixture.tensor(DType.F32, new float[20 * 30], 20, 30);
            Tensor small = fixture.tensor(DType.F32, new float[20 * 30 - 1], 20 * 30 - 1);
            String message = assertThrows(
                            IllegalArgumentException.class, () -> fixture.stream.pack(small, weight, 20, 30))
                    .getMessage();
            assertTrue(message.contains("[20, 30]") && message.contains("bytes"), message);
            assertThrows(IllegalArgumentException.class, () -> fixture.stream.pack(weight, weight, 20, 31));
            assertTrue(device.packedBytes(DType.F32, 20, 30) >= 4 * 20 * 30);
        }
        CpuDevice blas;
        try {
            blas = CpuDevice.open("blas");
        } catch (io.github.vicmae.device.DeviceException e) {
            assumeTrue(false, e.getMessage());
            return;
        }
        assertEquals(0, blas.packedBytes(DType.F32, 20, 30));
        blas.close();
    }
}
