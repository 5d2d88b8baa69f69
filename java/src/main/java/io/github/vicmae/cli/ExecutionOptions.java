package io.github.vicmae.cli;

import io.github.vicmae.device.Precision;
import picocli.CommandLine.Option;

/** The options that say how a model is computed. */
final class ExecutionOptions {
    @Option(
            names = "--precision",
            paramLabel = "fp32|bf16",
            defaultValue = "fp32",
            description =
                    "bf16 stores activations and the products' copy of the weights in bfloat16; sums, the residual stream, parameters"
                            + " and the optimizer stay floats (default: ${DEFAULT-VALUE})")
    private String precision;

    @Option(
            names = "--recompute",
            description =
                    "compute each block's activations anew in the backward pass: less memory, more time, the same results")
    boolean recompute;

    Precision precision() {
        return Precision.of(precision);
    }
}
