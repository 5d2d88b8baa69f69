package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.Scratch;
import io.github.vicmae.loss.ContrastiveLosses;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.SettingTree;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps of several passes with all negatives, more than two views, and further frames as negatives. */
class PairLossTest {
    private static final int BATCH = 3;
    private static final double[] WEIGHTS = {0.5, 0.25};

    private static ModelConfig config(Variant variant, int segments, int negatives) {
        ObjectNode tree = Presets.model(ModelSize.TI8, "vicmae", variant);
        SettingTree.putAll(
                tree,
                Map.of(
                        "trunk.height", 16,
                        "trunk.width", 16,
                        "trunk.dim", 24,
                        "trunk.depth", 2,
                        "decoder.dim", 16,
                        "decoder.depth", 1,
                        "decoder.heads", 2,
                        "objective.headHidden", 20));
        SettingTree.putAll(
                tree,
                Map.of(
                        "objective.headOut",
                        6,
                        "objective.maskRatio",
                        0.5,
                        "objective.segments",
                        segments,
                        "objective.negatives",
                        negatives));
        return SettingTree.build(tree, ModelConfig.class);
    }

    /** Samples {@code first}, {@code first + 1}, ...: each has views and noise of its own, whatever batch it is in. */
    private static void fill(StepInput input, int first) {
        ViewBatch views = input.batch(0).batch();
        FloatBuffer host = input.host().floats();
        int size = input.batch(0).noiseOffset() / views.samples();
        for (int v = 0; v < views.views(); v++) {
            for (int i = 0; i < views.batch(); i++) {
                Random random = new Random(1000L * v + first + i);
                int row = v * views.batch() + i;
                for (int k = 0; k < size; k++) {
                    host.put(row * size + k, (float) random.nextGaussian());
                }
                for (int l = 0; l < views.patches(); l++) {
                    host.put(input.batch(0).noiseOffset() + row * views.patches() + l, random.nextFloat());
                }
            }
        }
    }

    private static Objective whole(Device device, ModelConfig config, int parts) {
        Workspace workspace = new Workspace(device, config, parts * BATCH, 1, Execution.DEFAULT);
        workspace.splitNorm(parts);
        Objective model = config.objective().on(workspace, config);
        workspace.plan();
        workspace.allocate();
        model.autoencoder(0).prepare(model.viewSettings(0).deviation());
        model.prepare();
        return model;
    }

    /** The same losses and gradients as one pass over all samples, BatchNorm's statistics being those of the parts. */
    @ParameterizedTest
    @CsvSource({"PAPER, 2, 0, 2", "RELEASE, 2, 0, 2", "PAPER, 3, 2, 3", "RELEASE, 3, 1, 2", "PAPER, 2, 1, 2"})
    void partsAreAsGoodAsTheWhole(Variant variant, int segments, int negatives, int parts) {
        ModelConfig config = config(variant, segments, negatives);
        try (Device device = Device.open("cpu");
                Objective whole = whole(device, config, parts);
                Objective together = Objective.create(device, config, BATCH, parts, Execution.DEFAULT)) {
            whole.parameters().initialise(whole.kernels(), 3);
            together.parameters().initialise(together.kernels(), 3);
            fill(whole.input(0), 0);
            Losses expected = whole.forwardBackward(WEIGHTS);

            double[] shares = {WEIGHTS[0] / parts, WEIGHTS[1] / parts};
            for (int p = 0; p < parts; p++) {
                fill(together.input(p), p * BATCH);
                together.input(p).weights(shares);
                together.input(p).upload(together.stream());
                together.embed(together.input(p));
            }
            together.contrast(together.input(parts - 1));
            Losses sum = null;
            try (HostBuffer results = together.newResultsBuffer()) {
                for (int p = 0; p < parts; p++) {
                    together.enqueue(together.input(p), results);
                    together.stream().synchronize();
                    sum = together.results(results, shares).addedTo(sum, parts);
                }
            }
            assertEquals(expected.total(), sum.total(), 1e-5 * expected.total());
            assertEquals(expected.reconstruction(), sum.reconstruction(), 1e-5);
            assertEquals(expected.contrastive(), sum.contrastive(), 1e-5);
            double difference = 0;
            double norm = 0;
            for (Parameter p : whole.parameters().all()) {
                if (!p.isTrained()) {
                    continue; // running statistics, which parts update in another order
                }
                float[] value = whole.stream().read(p.gradient());
                float[] found = together.stream()
                        .read(together.parameters().get(p.name()).gradient());
                for (int i = 0; i < value.length; i++) {
                    difference += Math.pow(found[i] - value[i], 2);
                    norm += Math.pow(value[i], 2);
                }
            }
            assertTrue(
                    Math.sqrt(difference / norm) < 1e-5,
                    "the gradients' relative difference is " + Math.sqrt(difference / norm));
        }
    }

    /** Losses and gradients against the definition, pair by pair. */
    @ParameterizedTest
    @CsvSource({"3, 1, 2, false", "4, 0, 1, true", "2, 2, 1, false", "3, 0, 2, true"})
    void theLossIsTheMeanOverAllPairs(int views, int extra, int batches, boolean symmetric) {
        int width = 5;
        PairLoss.Features f = new PairLoss.Features(views, extra, BATCH, batches, width);
        Random random = new Random(7);
        double[] rows =
                random.doubles((long) views * f.samples() * width, -1, 1).toArray();
        int columnViews = views + extra;
        double[] columns = symmetric
                ? rows
                : random.doubles((long) columnViews * f.samples() * width, -1, 1)
                        .toArray();
        float weight = 0.7f;
        double[] drows = new double[rows.length];
        double[] dcolumns = symmetric ? drows : new double[columns.length];
        double[] losses = new double[f.pairs()];
        int pair = 0;
        int size = f.samples() * width;
        for (int a = 0; a < views; a++) {
            for (int b = a + 1; b < views; b++) {
                double[] x = concatenated(rows, size, a, b, 0, 0);
                double[] y = symmetric ? x : concatenated(columns, size, a, b, views, extra);
                InfoNceOracle oracle = InfoNceOracle.ofTwoViews(x.length / width, y.length / width, width, 0.1f);
                losses[pair++] = oracle.loss(x, y);
                double[] dx = new double[x.length];
                double[] dy = symmetric ? dx : new double[y.length];
                oracle.backward(dx, dy, x, y, (double) weight * batches / f.pairs());
                add(drows, dx, size, a, b, 0, 0);
                if (!symmetric) {
                    add(dcolumns, dy, size, a, b, views, extra);
                }
            }
        }

        try (Device device = Device.open("cpu");
                Arena arena = new Arena("test")) {
            Kernels kernels = Kernels.onNewStream(device);
            Stream stream = kernels.stream();
            Scratch scratch = new Scratch();
            PairLoss loss = new PairLoss(
                    kernels,
                    arena,
                    scratch,
                    ContrastiveLosses.named("infonce"),
                    f,
                    f.shape(0.1f, symmetric, Precision.FP32));
            Tensor values = arena.floats("losses", f.pairs());
            Tensor w = arena.floats("weight", 1);
            Tensor x = arena.floats("rows", views, BATCH, width);
            Tensor y = symmetric ? x : arena.floats("columns", columnViews, BATCH, width);
            Tensor dx = arena.floats("d rows", views, BATCH, width);
            Tensor dy = symmetric ? dx : arena.floats("d columns", columnViews, BATCH, width);
            scratch.plan(arena);
            arena.allocate(device);
            boolean asTheyLie = views == 2 && batches == 1;
            Tensor lying = asTheyLie ? x.slice("rows", 0, 2 * BATCH, width) : x;
            loss.prepare(
                    values,
                    lying,
                    asTheyLie && !symmetric ? y.slice("columns", 0, columnViews * BATCH, width) : y,
                    asTheyLie ? dx.slice("d rows", 0, 2 * BATCH, width) : dx,
                    asTheyLie && !symmetric ? dy.slice("d columns", 0, columnViews * BATCH, width) : dy);
            stream.write(w, new float[] {weight});
            for (int batch = 0; batch < batches; batch++) {
                stream.write(x, part(rows, views, batches, batch, width));
                if (!symmetric) {
                    stream.write(y, part(columns, columnViews, batches, batch, width));
                }
                loss.collect(batch);
            }
            loss.forwardBackward(w);
            float[] found = stream.read(values);
            for (int i = 0; i < losses.length; i++) {
                assertEquals(losses[i], found[i], 1e-5);
            }
            for (int batch = 0; batch < batches; batch++) {
                loss.handOut(batch);
                assertClose(part(drows, views, batches, batch, width), stream.read(dx));
                if (!symmetric) {
                    assertClose(part(dcolumns, columnViews, batches, batch, width), stream.read(dy));
                }
            }
            stream.close();
        }
    }

    private static void assertClose(float[] expected, float[] found) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], found[i], 2e-6, "element " + i);
        }
    }

    /** Two views of all samples, and {@code extra} from {@code views} on. */
    private static double[] concatenated(double[] all, int size, int a, int b, int views, int extra) {
        double[] of = new double[(2 + extra) * size];
        System.arraycopy(all, a * size, of, 0, size);
        System.arraycopy(all, b * size, of, size, size);
        System.arraycopy(all, views * size, of, 2 * size, extra * size);
        return of;
    }

    private static void add(double[] all, double[] of, int size, int a, int b, int views, int extra) {
        for (int i = 0; i < size; i++) {
            all[a * size + i] += of[i];
            all[b * size + i] += of[size + i];
        }
        for (int i = 0; i < extra * size; i++) {
            all[views * size + i] += of[2 * size + i];
        }
    }

    /** One batch of [views, batches * BATCH, width]. */
    private static float[] part(double[] all, int views, int batches, int batch, int width) {
        float[] part = new float[views * BATCH * width];
        for (int v = 0; v < views; v++) {
            for (int i = 0; i < BATCH * width; i++) {
                part[v * BATCH * width + i] = (float) all[(v * batches + batch) * BATCH * width + i];
            }
        }
        return part;
    }
}
