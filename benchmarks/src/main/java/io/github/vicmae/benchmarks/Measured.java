package io.github.vicmae.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The figures of an iteration beside JMH's own. {@link KernelBenchmark} writes them when an iteration ends, {@link LaunchProfiler} hands them to
 * JMH.
 */
final class Measured {
    static final String SUBMIT = "submit";
    static final String DEVICE = "device";
    static final String HEAP = "heap";
    static final String COPY = "copy";
    static final String PRODUCT = "product";
    static final String BYTES = "bytes";
    static final String FLOPS = "flops";
    static final String MEMORY = "memory";

    private static final Map<String, Double> LAST = new LinkedHashMap<>();

    private Measured() {}

    static synchronized void put(String name, double value) {
        if (!Double.isNaN(value)) {
            LAST.put(name, value);
        }
    }

    static synchronized Map<String, Double> take() {
        Map<String, Double> taken = new LinkedHashMap<>(LAST);
        LAST.clear();
        return taken;
    }
}
