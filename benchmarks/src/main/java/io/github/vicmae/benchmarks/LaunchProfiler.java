package io.github.vicmae.benchmarks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/** Reports to JMH what {@link KernelBenchmark} measured beside the latency. */
public final class LaunchProfiler implements InternalProfiler {
    /** For JMH. */
    public LaunchProfiler() {}

    @Override
    public String getDescription() {
        return "Submit time, device time, heap and limits of the kernels' benchmarks";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        Measured.take();
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        List<ScalarResult> results = new ArrayList<>();
        Measured.take()
                .forEach(
                        (name, value) -> results.add(new ScalarResult(name, value, unit(name), AggregationPolicy.AVG)));
        return results;
    }

    private static String unit(String name) {
        return switch (name) {
            case Measured.SUBMIT, Measured.DEVICE -> "s";
            case Measured.HEAP, Measured.BYTES, Measured.MEMORY -> "B";
            case Measured.COPY -> "B/s";
            case Measured.PRODUCT -> "flop/s";
            default -> "flop";
        };
    }
}
