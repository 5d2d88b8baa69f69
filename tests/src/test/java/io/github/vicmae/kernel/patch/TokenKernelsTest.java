package io.github.vicmae.kernel.patch;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Masking, patch embedding and the decoder's tokens: everything that moves rows about. */
class TokenKernelsTest {
    /** samples, patches a row, patches a column, kept, width, channels, patch side. */
    private static final int[][] SHAPES = {
        {1, 1, 1, 1, 1, 1, 1},
        {3, 2, 3, 2, 31, 3, 4},
        {2, 7, 5, 33, 33, 4, 3},
        {5, 14, 14, 49, 64, 3, 2},
        {2, 1, 31, 3, 197, 2, 5}
    };

    private static int[] stableRanks(float[] noise, int from, int patches) {
        Integer[] order = IntStream.range(0, patches).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparingDouble(l -> noise[from + l])); // stable
        int[] rank = new int[patches];
        for (int r = 0; r < patches; r++) {
            rank[order[r]] = r;
        }
        return rank;
    }

    private static int[] restore(float[] noise, int samples, int patches) {
        int[] all = new int[noise.length];
        for (int n = 0; n < samples; n++) {
            System.arraycopy(stableRanks(noise, n * patches, patches), 0, all, n * patches, patches);
        }
        return all;
    }

    private static int[] keep(int[] restore, int samples, int patches, int kept) {
        int[] keep = new int[samples * kept];
        for (int n = 0; n < samples; n++) {
            for (int l = 0; l < patches; l++) {
                if (restore[n * patches + l] < kept) {
                    keep[n * kept + restore[n * patches + l]] = l;
                }
            }
        }
        return keep;
    }

    private static float[] noise(KernelFixture fixture, int size) {
        float[] noise = new float[size];
        for (int i = 0; i < size; i++) {
            noise[i] = fixture.random().nextInt(50) / 50f; // with ties
        }
        return noise;
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void ranksAreThoseOfAStableSort(String device) {
        for (int[] s : SHAPES) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                int patches = s[1] * s[2];
                float[] noise = noise(fixture, s[0] * patches);
                int[] expected = restore(noise, s[0], patches);
                Tensor restore = fixture.tensor(new int[noise.length], s[0], patches);
                Tensor keep = fixture.tensor(new int[s[0] * s[3]], s[0], s[3]);
                new MaskingKernels(fixture.stream())
                        .rank(restore, keep, fixture.tensor(noise, s[0], patches), s[0], patches, s[3]);
                assertArrayEquals(expected, fixture.stream().readInts(restore));
                assertArrayEquals(
                        keep(expected, s[0], patches, s[3]), fixture.stream().readInts(keep));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void noiseThatIsNotANumberStillGivesEachPatchARank(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            float[] noise = {Float.NaN, 0.5f, Float.NaN, -0f, 0f, Float.NEGATIVE_INFINITY};
            Tensor restore = fixture.tensor(new int[6], 1, 6);
            Tensor keep = fixture.tensor(new int[6], 1, 6);
            new MaskingKernels(fixture.stream()).rank(restore, keep, fixture.tensor(noise, 1, 6), 1, 6, 6);
            assertArrayEquals(new int[] {4, 3, 5, 1, 2, 0}, fixture.stream().readInts(restore));
            assertArrayEquals(new int[] {5, 3, 4, 1, 0, 2}, fixture.stream().readInts(keep));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void decoderTokensMatchTheDefinition(String device) {
        for (int[] s : SHAPES) {
            for (DType type : KernelFixture.ACTIVATIONS) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    PatchGrid grid = PatchGrid.ofImage(s[1] * s[6], s[2] * s[6], s[6]);
                    scatterAndGather(fixture, type, grid, s[0], s[3], s[4]);
                }
            }
        }
    }

    private static void scatterAndGather(
            KernelFixture fixture, DType type, PatchGrid grid, int samples, int kept, int width) {
        int patches = grid.patches();
        int[] restore = restore(noise(fixture, samples * patches), samples, patches);
        int[] keep = keep(restore, samples, patches, kept);
        float[] embedded = fixture.normal(samples * (1 + kept) * width, 1);
        Tensor embeddedTensor = fixture.tensor(type, embedded, samples, 1 + kept, width);
        float[] maskToken = fixture.normal(width, 1);
        float[] positions = fixture.normal((1 + patches) * width, 1);
        float[] dout = fixture.normal(samples * (1 + patches) * width, 1);
        float[] dmask0 = fixture.normal(width, 1);
        double[] out = new double[dout.length];
        double[] dembedded = new double[embedded.length];
        double[] dmask = doubles(dmask0);
        for (int n = 0; n < samples; n++) {
            for (int t = 0; t <= patches; t++) {
                int rank = t == 0 ? -1 : restore[n * patches + t - 1];
                for (int i = 0; i < width; i++) {
                    int to = (n * (1 + patches) + t) * width + i;
                    int from = (n * (1 + kept) + 1 + rank) * width + i;
                    out[to] = (double) (rank < kept ? embedded[from] : maskToken[i]) + positions[t * width + i];
                    if (rank < kept) {
                        dembedded[from] = dout[to];
                    } else {
                        dmask[i] += dout[to];
                    }
                }
            }
        }
        Tensor restoreTensor = fixture.tensor(restore, samples, patches);
        TokenKernels kernels = new TokenKernels(fixture.stream());
        Tensor outTensor = fixture.unwritten(samples, 1 + patches, width);
        kernels.scatter(
                outTensor,
                embeddedTensor,
                fixture.tensor(maskToken, width),
                fixture.tensor(positions, 1 + patches, width),
                restoreTensor,
                grid,
                samples,
                kept,
                width);
        fixture.assertClose("out", out, outTensor, 1e-6, Math.sqrt(out.length));

        Tensor dembeddedTensor = fixture.unwritten(type, samples, 1 + kept, width);
        Tensor dmaskTensor = fixture.tensor(dmask0, width);
        kernels.gather(
                dembeddedTensor,
                dmaskTensor,
                fixture.tensor(dout, samples, 1 + patches, width),
                restoreTensor,
                fixture.tensor(keep, samples, kept),
                grid,
                samples,
                kept,
                width,
                fixture.unwritten(TokenKernels.scratchSize(fixture.stream(), width)));
        fixture.assertClose("dembedded", dembedded, dembeddedTensor, 0);
        fixture.assertClose("dmaskToken", dmask, dmaskTensor, 1e-5, Math.sqrt(dout.length));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void patchEmbeddingMatchesTheDefinition(String device) {
        for (int[] s : SHAPES) {
            for (boolean masked : new boolean[] {true, false}) {
                for (DType type : KernelFixture.ACTIVATIONS) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        embed(fixture, type, s, masked);
                    }
                }
            }
        }
    }

    private static void embed(KernelFixture fixture, DType type, int[] s, boolean masked) {
        int samples = s[0];
        int columns = s[2];
        int patches = s[1] * columns;
        int kept = masked ? s[3] : patches;
        int width = s[4];
        int channels = s[5];
        int patch = s[6];
        PatchGrid grid = PatchGrid.ofImage(s[1] * patch, columns * patch, patch);
        int h = s[1] * patch;
        int w = columns * patch;
        int[] keep = masked
                ? keep(restore(noise(fixture, samples * patches), samples, patches), samples, patches, kept)
                : IntStream.range(0, samples * patches).map(i -> i % patches).toArray();
        float[] images = fixture.normal(samples * channels * h * w, 1);
        int size = channels * patch * patch;
        double[] expected = new double[samples * kept * size];
        for (int row = 0; row < samples * kept; row++) {
            int n = row / kept;
            for (int c = 0; c < channels; c++) {
                for (int y = 0; y < patch; y++) {
                    for (int x = 0; x < patch; x++) {
                        int iy = keep[row] / columns * patch + y;
                        int ix = keep[row] % columns * patch + x;
                        expected[row * size + (c * patch + y) * patch + x] =
                                images[((n * channels + c) * h + iy) * w + ix];
                    }
                }
            }
        }
        PatchEmbedKernels kernels = new PatchEmbedKernels(fixture.stream());
        Tensor keepTensor = masked ? fixture.tensor(keep, samples, kept) : null;
        Tensor gathered = fixture.unwritten(type, samples * kept, size);
        kernels.gather(
                gathered, fixture.tensor(images, samples, channels, h, w), keepTensor, grid, samples, channels, kept);
        fixture.assertClose("patches", expected, gathered, 0);
        assemble(fixture, type, kernels, keep, keepTensor, grid, samples, kept, width);
    }

    private static void assemble(
            KernelFixture fixture,
            DType type,
            PatchEmbedKernels kernels,
            int[] keep,
            Tensor keepTensor,
            PatchGrid grid,
            int samples,
            int kept,
            int width) {
        int patches = grid.patches();
        float[] embedded = fixture.normal(samples * kept * width, 1);
        Tensor embeddedTensor = fixture.tensor(type, embedded, samples * kept, width);
        float[] bias = fixture.normal(width, 1);
        float[] cls = fixture.normal(width, 1);
        float[] positions = fixture.normal((1 + patches) * width, 1);
        float[] dtokens = fixture.normal(samples * (1 + kept) * width, 1);
        double[] tokens = new double[dtokens.length];
        double[] dembedded = new double[embedded.length];
        double[] dcls = new double[width];
        double[] dbias = new double[width];
        for (int n = 0; n < samples; n++) {
            for (int k = -1; k < kept; k++) {
                for (int i = 0; i < width; i++) {
                    int to = (n * (1 + kept) + 1 + k) * width + i;
                    int from = (n * kept + k) * width + i;
                    if (k < 0) {
                        tokens[to] = (double) cls[i] + positions[i];
                        dcls[i] += dtokens[to];
                    } else {
                        tokens[to] =
                                (double) embedded[from] + bias[i] + positions[(1 + keep[n * kept + k]) * width + i];
                        dembedded[from] = dtokens[to];
                        dbias[i] += dtokens[to];
                    }
                }
            }
        }
        Tensor tokensTensor = fixture.unwritten(samples, 1 + kept, width);
        kernels.assemble(
                tokensTensor,
                embeddedTensor,
                fixture.tensor(bias, width),
                fixture.tensor(cls, width),
                fixture.tensor(positions, 1 + patches, width),
                keepTensor,
                grid,
                samples,
                kept,
                width);
        fixture.assertClose("tokens", tokens, tokensTensor, 1e-6, Math.sqrt(tokens.length));
        Tensor dembeddedTensor = fixture.unwritten(type, samples * kept, width);
        Tensor dclsTensor = fixture.tensor(new float[width], width);
        Tensor dbiasTensor = fixture.tensor(new float[width], width);
        kernels.backward(
                dembeddedTensor,
                dclsTensor,
                dbiasTensor,
                fixture.tensor(dtokens, samples, 1 + kept, width),
                grid,
                samples,
                kept,
                width,
                fixture.unwritten(PatchEmbedKernels.scratchSize(fixture.stream(), width)));
        fixture.assertClose("dembedded", dembedded, dembeddedTensor, 0);
        fixture.assertClose("dcls", dcls, dclsTensor, 1e-5, Math.sqrt(samples * width));
        fixture.assertClose("dbias", dbias, dbiasTensor, 1e-5, Math.sqrt(samples * kept * width));
    }
}
