package io.github.vicmae.kernel.patch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PositionKernelsTest {
    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devicesAndGeometries")
    void gradientsAreSumsOverTheTokens(String device) {
        for (PatchForms.Form form : PatchForms.ALL) {
            for (boolean masked : new boolean[] {true, false}) {
                try (KernelFixture fixture = new KernelFixture(device)) {
                    check(fixture, form, masked);
                }
            }
        }
    }

    private static void check(KernelFixture fixture, PatchForms.Form form, boolean masked) {
        PatchGrid grid = form.grid();
        int samples = form.samples();
        int patches = grid.patches();
        int width = form.width();
        int kept = masked ? form.kept() : patches;
        int count = grid.tokens(kept);
        int[] restore = PatchForms.restore(PatchForms.noise(fixture, samples * patches), samples, patches);
        float[] dtokens = fixture.normal(samples * count * width, 1);
        PatchForms.Tables before = new PatchForms.Tables(fixture, form);
        double[] expected = before.all();
        for (int n = 0; n < samples; n++) {
            for (int l = -grid.classTokens(); l < patches; l++) {
                int rank = l < 0 ? -1 : masked ? restore[n * patches + l] : l;
                for (int i = 0; rank < kept && i < width; i++) {
                    int row = n * count + grid.classTokens() + rank;
                    before.add(expected, l, i, dtokens[row * width + i]);
                }
            }
        }
        Tensor dt = fixture.tensor(dtokens, samples, count, width);
        Tensor rt = masked ? fixture.tensor(restore, samples, patches) : null;
        Tensor scratch = fixture.unwritten((int) PositionKernels.scratchSize(grid, width));
        PositionKernels kernels = new PositionKernels(fixture.stream());
        PositionTables first = before.tensors(fixture);
        kernels.backward(first, dt, rt, grid, samples, kept, width, scratch);
        fixture.assertClose("gradients on " + form, expected, read(fixture, first), 1e-6);
        PositionTables again = before.tensors(fixture);
        kernels.backward(again, dt, rt, grid, samples, kept, width, scratch);
        assertArrayEquals(read(fixture, first), read(fixture, again), "not the same twice");
    }

    private static float[] read(KernelFixture fixture, PositionTables tables) {
        float[][] parts = Stream.of(tables.space(), tables.time(), tables.classToken())
                .filter(t -> t != null)
                .map(fixture.stream()::read)
                .toArray(float[][]::new);
        float[] all = new float[Arrays.stream(parts).mapToInt(p -> p.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("io.github.vicmae.kernel.KernelFixture#devices")
    void refusesTablesOfAnotherSize(String device) {
        try (KernelFixture fixture = new KernelFixture(device)) {
            PatchGrid grid = new PatchGrid(4, 4, 4, 2, 2, true);
            PositionKernels kernels = new PositionKernels(fixture.stream());
            Tensor dtokens = fixture.unwritten(1, 9, 3);
            Tensor scratch = fixture.unwritten(27);
            PositionTables wrong = new PositionTables(fixture.unwritten(4, 3), fixture.unwritten(2, 3), null);
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.backward(wrong, dtokens, null, grid, 1, 8, 3, scratch));
            assertTrue(e.getMessage().contains("positions in space as 15 elements"), e.getMessage());
            PositionTables right = PositionTables.of(fixture.unwritten(9, 3));
            var unknown = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.backward(right, fixture.unwritten(1, 5, 3), null, grid, 1, 4, 3, scratch));
            assertTrue(unknown.getMessage().contains("4 of 8 patches are kept"), unknown.getMessage());
        }
    }
}
