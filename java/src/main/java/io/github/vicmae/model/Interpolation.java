package io.github.vicmae.model;

import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.RegisterTokens;
import java.io.IOException;

/** Ways of bicubic interpolation (Keys 1981): each model wants that with which its authors used it on images of other sizes. */
enum Interpolation {
    /** Of the four next cells, border values repeated, a = -0.75: MAE's fine-tuning, and PyTorch's {@code interpolate(mode="bicubic")}. */
    PLAIN(-0.75, 0, false),
    /** The same on a grid that counts as 0.1 cells larger: DINOv2 without register tokens, which has guarded a division so since DINO. */
    OFFSET(-0.75, 0.1, false),
    /** With a filter as wide as the new cells, within the grid, a = -0.5: DINOv2 with register tokens, PyTorch's {@code antialias=True}. */
    ANTIALIASED(-0.5, 0, true);

    private final double a;
    private final double offset;
    private final boolean antialiased;

    Interpolation(double a, double offset, boolean antialiased) {
        this.a = a;
        this.offset = offset;
        this.antialiased = antialiased;
    }

    /**
     * How the authors of a checkpoint interpolate its positions. DINOv2 is known by its mask token, [1, dim], beside images.
     *
     * @param source under the published names
     */
    static Interpolation of(TensorSource source) throws IOException {
        String mask = "mask_token";
        String patches = "patch_embed.proj.weight";
        boolean dinov2 = source.contains(mask)
                && source.info(mask).shape().length == 2
                && source.contains(patches)
                && source.info(patches).shape().length == 4;
        return !dinov2 ? PLAIN : source.contains(RegisterTokens.NAME) ? ANTIALIASED : OFFSET;
    }

    /**
     * The weights of the old cells for each new one along one side.
     *
     * @param weights [to] rows, written
     * @return the first old cell that each row stands for; cells beyond the border are the border's
     */
    int[] weights(int from, int to, double[][] weights) {
        int[] first = new int[to];
        double scale = from / (to + offset);
        double width = antialiased ? Math.max(1, scale) : 1;
        for (int i = 0; i < to; i++) {
            double centre = (i + 0.5) * scale;
            if (antialiased) {
                first[i] = Math.max(0, (int) (centre - 2 * width + 0.5));
                int end = Math.min(from, (int) (centre + 2 * width + 0.5));
                weights[i] = normalised(first[i], end, centre, width);
            } else {
                int below = (int) Math.floor(centre - 0.5);
                double t = centre - 0.5 - below;
                first[i] = below - 1;
                weights[i] = new double[] {kernel(t + 1), kernel(t), kernel(1 - t), kernel(2 - t)};
            }
        }
        return first;
    }

    private double[] normalised(int first, int end, double centre, double width) {
        double[] row = new double[end - first];
        double sum = 0;
        for (int j = 0; j < row.length; j++) {
            row[j] = kernel(Math.abs(first + j + 0.5 - centre) / width);
            sum += row[j];
        }
        for (int j = 0; j < row.length; j++) {
            row[j] /= sum;
        }
        return row;
    }

    /** @param x distance in cells, at least 0 */
    private double kernel(double x) {
        if (x < 1) {
            return ((a + 2) * x - (a + 3)) * x * x + 1;
        }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
    }
}
