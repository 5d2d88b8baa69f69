package io.github.vicmae.cli;

import io.github.vicmae.device.Precision;
import picocli.CommandLine.Option;

/** The precision of activations and products. */
final class PrecisionOption {
    @Option(
            names = "--precision",
            paramLabel = "fp32|bf16",
            defaultValue = "fp32",
            description =
                    "bf16 stores activations and the products' copy of the weights in bfloat16; sums, the residual stream, parameters"
                            + " and the optimizer stay floats (default: ${DEFAULT-VALUE})")
    private String precision;

    Precision value() {
        return Precision.of(precision);
    }
}
