package io.github.vicmae.device.cpu;

import static io.github.vicmae.device.cpu.EngineFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.cpu.EngineFixture.Shape;
import io.github.vicmae.kernel.oracle.EpilogueOracle;
import io.github.vicmae.kernel.oracle.MatMulOracle;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;

class ProductEnginesTest {
    // m, n, k: around the edges of tiles, panels and steps; more panels than a thread packs at a time; k in several
    // parts; one row.
    private static final int[][] SHAPES = {
        {1, 1, 1},
        {3, 1, 33},
        {31, 33, 1},
        {32, 32, 32},
        {33, 31, 197},
        {65, 97, 100},
        {5, 200, 768},
        {40, 70, 1100},
        {1, 300, 20},
        {330, 17, 48},
        {1100, 49, 8}
    };

    static Stream<String> engines() {
        return EngineFixture.ENGINES.stream();
    }

    /** Those that do not leave it to a library how a sum is ordered. */
    static Stream<String> ownEngines() {
        return engines().filter(e -> !e.equals("blas"));
    }

    private static List<Shape> shapes() {
        List<Shape> shapes = new ArrayList<>();
        for (int[] s : SHAPES) {
            for (int flags = 0; flags < 4; flags++) {
                shapes.add(new Shape(s[0], s[1], s[2], (flags & 1) != 0, (flags & 2) != 0));
            }
        }
        return shapes;
    }

    @ParameterizedTest
    @MethodSource("engines")
    void everyEpilogueMatchesTheOracle(String engine) {
        EngineFixture.orSkip(engine).close();
        for (Shape shape : shapes()) {
            for (DType in : List.of(DType.F32, DType.BF16)) {
                try (EngineFixture fixture = new EngineFixture(engine)) {
                    check(fixture, shape, in);
                }
            }
        }
    }

    static void check(EngineFixture fixture, Shape s, DType in) {
        float[] a = fixture.normal(s.m() * s.k());
        float[] b = fixture.normal(s.k() * s.n());
        Tensor at = s.transA() ? fixture.tensor(in, a, s.k(), s.m()) : fixture.tensor(in, a, s.m(), s.k());
        Tensor bt = s.transB() ? fixture.tensor(in, b, s.n(), s.k()) : fixture.tensor(in, b, s.k(), s.n());
        double[] product = product(s, a, b);
        for (Epilogue epilogue : Epilogue.values()) {
            boolean floatsOnly = epilogue.accumulates() || epilogue.isResidual() || in == DType.F32;
            for (DType out : floatsOnly ? List.of(DType.F32) : List.of(DType.F32, DType.BF16)) {
                if (epilogue != Epilogue.ADD_ROW_SUMS || s.transA()) {
                    new Check(fixture, s, epilogue, out).run(product, a, at, bt);
                }
            }
        }
    }

    private static double[] product(Shape s, float[] a, float[] b) {
        double[] product = new double[s.m() * s.n()];
        MatMulOracle.multiply(product, doubles(a), doubles(b), s.transA(), s.transB(), s.m(), s.n(), s.k());
        return product;
    }

    private record Check(EngineFixture fixture, Shape s, Epilogue epilogue, DType out) {
        void run(double[] product, float[] a, Tensor at, Tensor bt) {
            int m = s.m();
            int n = s.n();
            float[] old = fixture.normal(m * n);
            float[] bias = fixture.normal(epilogue == Epilogue.ADD_ROW_SUMS ? m : n);
            float[] other = fixture.normal(m * n);
            Tensor biasT = epilogue.hasBias() ? fixture.tensor(DType.F32, bias, bias.length) : null;
            Tensor otherT = epilogue.hasOther() ? fixture.tensor(out, other, m, n) : null;
            Tensor c = epilogue.accumulates() ? fixture.tensor(out, old, m, n) : fixture.unwritten(out, m, n);
            // One for each row, or for both of two.
            int rowsPerFactor = m % 2 == 0 ? 2 : 1;
            float[] factors = fixture.normal(m / rowsPerFactor);
            Tensor factorsT =
                    epilogue == Epilogue.SCALED_RESIDUAL ? fixture.tensor(DType.F32, factors, factors.length) : null;
            if (!fixture.multiply(epilogue, s, c, at, bt, biasT, otherT, factorsT)) {
                assertEquals(DType.F32, at.dtype(), "an engine must do bfloat16");
                return;
            }
            double[] expected = product.clone();
            double[] pre = doubles(other);
            double[] rowFactors = new double[m];
            Arrays.setAll(rowFactors, i -> factors[i / rowsPerFactor]);
            EpilogueOracle.finish(epilogue, expected, doubles(old), doubles(bias), pre, rowFactors, n);
            // Errors of the product count as often as the product does.
            double largest = epilogue == Epilogue.SCALED_RESIDUAL ? largest(factors) : 1;
            close("C", expected, c, largest);
            if (epilogue == Epilogue.BIAS_GELU) {
                close("other", pre, otherT, 1);
            }
            if (epilogue == Epilogue.ADD_ROW_SUMS) {
                double[] sums = doubles(bias);
                EpilogueOracle.addRowSums(sums, doubles(a), m, s.k());
                close("row sums", sums, biasT, 1);
            }
            if (epilogue.isResidual()) {
                assertTrue(fixture.multiply(epilogue, s, otherT, at, bt, biasT, otherT, factorsT));
                close("C that is the residual", expected, otherT, largest);
            }
        }

        private static double largest(float[] factors) {
            double largest = 1;
            for (float factor : factors) {
                largest = Math.max(largest, Math.abs(factor));
            }
            return largest;
        }

        /** The error is within 1e-6 of the terms' 2-norm on average and 8e-6 anywhere, or within bfloat16's step. */
        private void close(String what, double[] expected, Tensor actual, double factor) {
            float[] got = fixture.stream.read(actual);
            double terms = factor * Math.sqrt(s.k() + 1.0);
            double squares = 0;
            for (int i = 0; i < expected.length; i++) {
                double error = Math.abs(got[i] - expected[i]);
                double step = actual.dtype() == DType.BF16 ? Math.abs(expected[i]) / 256 + 1e-5 * terms : 8e-6 * terms;
                if (!(error <= step)) {
                    fail(what + "[" + i + "] of " + this + " is " + got[i] + ", expected " + expected[i]
                            + fixture.again());
                }
                squares += error * error;
            }
            double mean = Math.sqrt(squares / expected.length);
            if (actual.dtype() == DType.F32 && expected.length > 100 && mean > 1e-6 * terms) {
                fail(what + " of " + this + ": mean error " + mean + " for terms of " + terms + fixture.again());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("ownEngines")
    void theBitsDoNotDependOnTheNumberOfThreads(String engine) {
        try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
            for (int[] m : new int[][] {{197, 330, 70}, {70, 500, 2100}, {40, 33, 1100}}) {
                // AVX512-BF16 leaves floats to the library, whose kernels decide how a sum is ordered.
                for (DType in : engine.equals("amx") ? List.of(DType.F32, DType.BF16) : List.of(DType.BF16)) {
                    Shape s = new Shape(m[0], m[1], m[2], true, false);
                    Tensor a = fixture.tensor(in, fixture.normal(s.m() * s.k()), s.k(), s.m());
                    Tensor b = fixture.tensor(in, fixture.normal(s.k() * s.n()), s.k(), s.n());
                    float[] first = null;
                    for (int threads : new int[] {1, 2, 3, 7, 2}) {
                        float[] bits = withThreads(threads, () -> addRowSums(fixture, s, a, b));
                        first = first == null ? bits : first;
                        assertArrayEquals(
                                first, bits, s + " of " + in + " on " + threads + " threads" + fixture.again());
                    }
                }
            }
        }
    }

    /** C and the row sums behind it; null where the engine does not do this type. */
    private static float[] addRowSums(EngineFixture fixture, Shape s, Tensor a, Tensor b) {
        Tensor c = fixture.tensor(DType.F32, new float[s.m() * s.n()], s.m(), s.n());
        Tensor bias = fixture.tensor(DType.F32, new float[s.m()], s.m());
        if (!fixture.multiply(Epilogue.ADD_ROW_SUMS, s, c, a, b, bias, null)) {
            return new float[0];
        }
        float[] product = fixture.stream.read(c);
        float[] both = Arrays.copyOf(product, product.length + s.m());
        System.arraycopy(fixture.stream.read(bias), 0, both, product.length, s.m());
        return both;
    }

    static <T> T withThreads(int threads, java.util.function.Supplier<T> body) {
        setThreads(threads);
        try {
            return body.get();
        } finally {
            setThreads(CpuLibrary.get().threads());
        }
    }

    private static void setThreads(int threads) {
        try (MemoryStack stack = MemoryStack.stackPush()) {
            JNI.invokePI(
                    MemoryUtil.memAddress(stack.ints(threads)), CpuLibrary.get().function("vicmae_set_threads"));
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void whatIsNotFiniteReachesItsRowOrColumnAndNoOther(String engine) {
        Shape s = new Shape(37, 41, 70, false, true);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (DType in : List.of(DType.F32, DType.BF16)) {
                try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
                    float[] a = fixture.normal(s.m() * s.k());
                    float[] b = fixture.normal(s.k() * s.n());
                    a[35 * s.k() + 69] = bad;
                    b[2 * s.k() + 33] = bad;
                    Tensor c = fixture.unwritten(DType.F32, s.m(), s.n());
                    if (!fixture.multiply(
                            s, c, fixture.tensor(in, a, s.m(), s.k()), fixture.tensor(in, b, s.n(), s.k()))) {
                        continue;
                    }
                    float[] got = fixture.stream.read(c);
                    for (int i = 0; i < got.length; i++) {
                        boolean hit = i / s.n() == 35 || i % s.n() == 2;
                        assertEquals(!hit, Float.isFinite(got[i]), in + " " + bad + " at " + i + fixture.again());
                    }
                }
            }
        }
    }

    /** Data on which products in bfloat16 would be far off: the float engine has to be as exact as sgemm. */
    @Test
    void floatsThroughAmxAreAsExactAsSgemm() {
        Shape s = new Shape(64, 64, 800, false, true);
        try (EngineFixture amx = EngineFixture.orSkip("amx");
                EngineFixture blas = EngineFixture.orSkip("blas")) {
            float[] normal = amx.normal(s.m() * s.k());
            float[] wide = EngineFixture.values(
                    s.m() * s.k(), () -> amx.random.nextGaussian() * Math.exp(8 * amx.random.nextGaussian()));
            float[] cancelling = amx.normal(s.m() * s.k());
            for (int i = 1; i < cancelling.length; i += 2) {
                cancelling[i] = -cancelling[i - 1] * (1 + 1e-5f * (i % 7));
            }
            float[] ones = new float[s.n() * s.k()];
            Arrays.fill(ones, 1.1f);
            float[] b = amx.normal(s.n() * s.k());
            asExact(amx, blas, s, "normal values", normal, b);
            asExact(amx, blas, s, "a wide range of values", wide, b);
            asExact(amx, blas, s, "sums that cancel", cancelling, ones);
        }
    }

    private static void asExact(EngineFixture amx, EngineFixture blas, Shape s, String what, float[] a, float[] b) {
        double[] expected = product(s, a, b);
        double[] terms = product(s, absolute(a), absolute(b));
        double ours = error(amx, s, a, b, expected, terms);
        double theirs = error(blas, s, a, b, expected, terms);
        assertTrue(ours <= theirs * 1.1 && ours < 1e-6, what + ": AMX " + ours + ", sgemm " + theirs + amx.again());
    }

    private static float[] absolute(float[] values) {
        float[] absolute = values.clone();
        for (int i = 0; i < values.length; i++) {
            absolute[i] = Math.abs(values[i]);
        }
        return absolute;
    }

    /** The root of the mean square of each element's error, in units of its terms' absolute sum. */
    private static double error(
            EngineFixture fixture, Shape s, float[] a, float[] b, double[] expected, double[] terms) {
        Tensor c = fixture.unwritten(DType.F32, s.m(), s.n());
        assertTrue(fixture.multiply(
                s, c, fixture.tensor(DType.F32, a, s.m(), s.k()), fixture.tensor(DType.F32, b, s.n(), s.k())));
        float[] got = fixture.stream.read(c);
        double squares = 0;
        for (int i = 0; i < got.length; i++) {
            squares += Math.pow((got[i] - expected[i]) / terms[i], 2);
        }
        return Math.sqrt(squares / got.length);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void veryLongSumsAreMadeInSlices(String engine) {
        Shape s = new Shape(3, 2, 300_001, true, false);
        try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
            float[] a = fixture.normal(s.m() * s.k());
            float[] b = fixture.normal(s.k() * s.n());
            DType in = engine.equals("plain") ? DType.BF16 : DType.F32;
            Tensor at = fixture.tensor(in, a, s.k(), s.m());
            Tensor bt = fixture.tensor(in, b, s.k(), s.n());
            new Check(fixture, s, Epilogue.ADD_ROW_SUMS, DType.F32).run(product(s, a, b), a, at, bt);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void streamsOfSeveralThreadsDoNotDisturbEachOther(String engine) throws Exception {
        Shape s = new Shape(70, 90, 300, false, false);
        EngineFixture.orSkip(engine).close();
        Callable<Void> work = () -> {
            try (EngineFixture fixture = new EngineFixture(engine)) {
                for (int i = 0; i < 4; i++) {
                    check(fixture, s, DType.BF16);
                }
            }
            return null;
        };
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            for (Future<Void> done : threads.invokeAll(List.of(work, work, work))) {
                done.get();
            }
        } finally {
            threads.shutdown();
        }
    }

    /** Once compiled: until then some JVMs make objects for what LWJGL hands to native code. */
    @ParameterizedTest
    @MethodSource("engines")
    void nothingIsAllocatedOnTheHeap(String engine) {
        Shape s = new Shape(50, 60, 70, true, false);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        try (EngineFixture fixture = EngineFixture.orSkip(engine)) {
            Tensor a = fixture.tensor(DType.BF16, fixture.normal(s.m() * s.k()), s.k(), s.m());
            Tensor b = fixture.tensor(DType.BF16, fixture.normal(s.k() * s.n()), s.k(), s.n());
            Tensor c = fixture.tensor(DType.F32, new float[s.m() * s.n()], s.m(), s.n());
            Tensor bias = fixture.tensor(DType.F32, new float[s.m()], s.m());
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 2000 && least > 0; round++) {
                long before = threads.getThreadAllocatedBytes(thread);
                for (int i = 0; i < 20; i++) {
                    fixture.multiply(Epilogue.ADD_ROW_SUMS, s, c, a, b, bias, null);
                }
                least = Math.min(least, threads.getThreadAllocatedBytes(thread) - before);
            }
            assertEquals(0, least, "bytes allocated by 20 products");
        }
    }

    @Test
    void anEngineThatIsNotThereIsRefusedWithTheReason() {
        OpenBlas none = new OpenBlas(0, "OpenBLAS could not be loaded (no reason)");
        int plain = 1 << ProductEngine.PLAIN.ordinal();
        String unknown = assertThrows(DeviceException.class, () -> ProductEngine.named("fast", plain, none))
                .getMessage();
        assertTrue(unknown.contains("-Dvicmae.gemm=fast") && unknown.endsWith("choose one of plain"), unknown);
        String missing = assertThrows(DeviceException.class, () -> ProductEngine.named("blas", plain, none))
                .getMessage();
        assertTrue(missing.contains("no reason"), missing);
        String amx = assertThrows(DeviceException.class, () -> ProductEngine.named("amx", plain, none))
                .getMessage();
        assertTrue(amx.contains("AMX") && amx.contains("-Dvicmae.gemm=amx"), amx);
    }

    @Test
    void theDescriptionSaysWhatMakesProducts() {
        OpenBlas blas = new OpenBlas(1, "OpenBLAS");
        OpenBlas none = new OpenBlas(0, "no OpenBLAS");
        int plain = 1 << ProductEngine.PLAIN.ordinal();
        int both = plain | 1 << ProductEngine.BLAS.ordinal() | 1 << ProductEngine.AVX512BF16.ordinal();
        int all = both | 1 << ProductEngine.AMX.ordinal();
        assertEquals("fp32 and bf16 matrix products by AMX", ProductEngine.ANY.description(all, blas));
        assertEquals(
                "fp32 matrix products by OpenBLAS, bf16 by AVX512-BF16", ProductEngine.ANY.description(both, blas));
        assertEquals(
                "fp32 matrix products by an own kernel, bf16 by own vector code; no OpenBLAS",
                ProductEngine.ANY.description(plain, none));
        assertFalse(CpuDevice.open().description().isBlank());
    }
}
