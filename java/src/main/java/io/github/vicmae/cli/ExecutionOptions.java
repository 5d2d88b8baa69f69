package io.github.vicmae.cli;

import io.github.vicmae.device.Precision;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say how a model is computed. */
final class ExecutionOptions {
    @Mixin
    private PrecisionOption precision;

    @Option(
            names = "--recompute",
            description =
                    "recompute each block's activations in the backward pass: less memory, more time, the same results")
    boolean recompute;

    Precision precision() {
        return precision.value();
    }
}
