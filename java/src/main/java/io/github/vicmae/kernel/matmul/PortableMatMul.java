package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;

/** Matrix products in ordinary arithmetic (cuda/matmul.cu), for all types and layouts, on every device. */
final class PortableMatMul {
    private static final int THREADS = 256;

    private final Stream stream;
    private final Kernel floats;
    private final Kernel bf16;
    private final Kernel bf16ToFloat;
    // The tile of C that a block computes.
    private final int tileRows;
    private final int tileColumns;

    PortableMatMul(Stream stream) {
        this.stream = stream;
        floats = stream.device().kernel("matmul", "matmul", "ppppppiiiiiii");
        bf16 = stream.device().kernel("matmul", "matmul_bf16", "ppppppiiiiiii");
        bf16ToFloat = stream.device().kernel("matmul", "matmul_bf16_to_float", "ppppppiiiiiii");
        boolean cpu = stream.device().kind() == Device.Kind.CPU;
        tileRows = cpu ? 96 : 128;
        tileColumns = cpu ? 64 : 128;
    }

    /** See {@link MatMul#multiply}; the shapes are checked. */
    void multiply(Product p) {
        int tiles = Math.multiplyExact((p.m() + tileRows - 1) / tileRows, (p.n() + tileColumns - 1) / tileColumns);
        Kernel kernel = p.a().dtype() == DType.F32 ? floats : p.c().dtype() == DType.F32 ? bf16ToFloat : bf16;
        stream.begin(kernel)
                .arg(p.c())
                .arg(p.a())
                .arg(p.b())
                .argOrNull(p.bias())
                .argOrNull(p.other())
                .argOrNull(p.factors());
        stream.arg(p.m()).arg(p.n()).arg(p.k());
        stream.arg(p.transA() ? 1 : 0)
                .arg(p.transB() ? 1 : 0)
                .arg(p.epilogue().ordinal())
                .arg(p.rowsPerFactor());
        stream.launch(tiles, THREADS);
    }
}
