package io.github.vicmae.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The implementation that is measured. */
enum Implementation {
    /** This library's kernels; a whole step's products by the faster of them and cuBLAS on a card, as in training. */
    VICMAE,
    /** The same result in more passes of this library, with intermediate results in memory. */
    UNFUSED,
    /** cuBLAS through JCublas, with this library's kernels for what follows a product. */
    CUBLAS,
    /** cuDNN 8 through JCudnn 11.7. */
    CUDNN,
    /** libtorch through DJL, on the CPU. */
    DJL,
    /** ONNX Runtime through its Java API, on the CPU. */
    ONNX;

    static Implementation of(String name) {
        return Arrays.stream(values())
                .filter(i -> i.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no implementation '" + name + "': use "
                        + List.of(values()).stream()
                                .map(Implementation::toString)
                                .collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
