package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Matrix products of bfloat16 on a card's matrix units (cuda/matmul_mma.cu). */
final class MmaMatMul {
    private static final String[] LAYOUTS = {"nt", "nn", "tn"};
    private static final int FINISH_THREADS = 256;
    /** Floats that a thread of the second stage adds up at once. */
    private static final int LANES = 4;

    private final Stream stream;
    private final Kernel[][] kernels = new Kernel[LAYOUTS.length][MatMulTile.values().length];
    private final Kernel finish;

    MmaMatMul(Stream stream) {
        this.stream = stream;
        for (int i = 0; i < LAYOUTS.length; i++) {
            for (MatMulTile tile : MatMulTile.values()) {
                String name = "matmul_mma_" + LAYOUTS[i] + "_" + tile.suffix();
                kernels[i][tile.ordinal()] = stream.device().kernel("matmul_mma", name, "pppppppiiiiiiii");
            }
        }
        finish = stream.device().kernel("matmul_mma", "matmul_mma_finish", "pppiiii");
    }

    /** Whether there is a kernel for it. Both operands transposed occurs in no layer, and has none. */
    static boolean supports(Product product) {
        return product.a().dtype() == DType.BF16 && !(product.transA() && product.transB());
    }

    /** The plan for a product. */
    MatMulPlan plan(Product p) {
        Tensor scratch = p.scratch();
        boolean cut = scratch != null && scratch.dtype() == DType.F32 && canCut(p.epilogue(), p.c().dtype());
        return MatMulPlan.choose(
                stream.device().processors(),
                p.m(),
                p.n(),
                p.k(),
                !isAligned(p),
                p.epilogue() == Epilogue.BIAS_GELU || p.epilogue() == Epilogue.GELU_GRADIENT,
                cut ? scratch.size() : 0);
    }

    /** Whether partial sums can be added up in a second stage: it knows no bias of columns and no other tensor. */
    static boolean canCut(Epilogue epilogue, DType result) {
        return result == DType.F32 && (epilogue == Epilogue.WRITE || epilogue.accumulates());
    }

    /** Whether lines of both operands can be copied 16 bytes at a time. */
    private static boolean isAligned(Product p) {
        return isAligned(p.a(), p.widthOfA()) && isAligned(p.b(), p.widthOfB());
    }

    private static boolean isAligned(Tensor operand, int width) {
        return width % 8 == 0 && operand.address() % 16 == 0;
    }

    /** See {@link MatMul#multiply}; the shapes are checked, and {@link #supports} says yes. */
    void multiply(MatMulPlan plan, Product p) {
        boolean aligned = isAligned(p);
        MatMulTile tile = plan.tile();
        if (!aligned && tile != MatMulTile.SMALL) {
            throw new IllegalArgumentException(
                    tile + " tiles want operands whose rows are multiples of 8 elements and begin at"
                            + " multiples of 16 bytes, but were given " + p.a() + " and " + p.b() + "; use SMALL ones");
        }
        boolean cut = plan.shares() > 1;
        int layout = p.transA() ? 2 : p.transB() ? 0 : 1;
        stream.begin(kernels[layout][tile.ordinal()]).arg(p.c()).arg(p.a()).arg(p.b());
        stream.argOrNull(p.bias()).argOrNull(p.other()).argOrNull(p.factors());
        stream.argOrNull(cut ? p.scratch() : null);
        stream.arg(p.m()).arg(p.n()).arg(p.k()).arg(plan.depth());
        stream.arg(p.epilogue().ordinal())
                .arg(p.rowsPerFactor())
                .arg(p.c().dtype() == DType.BF16 ? 1 : 0)
                .arg(aligned ? 1 : 0);
        stream.launch(tile.count(p.m(), p.n()), plan.shares(), 1, tile.threads, tile.sharedBytes);
        if (cut) {
            int perBlock = FINISH_THREADS * LANES;
            stream.begin(finish).arg(p.c()).argOrNull(p.bias()).arg(p.scratch());
            stream.arg(p.m()).arg(p.n()).arg(plan.shares()).arg(p.epilogue().ordinal());
            stream.launch(Math.toIntExact((p.c().size() + perBlock - 1) / perBlock), FINISH_THREADS);
        }
    }
}
