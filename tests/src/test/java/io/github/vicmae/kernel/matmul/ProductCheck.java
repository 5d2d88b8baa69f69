package io.github.vicmae.kernel.matmul;

import static io.github.vicmae.kernel.KernelFixture.doubles;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.oracle.EpilogueOracle;
import io.github.vicmae.kernel.oracle.MatMulOracle;
import java.util.Arrays;
import java.util.List;

/** One matrix product with its epilogue, on random operands, against the oracle. */
record ProductCheck(
        Epilogue epilogue, DType operands, DType result, boolean transA, boolean transB, int m, int n, int k) {

    /** Makes the product that is to be checked. */
    interface Maker {
        void make(Product product);
    }

    /** The types that C can have. */
    static List<DType> results(Epilogue epilogue, DType operands) {
        boolean sums = epilogue.accumulates() || epilogue.isResidual();
        return operands == DType.F32 || sums ? List.of(DType.F32) : List.of(DType.F32, DType.BF16);
    }

    /** Fails unless C, and what else the epilogue writes, is right. Returns what C holds. */
    float[] run(KernelFixture fixture, String how, Maker maker) {
        float[] a = fixture.normal(m * k, 1);
        float[] b = fixture.normal(k * n, 1);
        float[] old = fixture.normal(m * n, 1);
        float[] bias = fixture.normal(epilogue == Epilogue.ADD_ROW_SUMS ? m : n, 1);
        float[] other = fixture.normal(m * n, 1);
        Tensor at = transA ? fixture.tensor(operands, a, k, m) : fixture.tensor(operands, a, m, k);
        Tensor bt = transB ? fixture.tensor(operands, b, n, k) : fixture.tensor(operands, b, k, n);
        Tensor ct = epilogue.accumulates() ? fixture.tensor(result, old, m, n) : fixture.unwritten(result, m, n);
        Tensor biasT = epilogue.hasBias() ? fixture.tensor(bias, bias.length) : null;
        Tensor otherT = !epilogue.hasOther()
                ? null
                : epilogue == Epilogue.BIAS_GELU
                        ? fixture.unwritten(result, m, n)
                        : fixture.tensor(result, other, m, n);

        // A factor for each row, or for all three of three.
        int rowsPerFactor = m % 3 == 0 ? 3 : 1;
        float[] factors = fixture.normal(m / rowsPerFactor, 1);

        double[] expected = new double[m * n];
        MatMulOracle.multiply(expected, doubles(a), doubles(b), transA, transB, m, n, k);
        double[] expectedOther = doubles(other);
        double[] rowFactors = new double[m];
        Arrays.setAll(rowFactors, i -> factors[i / rowsPerFactor]);
        EpilogueOracle.finish(epilogue, expected, doubles(old), doubles(bias), expectedOther, rowFactors, n);

        Product product = new Product().of(at, transA, bt, transB, m, n, k).to(epilogue, ct, biasT, otherT);
        if (epilogue == Epilogue.SCALED_RESIDUAL) {
            product.factors(fixture.tensor(factors, factors.length), rowsPerFactor);
        }
        maker.make(product);
        String what = how + " " + this;
        // A single result may cancel to almost nothing. A bfloat16 is within 2^-8.
        double terms = Math.sqrt((double) m * n * (k + 1));
        double limit = result == DType.F32 ? 1e-6 : 4e-3;
        // gelu.cuh: the normal distribution's tail is right to 5e-8, which is much of a GELU that is far to the left.
        double tail = epilogue == Epilogue.BIAS_GELU ? 5e-8 / limit * KernelFixture.norm(expectedOther) : 0;
        fixture.assertClose(what, expected, ct, limit, result == DType.F32 ? terms : tail);
        if (epilogue == Epilogue.BIAS_GELU) {
            fixture.assertClose(what + ": other", expectedOther, otherT, limit, result == DType.F32 ? terms : 0);
        }
        if (epilogue == Epilogue.ADD_ROW_SUMS) {
            double[] sums = doubles(bias);
            EpilogueOracle.addRowSums(sums, doubles(a), m, k);
            fixture.assertClose(what + ": row sums", sums, biasT, 1e-6, Math.sqrt((double) m * (k + 1)));
        }
        return fixture.stream().read(ct);
    }
}
