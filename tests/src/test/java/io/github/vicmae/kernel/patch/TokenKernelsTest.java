package io.github.vicmae.kernel.patch;

import static io.github.vicmae.kernel.KernelFixture.doubles;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Masking and the decoder's tokens. */
class TokenKernelsTest {
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void ranksAreThoseOfAStableSort(String device) {
        for (PatchForms.Form form : PatchForms.ALL) {
            try (KernelFixture fixture = new KernelFixture(device)) {
                int samples = form.samples();
                int patches = form.grid().patches();
                int kept = form.kept();
                float[] noise = PatchForms.noise(fixture, samples * patches);
                int[] expected = PatchForms.restore(noise, samples, patches);
                Tensor restore = fixture.tensor(new int[noise.length], samples, patches);
                Tensor keep = fixture.tensor(new int[samples * kept], samples, kept);
                Tensor nt = fixture.tensor(noise, samples, patches);
                new MaskingKernels(fixture.stream()).rank(restore, keep, nt, samples, patches, kept);
                assertArrayEquals(expected, fixture.stream().readInts(restore));
                assertArrayEquals(
                        PatchForms.keep(expected, samples, patches, kept),
                        fixture.stream().readInts(keep));
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
        for (PatchForms.Form form : PatchForms.ALL) {
            for (DType type : KernelFixture.ACTIVATIONS) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    scatterAndGather(fixture, type, form, form.grid(), false);
                    if (form.grid().classToken()) {
                        scatterAndGather(fixture, type, form, form.grid(), true);
                        scatterAndGather(fixture, type, form, withoutClassToken(form.grid()), true);
                    }
                }
            }
        }
    }

    private static PatchGrid withoutClassToken(PatchGrid g) {
        return new PatchGrid(g.frames(), g.height(), g.width(), g.tube(), g.patch(), false);
    }

    /**
     * @param encoded the encoder's grid
     * @param starts whether a class token starts in the decoder
     */
    private static void scatterAndGather(
            KernelFixture fixture, DType type, PatchForms.Form form, PatchGrid encoded, boolean starts) {
        PatchGrid grid = form.grid();
        int samples = form.samples();
        int patches = grid.patches();
        int kept = form.kept();
        int width = form.width();
        String at = (starts ? " with an own class token of " : " of ") + form;
        int[] restore = PatchForms.restore(PatchForms.noise(fixture, samples * patches), samples, patches);
        float[] embedded = fixture.normal(samples * encoded.tokens(kept) * width, 1);
        Tensor embeddedTensor = fixture.tensor(type, embedded, samples, encoded.tokens(kept), width);
        float[] maskToken = fixture.normal(width, 1);
        float[] cls = fixture.normal(width, 1);
        PatchForms.Tables positions = new PatchForms.Tables(fixture, form);
        float[] dout = fixture.normal(samples * grid.tokens() * width, 1);
        float[] dmask0 = fixture.normal(width, 1);
        float[] dcls0 = fixture.normal(width, 1);
        double[] out = new double[dout.length];
        double[] dembedded = new double[embedded.length];
        double[] dmask = doubles(dmask0);
        double[] dcls = doubles(dcls0);
        for (int n = 0; n < samples; n++) {
            for (int l = -grid.classTokens(); l < patches; l++) {
                int rank = l < 0 ? -1 : restore[n * patches + l];
                for (int i = 0; i < width; i++) {
                    int to = (n * grid.tokens() + grid.classTokens() + l) * width + i;
                    int from = (n * encoded.tokens(kept) + encoded.classTokens() + rank) * width + i;
                    double position = positions.at(l, i);
                    if (l < 0 && starts) {
                        out[to] = cls[i] + position;
                        dcls[i] += dout[to];
                    } else if (rank < kept) {
                        out[to] = embedded[from] + position;
                        dembedded[from] = dout[to];
                    } else {
                        out[to] = maskToken[i] + position;
                        dmask[i] += dout[to];
                    }
                }
            }
        }
        Tensor restoreTensor = fixture.tensor(restore, samples, patches);
        TokenKernels kernels = new TokenKernels(fixture.stream());
        Tensor outTensor = fixture.unwritten(samples, grid.tokens(), width);
        kernels.scatter(
                outTensor,
                embeddedTensor,
                fixture.tensor(maskToken, width),
                starts ? fixture.tensor(cls, width) : null,
                positions.tensors(fixture),
                restoreTensor,
                grid,
                encoded,
                samples,
                kept,
                width);
        fixture.assertClose("out" + at, out, outTensor, 1e-6, Math.sqrt(out.length));

        Tensor dembeddedTensor = fixture.unwritten(type, samples, encoded.tokens(kept), width);
        Tensor dmaskTensor = fixture.tensor(dmask0, width);
        Tensor dclsTensor = starts ? fixture.tensor(dcls0, width) : null;
        kernels.gather(
                dembeddedTensor,
                dmaskTensor,
                dclsTensor,
                fixture.tensor(dout, samples, grid.tokens(), width),
                restoreTensor,
                fixture.tensor(PatchForms.keep(restore, samples, patches, kept), samples, kept),
                grid,
                encoded,
                samples,
                kept,
                width,
                fixture.unwritten(TokenKernels.scratchSize(fixture.stream(), width)));
        fixture.assertClose("dembedded" + at, dembedded, dembeddedTensor, 0);
        fixture.assertClose("dmaskToken" + at, dmask, dmaskTensor, 1e-5, Math.sqrt(dout.length));
        if (starts) {
            fixture.assertClose("dcls" + at, dcls, dclsTensor, 1e-5, Math.sqrt(samples * width));
        }
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void refusesAClassTokenThatComesFromNowhere(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            PatchGrid grid = PatchGrid.ofImage(2, 2, 1);
            Tensor t = fixture.unwritten(1);
            TokenKernels kernels = new TokenKernels(fixture.stream());
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.scatter(
                            t, t, t, null, PositionTables.of(t), t, grid, withoutClassToken(grid), 1, 1, 1));
            assertTrue(e.getMessage().contains("without a class token that starts there"), e.getMessage());
        }
    }
}
