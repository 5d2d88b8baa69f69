package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.MatMulPolicy;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;

class SuiteTest {
    private static Device card(String missingCublas) {
        return (Device) Proxy.newProxyInstance(
                SuiteTest.class.getClassLoader(),
                new Class<?>[] {Device.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "kind" -> Device.Kind.CUDA;
                    case "missingCublas" -> missingCublas;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    /** Under every policy, whatever the device's description says of it. */
    @Test
    void cublasIsMeasuredWhereItCanBeHad() {
        assertNull(Suite.withoutCublas(card(null)));
        assertEquals("libcublas.so.12: cannot open", Suite.withoutCublas(card("libcublas.so.12: cannot open")));
        try (Device cpu = Device.open("cpu")) {
            assertEquals("cuBLAS works on a card, and this is the CPU", Suite.withoutCublas(cpu));
            assertTrue(cpu.missingCublas().startsWith("cuBLAS works on a card, and this is cpu"));
        }
    }

    /** Kernels are compared with cuBLAS, a step is made as training makes it; and the property is what it was. */
    @Test
    void whoMakesProducts() {
        LayerNorm kernel = new LayerNorm();
        assertEquals(MatMulPolicy.OWN, kernel.policy(Implementation.VICMAE));
        assertEquals(MatMulPolicy.OWN, kernel.policy(Implementation.UNFUSED));
        assertEquals(MatMulPolicy.CUBLAS, kernel.policy(Implementation.CUBLAS));
        assertEquals(MatMulPolicy.FASTEST, new TrainingStep().policy(Implementation.VICMAE));
        String before = System.getProperty(MatMulPolicy.PROPERTY);
        assertEquals(MatMulPolicy.CUBLAS, KernelBenchmark.under(MatMulPolicy.CUBLAS, MatMulPolicy::current));
        assertEquals(before, System.getProperty(MatMulPolicy.PROPERTY));
    }

    /** A step starts with its shape, so all of them have to be models that can be. */
    @Test
    void everyShapeOfTheSuiteIsOne() {
        for (List<Suite.Entry> entries : List.of(Suite.KERNELS, Suite.SCALING)) {
            for (Suite.Entry entry : entries) {
                for (Suite.Size size : Suite.Size.values()) {
                    entry.shapes(size).forEach(entry::check);
                }
            }
        }
        Suite.Entry loss = Suite.SCALING.get(0);
        assertEquals(
                "65536x128",
                loss.shapes(Suite.Size.CPU).get(loss.shapes(Suite.Size.CPU).size() - 1));
        assertEquals(
                List.of("131072x128", "262144x128"),
                loss.shapes(Suite.Size.CARD).subList(9, 11));
    }

    @Test
    void whatIsNoShapeIsSaidWithTheBenchmark() {
        Suite.Entry layerNorm = new Suite.Entry(
                LayerNorm.class,
                List.of(Implementation.VICMAE),
                false,
                List.of(),
                java.util.Set.of(),
                List.of("8x8"),
                List.of(),
                List.of());
        for (String bad : List.of("", "8", "-1x5", "axb", "8x8x", "0x8", "8x9999999999")) {
            var e = assertThrows(IllegalArgumentException.class, () -> layerNorm.check(bad));
            assertEquals(
                    "LayerNorm cannot have the shape '" + bad
                            + "': A shape of 2 positive sizes is needed, as in 8x8, but" + " this was given: " + bad,
                    e.getMessage());
        }
        Suite.Entry step = Suite.SCALING.get(1);
        for (String bad : List.of(
                "ti8",
                "ti8:0",
                "ti8:many",
                "xl:8",
                "ti8:8:depth",
                "ti8:8:depth=x",
                "ti8:8:deep=3",
                "ti8:8:method=dino")) {
            var e = assertThrows(IllegalArgumentException.class, () -> step.check(bad));
            assertTrue(e.getMessage().startsWith("TrainingStep cannot have the shape '" + bad + "': "));
            assertTrue(e.getMessage().matches("(?s).*: (A|There is no) [^\\n]*"), e.getMessage());
        }
    }
}
