package io.github.vicmae.kernel.matmul;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.device.VendorGemmDevice;
import io.github.vicmae.kernel.KernelFixture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Own kernel or library: who is asked how often, and that results are right whoever makes them and while it is found out. */
class FasterProductTest {
    private static final String DEVICES = "io.github.vicmae.kernel.KernelFixture#devices";
    private static final int M = 24;
    private static final int N = 16;
    private static final int K = 40;
    /** Two to warm up and five that are timed. */
    private static final int MEASURED = 7;

    private static final FasterProduct.Kind KIND =
            new FasterProduct.Kind(Epilogue.WRITE, DType.BF16, DType.F32, false, true, M, N, K);

    @Test
    void theFasterOneIsRemembered() {
        FasterProduct faster = new FasterProduct();
        assertNull(faster.known(KIND));
        assertEquals(FasterProduct.Way.LIBRARY, faster.measure(KIND, way -> way == FasterProduct.Way.OWN ? 2 : 1));
        assertEquals(FasterProduct.Way.LIBRARY, faster.known(KIND));
        FasterProduct.Kind other =
                new FasterProduct.Kind(Epilogue.WRITE, DType.BF16, DType.F32, false, true, M, N, K + 1);
        assertNull(faster.known(other));
        assertEquals(
                FasterProduct.Way.OWN,
                faster.measure(other, way -> way == FasterProduct.Way.OWN ? 1 : 0.99),
                "a difference that noise can make");
        faster.leave(KIND);
        assertEquals(FasterProduct.Way.OWN, faster.known(KIND));
    }

    /** One device with its library, which makes products with the portable kernel. */
    private static final class Rivals implements AutoCloseable {
        final KernelFixture fixture;
        final VendorGemmDevice device;
        final MatMul matmul;
        final Tensor scratch;

        Rivals(String name, double libraryMilliseconds) {
            AtomicReference<VendorGemmDevice> around = new AtomicReference<>();
            fixture = new KernelFixture(name, inner -> {
                around.set(new VendorGemmDevice(inner, libraryMilliseconds));
                return around.get();
            });
            device = around.get();
            PortableMatMul portable = new PortableMatMul(fixture.stream());
            device.bring(portable::multiply);
            matmul = new MatMul(fixture.stream());
            scratch = fixture.unwritten(MatMul.scratchSize(fixture.stream(), M));
        }

        /** One product; how often the library was asked in it. */
        int run(Epilogue epilogue, DType operands) {
            int before = device.products();
            boolean transA = epilogue == Epilogue.ADD_ROW_SUMS;
            DType result = ProductCheck.results(epilogue, operands).get(0);
            new ProductCheck(epilogue, operands, result, transA, !transA, M, N, K)
                    .run(fixture, "rivals", product -> matmul.multiply(product.scratch(scratch)));
            return device.products() - before;
        }

        @Override
        public void close() {
            fixture.close();
        }
    }

    @ParameterizedTest
    @MethodSource(DEVICES)
    void aFasterLibraryMakesTheProduct(String name) {
        // Its product, and a launch for what follows it, take less than one launch.
        try (Rivals rivals = new Rivals(name, -10)) {
            for (DType operands : new DType[] {DType.F32, DType.BF16}) {
                for (Epilogue epilogue : Epilogue.values()) {
                    // Two launches follow it: it is not faster.
                    boolean library = epilogue != Epilogue.ADD_ROW_SUMS;
                    assertEquals(MEASURED + (library ? 1 : 0), rivals.run(epilogue, operands), epilogue + ": first");
                    assertEquals(library ? 1 : 0, rivals.run(epilogue, operands), epilogue + ": second");
                }
            }
            assertEquals(
                    2 * Epilogue.values().length,
                    rivals.matmul.timings().lines().count(),
                    rivals.matmul.timings());
        }
    }

    @ParameterizedTest
    @MethodSource(DEVICES)
    void aSlowerLibraryIsNotAskedAgain(String name) {
        try (Rivals rivals = new Rivals(name, 10)) {
            for (Epilogue epilogue : Epilogue.values()) {
                assertEquals(MEASURED, rivals.run(epilogue, DType.BF16), epilogue + ": first");
                assertEquals(0, rivals.run(epilogue, DType.BF16), epilogue + ": second");
            }
        }
    }

    /** While a graph is captured nothing can be timed: the own kernel, until the product is met again. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void nothingIsTimedWhileCapturing(String name) {
        try (Rivals rivals = new Rivals(name, 1)) {
            rivals.device.setCapturing(true);
            assertEquals(0, rivals.run(Epilogue.WRITE, DType.BF16));
            rivals.device.setCapturing(false);
            assertEquals(MEASURED + 1, rivals.run(Epilogue.WRITE, DType.BF16));
            rivals.device.setCapturing(true);
            assertEquals(1, rivals.run(Epilogue.WRITE, DType.BF16), "what is known is used");
        }
    }

    @ParameterizedTest
    @MethodSource(DEVICES)
    void aLibraryThatRefusesIsLeft(String name) {
        try (Rivals rivals = new Rivals(name, 1)) {
            rivals.device.bring(product -> {
                throw new DeviceException("no such product");
            });
            assertEquals(1, rivals.run(Epilogue.BIAS, DType.BF16));
            assertEquals(0, rivals.run(Epilogue.BIAS, DType.BF16));
        }
    }

    @ParameterizedTest
    @MethodSource(DEVICES)
    void withoutMemoryForItTheProductIsMadeAllTheSame(String name) {
        try (Rivals rivals = new Rivals(name, 1)) {
            Tensor a = rivals.fixture.tensor(new float[] {1, 2}, 1, 2);
            Tensor b = rivals.fixture.tensor(new float[] {3, 4}, 1, 2);
            Tensor c = rivals.fixture.tensor(new float[] {5}, 1, 1);
            rivals.device.setFull(true);
            rivals.matmul.multiply(new Product().of(a, false, b, true, 1, 1, 2).to(Epilogue.ADD, c));
            rivals.device.setFull(false);
            assertEquals(16, rivals.fixture.stream().read(c)[0]);
            assertEquals(0, rivals.device.products());
        }
    }

    /** C may be the residual itself: then the library adds to it. */
    @ParameterizedTest
    @MethodSource(DEVICES)
    void theResidualMayBeTheResult(String name) {
        for (double milliseconds : new double[] {-10, 10}) {
            try (Rivals rivals = new Rivals(name, milliseconds)) {
                Tensor a = rivals.fixture.tensor(new float[] {1, 2}, 1, 2);
                Tensor b = rivals.fixture.tensor(new float[] {3, 4}, 1, 2);
                Tensor c = rivals.fixture.tensor(new float[] {5}, 1, 1);
                Tensor bias = rivals.fixture.tensor(new float[] {7}, 1);
                Product product = new Product().of(a, false, b, true, 1, 1, 2);
                rivals.matmul.multiply(product.to(Epilogue.BIAS_RESIDUAL, c, bias, c));
                assertEquals(23, rivals.fixture.stream().read(c)[0]);
                assertTrue(rivals.device.products() >= MEASURED);
            }
        }
    }
}
