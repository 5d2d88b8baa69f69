package io.github.vicmae.kernel.patch;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.PatchGrid;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The grids, masks and position tables that tests of patches and tokens run over. */
final class PatchForms {
    /** How a grid's tokens get their positions. */
    enum Layout {
        /** One table, the class token's row first. */
        ONE,
        /** One for space, the class token's row first, and one for time. */
        SPACE_TIME,
        /** One for space, one for time, one for the class token. */
        SEPARATE
    }

    /** A grid with what a kernel is given on it. */
    record Form(PatchGrid grid, Layout layout, int samples, int channels, int kept, int width) {}

    static final List<Form> ALL = List.of(
            new Form(PatchGrid.ofImage(1, 1, 1), Layout.ONE, 1, 1, 1, 1),
            new Form(PatchGrid.ofImage(8, 12, 4), Layout.ONE, 3, 3, 2, 31),
            new Form(PatchGrid.ofImage(21, 15, 3), Layout.ONE, 2, 4, 33, 33),
            new Form(PatchGrid.ofImage(28, 28, 2), Layout.ONE, 5, 3, 49, 64),
            new Form(PatchGrid.ofImage(5, 155, 5), Layout.ONE, 2, 2, 3, 197),
            // Clips: in tubes of one and of several frames, with and without a class token.
            new Form(new PatchGrid(6, 8, 12, 2, 4, true), Layout.SEPARATE, 3, 3, 7, 32),
            new Form(new PatchGrid(6, 9, 6, 3, 3, false), Layout.ONE, 2, 2, 5, 20),
            new Form(new PatchGrid(3, 4, 6, 1, 2, true), Layout.SPACE_TIME, 2, 1, 4, 33),
            new Form(new PatchGrid(4, 2, 4, 2, 1, false), Layout.SPACE_TIME, 4, 3, 16, 7),
            new Form(new PatchGrid(2, 8, 8, 2, 4, false), Layout.ONE, 3, 3, 1, 16));

    private PatchForms() {}

    /** Noise with ties. */
    static float[] noise(KernelFixture fixture, int size) {
        float[] noise = new float[size];
        for (int i = 0; i < size; i++) {
            noise[i] = fixture.random().nextInt(50) / 50f;
        }
        return noise;
    }

    /** Each patch's rank among its sample's noise, by a stable sort. */
    static int[] restore(float[] noise, int samples, int patches) {
        int[] all = new int[noise.length];
        for (int n = 0; n < samples; n++) {
            int from = n * patches;
            Integer[] order = IntStream.range(0, patches).boxed().toArray(Integer[]::new);
            Arrays.sort(order, Comparator.comparingDouble(l -> noise[from + l])); // stable
            for (int r = 0; r < patches; r++) {
                all[from + order[r]] = r;
            }
        }
        return all;
    }

    static int[] keep(int[] restore, int samples, int patches, int kept) {
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

    /** Position tables in host memory. */
    static final class Tables {
        final float[] space;
        final float[] time;
        final float[] classToken;
        private final Form form;

        /** Random tables of a form. */
        Tables(KernelFixture fixture, Form form) {
            this.form = form;
            PatchGrid grid = form.grid();
            int rows = form.layout() == Layout.ONE ? grid.patches() : grid.places();
            space = fixture.normal((classRows() + rows) * form.width(), 1);
            time = form.layout() == Layout.ONE ? null : fixture.normal(grid.times() * form.width(), 1);
            boolean own = form.layout() == Layout.SEPARATE && grid.classToken();
            classToken = own ? fixture.normal(form.width(), 1) : null;
        }

        private int classRows() {
            return form.layout() == Layout.SEPARATE ? 0 : form.grid().classTokens();
        }

        /** Column i of patch l's position; l = -1 is the class token's. */
        double at(int l, int i) {
            int width = form.width();
            if (l < 0) {
                return classToken != null ? classToken[i] : space[i];
            }
            int row = classRows() + (time == null ? l : l % form.grid().places());
            double there = space[row * width + i];
            return time == null ? there : there + time[l / form.grid().places() * width + i];
        }

        /** Adds to the gradients that these tables then hold, in double precision: [space | time | class token]. */
        void add(double[] gradient, int l, int i, double value) {
            int width = form.width();
            int at = space.length;
            if (time != null) {
                if (l >= 0) {
                    gradient[at + l / form.grid().places() * width + i] += value;
                }
                at += time.length;
            }
            if (l < 0) {
                gradient[classToken != null ? at + i : i] += value;
            } else {
                int row = classRows() + (time == null ? l : l % form.grid().places());
                gradient[row * width + i] += value;
            }
        }

        /** Values of all tables together. */
        double[] all() {
            float[][] tables = {space, time, classToken};
            return Arrays.stream(tables)
                    .filter(t -> t != null)
                    .flatMapToDouble(t -> Arrays.stream(KernelFixture.doubles(t)))
                    .toArray();
        }

        PositionTables tensors(KernelFixture fixture) {
            return new PositionTables(tensor(fixture, space), tensor(fixture, time), tensor(fixture, classToken));
        }

        private static Tensor tensor(KernelFixture fixture, float[] values) {
            return values == null ? null : fixture.tensor(values, values.length);
        }
    }
}
