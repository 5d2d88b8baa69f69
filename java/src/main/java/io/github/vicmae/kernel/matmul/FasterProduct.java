package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Whether the own kernel or the library is faster for a product: measured when its shape is first met, then remembered. */
final class FasterProduct {
    /** The library must be this much faster, so that noise does not decide. */
    private static final double MARGIN = 1.05;

    enum Way {
        OWN,
        LIBRARY
    }

    /** What the time of a product depends on. */
    record Kind(Epilogue epilogue, DType operands, DType result, boolean transA, boolean transB, int m, int n, int k) {
        static Kind of(Product p) {
            return new Kind(p.epilogue(), p.a().dtype(), p.c().dtype(), p.transA(), p.transB(), p.m(), p.n(), p.k());
        }
    }

    /** Runs a product, into memory of its own, and says how long that takes. */
    interface Stopwatch {
        /** Milliseconds; infinity if it cannot be done that way. */
        double milliseconds(Way way);
    }

    private record Measured(double own, double library) {
        Way faster() {
            return library * MARGIN < own ? Way.LIBRARY : Way.OWN;
        }
    }

    private final Map<Kind, Measured> known = new HashMap<>();

    /** The faster way, or null for a kind that was never met. */
    Way known(Kind kind) {
        Measured measured = known.get(kind);
        return measured == null ? null : measured.faster();
    }

    /** Measures a kind that was never met. What the stopwatch throws is handed on, and nothing is remembered. */
    Way measure(Kind kind, Stopwatch stopwatch) {
        Measured measured = new Measured(stopwatch.milliseconds(Way.OWN), stopwatch.milliseconds(Way.LIBRARY));
        known.put(kind, measured);
        return measured.faster();
    }

    /** Leaves a kind to the own kernel for good: it cannot be measured. */
    void leave(Kind kind) {
        known.put(kind, new Measured(Double.NaN, Double.POSITIVE_INFINITY));
    }

    /** One line for each product that was measured, sorted. */
    @Override
    public String toString() {
        return known.entrySet().stream()
                .map(e -> String.format(
                        Locale.ROOT,
                        "%s: own %.3f ms, library %.3f ms",
                        e.getKey(),
                        e.getValue().own(),
                        e.getValue().library()))
                .collect(Collectors.toCollection(TreeSet::new))
                .stream()
                .collect(Collectors.joining("\n"));
    }
}
