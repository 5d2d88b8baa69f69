package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.layer.Parameter;
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
                float[] value = whole.stream().read(p.isTrained() ? p.gradient() : p.value());
                Parameter q = together.parameters().get(p.name());
                float[] found = together.stream().read(q.isTrained() ? q.gradient() : q.value());
                for (int i = 0; i < value.length; i++) {
                    if (p.isTrained()) {
                        difference += Math.pow(found[i] - value[i], 2);
                        norm += Math.pow(value[i], 2);
                    }
                }
            }
            assertTrue(
                    Math.sqrt(difference / norm) < 1e-5,
                    "the gradients' relative difference is " + Math.sqrt(difference / norm));
        }
    }
}
