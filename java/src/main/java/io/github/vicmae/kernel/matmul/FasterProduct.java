package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Whether this project's kernel or the vendor's library is faster for a product: timed when its shape first occurs, then remembered. */
final class FasterProduct {
    /** The library must be faster by this factor, so that noise does not decide. */
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

    /** Times a product whose results go to memory of its own. */
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

    /** The faster way, or null for a kind that has not been timed. */
    Way known(Kind kind) {
        Measured measured = known.get(kind);
        return measured == null ? null : measured.faster();
    }

    /** Times a kind. If the stopwatch throws, the exception is passed on and nothing is remembered. */
    Way measure(Kind kind, Stopwatch stopwatch) {
        Measured measured = new Measured(stopwatch.milliseconds(Way.OWN), stopwatch.milliseconds(Way.LIBRARY));
        known.put(kind, measured);
        return measured.faster();
    }

    /** Always uses this project's kernel for a kind that cannot be timed. */
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
