package io.github.vicmae.kernel.contrastive;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** InfoNCE in tiles of logits that stay in registers and shared memory: floats (cuda/info_nce.cu) or tensor cores (cuda/info_nce_mma*.cu). */
final class InfoNceTiles {
    private static final int THREADS = 256;
    /** Parts into which the inner side of the gradient is cut at most. */
    private static final int PARTS = 16;
    /** From so many jobs of the forward pass on a tensor-core block takes several, so that its rows stay where they are. */
    private static final int FORWARD_BLOCKS = 528;

    private static final int JOBS_A_BLOCK = 4;

    /**
     * The gradient on tensor cores for rows of up to {@code width} columns; struct Layout in the source.
     *
     * @param rows of a job
     * @param columns of an inner tile
     * @param stages inner tiles in shared memory at once
     * @param exchange bytes of shared memory for coefficients
     */
    private record Layout(Kernel kernel, int width, int threads, int rows, int columns, int stages, int exchange) {
        int sharedBytes(int padded) {
            return 2 * padded * (rows + stages * columns) + exchange + stages * 3 * 4 * columns;
        }
    }

    private final Stream stream;
    private final InfoNceTuning tuning;
    private final boolean tensorCores;
    private final Kernel forward;
    /** In floats alone. */
    private final Kernel gradient;
    /** On tensor cores alone, by width. */
    private final Layout[] layouts;

    private final int tile;
    private final int sharedBytes;

    InfoNceTiles(Stream stream, Precision precision, InfoNceTuning tuning) {
        this.stream = stream;
        this.tuning = tuning;
        tensorCores = precision == Precision.BF16;
        Device device = stream.device();
        boolean cpu = device.kind() == Device.Kind.CPU;
        tile = cpu ? 96 : 128; // TILE in the sources
        if (tensorCores) {
            String signature = "ppppppppppppiiiiiiiffii";
            forward = device.kernel("info_nce_mma", "info_nce_forward_mma", "ppppppppppppiiiiifiii");
            gradient = null;
            String module = "info_nce_mma_gradient";
            layouts = new Layout[] {
                new Layout(device.kernel(module, "info_nce_gradient_mma_128", signature), 128, 128, 128, 64, 2, 0),
                new Layout(device.kernel(module, "info_nce_gradient_mma_256", signature), 256, 128, 64, 32, 2, 4096),
                new Layout(device.kernel(module, "info_nce_gradient_mma_512", signature), 512, 128, 32, 32, 2, 2048),
                new Layout(device.kernel(module, "info_nce_gradient_mma_1024", signature), 1024, 256, 32, 16, 1, 1024)
            };
            sharedBytes = 4 * 2 * tile * 64; // two stages of two chunks
        } else {
            forward = device.kernel("info_nce", "info_nce_forward", "ppppppppppiiiifiii");
            gradient = device.kernel("info_nce", "info_nce_gradient", "ppppppppppiiiiiiffii");
            layouts = new Layout[0];
            // struct Tile: two sides, two operands [DEPTH][ROW], the product [TILE][ROW], and the columns' partial
            // sums.
            int row = cpu ? tile : tile + 4;
            int depth = cpu ? 48 : 16;
            int columnParts = cpu ? 1 : 8;
            sharedBytes = 4 * (6 * tile + 2 * depth * row + tile * row + 2 * columnParts * tile);
        }
    }

    /** Floats of scratch that both passes need. */
    long scratchSize(InfoNceShape shape) {
        int strip = strip(shape);
        int strips = pieces(shape.rows(), strip);
        long sums = (2L * pieces(shape.columns(), strip) + 1) * shape.rows() + strips;
        long rowSums = (long) parts(shape, shape.rows(), shape.columns()) * shape.rows() * stride(shape);
        long columnSums = shape.symmetric()
                ? 0
                : (long) parts(shape, shape.columns(), shape.rows()) * shape.columns() * stride(shape);
        return Math.max(sums, rowSums + columnSums);
    }

    private static int pieces(int count, int size) {
        return (count + size - 1) / size;
    }

    /** Rows and columns of a job of the forward pass: whole tiles. */
    private int strip(InfoNceShape shape) {
        int tiles = pieces(Math.max(shape.rows(), shape.columns()), tile);
        return tile * pieces(tiles, tuning.strips());
    }

    /** A row's length in the gradient's partial sums: whole vectors. */
    private static int stride(InfoNceShape shape) {
        return (shape.width() + 15) / 16 * 16;
    }

    /** In how many parts the inner side is cut, each summed by a block of its own: enough blocks even where there are few rows. */
    private int parts(InfoNceShape shape, int outer, int inner) {
        int blocks = shape.symmetric() ? tuning.gradientBlocks() : tuning.gradientBlocks() / 2;
        Layout layout = tensorCores ? layout(shape) : null;
        int rows = tensorCores ? layout.rows : tile;
        int columns = tensorCores ? layout.columns : tile;
        int wanted = Math.min(blocks / pieces(outer, rows), pieces(inner, columns));
        return Math.max(1, Math.min(wanted, PARTS));
    }

    private Layout layout(InfoNceShape shape) {
        int i = 0;
        while (layouts[i].width < shape.width()) {
            i++;
        }
        return layouts[i];
    }

    /** The loss. Rows p and columns z are unit rows, or as they come if {@code raw}; then the state's unit rows are written too. */
    void forward(Tensor loss, InfoNceState state, InfoNcePairs pairs, Tensor p, Tensor z, boolean raw, Tensor scratch) {
        InfoNceShape shape = state.shape();
        int strip = strip(shape);
        int rowStrips = pieces(shape.rows(), strip);
        int jobs = shape.symmetric() ? rowStrips * (rowStrips + 1) / 2 : rowStrips * pieces(shape.columns(), strip);
        stream.begin(forward).arg(loss).arg(state.statistics());
        side(state.unitRows(), state.inverseNormRows(), state.roundedRows());
        side(state.unitColumns(), state.inverseNormColumns(), state.roundedColumns());
        stream.arg(scratch).arg(p).arg(z).arg(pairs.table());
        stream.arg(shape.rows()).arg(shape.columns()).arg(shape.width());
        if (tensorCores) {
            stream.arg(shape.paddedWidth());
        }
        stream.arg(strip).arg(1 / shape.temperature());
        stream.arg(shape.bounded() ? 1 : 0).arg(shape.symmetric() ? 1 : 0).arg(raw ? 1 : 0);
        int together = tensorCores ? Math.max(1, Math.min(jobs / FORWARD_BLOCKS, JOBS_A_BLOCK)) : 1;
        stream.launch(pieces(jobs, together), 1, 1, THREADS, sharedBytes);
    }

    private void side(Tensor unit, Tensor inverseNorm, Tensor rounded) {
        stream.arg(unit).arg(inverseNorm);
        if (tensorCores) {
            stream.arg(rounded);
        }
    }

    /** The gradients; dz is any tensor in the symmetric form. */
    void backward(Tensor dx, Tensor dz, InfoNceState state, InfoNcePairs pairs, Tensor weight, Tensor scratch) {
        InfoNceShape shape = state.shape();
        int rowParts = parts(shape, shape.rows(), shape.columns());
        int columnParts = parts(shape, shape.columns(), shape.rows());
        Layout layout = tensorCores ? layout(shape) : null;
        int rows = tensorCores ? layout.rows : tile;
        stream.begin(tensorCores ? layout.kernel : gradient).arg(dx).arg(dz).arg(scratch);
        stream.arg(state.unitRows()).arg(state.unitColumns());
        if (tensorCores) {
            stream.arg(state.roundedRows()).arg(state.roundedColumns());
        }
        stream.arg(state.inverseNormRows()).arg(state.inverseNormColumns());
        stream.arg(state.statistics()).arg(weight).arg(pairs.table());
        stream.arg(shape.rows()).arg(shape.columns()).arg(shape.width());
        if (tensorCores) {
            stream.arg(shape.paddedWidth());
        }
        stream.arg(stride(shape)).arg(rowParts).arg(columnParts);
        stream.arg(1 / shape.temperature()).arg(1 / (shape.rows() * shape.temperature()));
        stream.arg(shape.bounded() ? 1 : 0).arg(shape.symmetric() ? 1 : 0);
        int jobs = pieces(shape.rows(), rows) * rowParts;
        if (!shape.symmetric()) {
            jobs += pieces(shape.columns(), rows) * columnParts;
        }
        int shared = tensorCores ? layout.sharedBytes(shape.paddedWidth()) : sharedBytes;
        stream.launch(jobs, 1, 1, tensorCores ? layout.threads : THREADS, shared);
    }
}
