package io.github.vicmae.device.cpu;

import io.github.vicmae.device.DeviceException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Who makes matrix products on the CPU (cuda/cpu/gemm.h). The ordinal is what native code is given. */
enum ProductEngine {
    /** The best for each product. */
    ANY,
    /** Own vector code, bfloat16 only: always there. */
    PLAIN,
    /** OpenBLAS; bfloat16 operands are converted to floats. */
    BLAS,
    /** AVX512-BF16, bfloat16 only. */
    AVX512BF16,
    /** AMX; floats as the sum of three bfloat16. */
    AMX,
    /** Own fused multiply-adds, for floats and weights that were packed once; other products as with BLAS and PLAIN. */
    FMA;

    private static final String PROPERTY = "vicmae.gemm";

    private boolean isIn(int found) {
        return (found >> ordinal() & 1) != 0;
    }

    private String title() {
        return switch (this) {
            case ANY, PLAIN -> "own vector code";
            case BLAS -> "OpenBLAS";
            case AVX512BF16 -> "AVX512-BF16";
            case AMX -> "AMX";
            case FMA -> "own fused multiply-adds";
        };
    }

    /**
     * The engine that the system property {@code vicmae.gemm} names, or ANY.
     *
     * @param found a bit for each engine that is there, by ordinal
     * @throws DeviceException if it names none, or one that is not there
     */
    static ProductEngine chosen(int found, OpenBlas blas) {
        String wanted = System.getProperty(PROPERTY);
        return wanted == null ? ANY : named(wanted, found, blas);
    }

    static ProductEngine named(String wanted, int found, OpenBlas blas) {
        for (ProductEngine engine : values()) {
            if (engine != ANY && engine.option().equals(wanted)) {
                if (engine.isIn(found)) {
                    return engine;
                }
                throw new DeviceException("Matrix products by " + engine.title() + " were asked for (-D" + PROPERTY
                        + "=" + wanted + "), but "
                        + (engine == BLAS
                                ? blas.state()
                                : "this processor, its system or this build of the kernels has no such instructions")
                        + "; leave the property out");
            }
        }
        throw new DeviceException("-D" + PROPERTY + "=" + wanted + " names no engine; choose one of "
                + Arrays.stream(values())
                        .filter(e -> e.isIn(found))
                        .map(ProductEngine::option)
                        .collect(Collectors.joining(", ")));
    }

    private String option() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What makes fp32 and bf16 products, in words. */
    String description(int found, OpenBlas blas) {
        String fp32 = fp32(found);
        String bf16 = bf16(found);
        String products = fp32.equals(bf16)
                ? "fp32 and bf16 matrix products by " + fp32
                : "fp32 matrix products by " + fp32 + ", bf16 by " + bf16;
        return BLAS.isIn(found) ? products : products + "; " + blas.state();
    }

    private String fp32(int found) {
        if (this == AMX || this == ANY && AMX.isIn(found)) {
            return AMX.title();
        }
        return this != PLAIN && BLAS.isIn(found) ? BLAS.title() : "an own kernel";
    }

    private String bf16(int found) {
        if (this == FMA) {
            return PLAIN.title();
        }
        if (this != ANY) {
            return title();
        }
        return (AMX.isIn(found) ? AMX : AVX512BF16.isIn(found) ? AVX512BF16 : BLAS.isIn(found) ? BLAS : PLAIN).title();
    }
}
