package io.github.vicmae.kernel.patch;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PatchEmbedKernelsTest {
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void matchesTheDefinition(String device) {
        for (PatchForms.Form form : PatchForms.ALL) {
            for (boolean masked : new boolean[] {true, false}) {
                for (DType type : KernelFixture.ACTIVATIONS) {
                    try (KernelFixture fixture = new KernelFixture(device)) {
                        int[] keep = keep(fixture, form, masked);
                        int kept = keep.length / form.samples();
                        Tensor keepTensor = masked ? fixture.tensor(keep, form.samples(), kept) : null;
                        gather(
                                fixture,
                                type,
                                form,
                                keep,
                                keepTensor,
                                kept,
                                form.grid().frames());
                        gather(fixture, type, form, keep, keepTensor, kept, 1);
                        assemble(fixture, type, form, keep, keepTensor, kept);
                    }
                }
            }
        }
    }

    private static int[] keep(KernelFixture fixture, PatchForms.Form form, boolean masked) {
        int samples = form.samples();
        int patches = form.grid().patches();
        if (!masked) {
            return IntStream.range(0, samples * patches).map(i -> i % patches).toArray();
        }
        float[] noise = PatchForms.noise(fixture, samples * patches);
        return PatchForms.keep(PatchForms.restore(noise, samples, patches), samples, patches, form.kept());
    }

    /** stored: frames that the images have; one is repeated. */
    private static void gather(
            KernelFixture fixture,
            DType type,
            PatchForms.Form form,
            int[] keep,
            Tensor keepTensor,
            int kept,
            int stored) {
        PatchGrid grid = form.grid();
        int samples = form.samples();
        int channels = form.channels();
        int patch = grid.patch();
        int size = grid.patchSize(channels);
        float[] images = fixture.normal(samples * channels * stored * grid.height() * grid.width(), 1);
        double[] expected = new double[samples * kept * size];
        for (int at = 0; at < expected.length; at++) {
            int row = at / size;
            int x = at % patch;
            int y = at / patch % patch;
            int t = at % size / (patch * patch) % grid.tube();
            int c = at % size / (patch * patch) / grid.tube();
            int place = keep[row] % grid.places();
            int frame = stored == 1 ? 0 : keep[row] / grid.places() * grid.tube() + t;
            int plane = (row / kept * channels + c) * stored + frame;
            int line = plane * grid.height() + place / grid.columns() * patch + y;
            expected[at] = images[line * grid.width() + place % grid.columns() * patch + x];
        }
        Tensor gathered = fixture.unwritten(type, samples * kept, size);
        Tensor it = fixture.tensor(images, samples, channels, stored, grid.height(), grid.width());
        new PatchEmbedKernels(fixture.stream()).gather(gathered, it, keepTensor, grid, samples, channels, kept);
        fixture.assertClose("patches of " + form + " from " + stored + " frames", expected, gathered, 0);
    }

    private static void assemble(
            KernelFixture fixture, DType type, PatchForms.Form form, int[] keep, Tensor keepTensor, int kept) {
        PatchGrid grid = form.grid();
        int samples = form.samples();
        int width = form.width();
        int count = grid.tokens(kept);
        float[] embedded = fixture.normal(samples * kept * width, 1);
        Tensor embeddedTensor = fixture.tensor(type, embedded, samples * kept, width);
        float[] bias = fixture.normal(width, 1);
        float[] cls = fixture.normal(width, 1);
        PatchForms.Tables positions = new PatchForms.Tables(fixture, form);
        float[] dtokens = fixture.normal(samples * count * width, 1);
        double[] tokens = new double[dtokens.length];
        double[] dembedded = new double[embedded.length];
        double[] dcls = new double[width];
        double[] dbias = new double[width];
        for (int n = 0; n < samples; n++) {
            for (int k = -grid.classTokens(); k < kept; k++) {
                for (int i = 0; i < width; i++) {
                    int to = (n * count + grid.classTokens() + k) * width + i;
                    int from = (n * kept + k) * width + i;
                    if (k < 0) {
                        tokens[to] = cls[i] + positions.at(-1, i);
                        dcls[i] += dtokens[to];
                    } else {
                        tokens[to] = (double) embedded[from] + bias[i] + positions.at(keep[n * kept + k], i);
                        dembedded[from] = dtokens[to];
                        dbias[i] += dtokens[to];
                    }
                }
            }
        }
        PatchEmbedKernels kernels = new PatchEmbedKernels(fixture.stream());
        Tensor tt = fixture.unwritten(samples, count, width);
        Tensor ct = grid.classToken() ? fixture.tensor(cls, width) : null;
        Tensor bt = fixture.tensor(bias, width);
        kernels.assemble(
                tt, embeddedTensor, bt, ct, positions.tensors(fixture), keepTensor, grid, samples, kept, width);
        fixture.assertClose("tokens of " + form, tokens, tt, 1e-6, Math.sqrt(tokens.length));
        Tensor dembeddedTensor = fixture.unwritten(type, samples * kept, width);
        Tensor dclsTensor = grid.classToken() ? fixture.tensor(new float[width], width) : null;
        Tensor dbiasTensor = fixture.tensor(new float[width], width);
        Tensor dt = fixture.tensor(dtokens, samples, count, width);
        Tensor scratch = fixture.unwritten(PatchEmbedKernels.scratchSize(fixture.stream(), width));
        kernels.backward(dembeddedTensor, dclsTensor, dbiasTensor, dt, grid, samples, kept, width, scratch);
        fixture.assertClose("dembedded of " + form, dembedded, dembeddedTensor, 0);
        if (grid.classToken()) {
            fixture.assertClose("dcls of " + form, dcls, dclsTensor, 1e-5, Math.sqrt(samples * width));
        }
        fixture.assertClose("dbias of " + form, dbias, dbiasTensor, 1e-5, Math.sqrt(samples * kept * width));
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void refusesImagesOfAnotherLength(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            PatchGrid grid = new PatchGrid(4, 4, 4, 2, 2, false);
            PatchEmbedKernels kernels = new PatchEmbedKernels(fixture.stream());
            Tensor patches = fixture.unwritten(8, 24);
            Tensor images = fixture.unwritten(1, 3, 2, 4, 4);
            var e = assertThrows(
                    IllegalArgumentException.class, () -> kernels.gather(patches, images, null, grid, 1, 3, 8));
            assertTrue(e.getMessage().contains("[1, 3, 4 or 1, 4, 4]"), e.getMessage());
        }
    }
}
