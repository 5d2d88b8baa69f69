package io.github.vicmae.benchmarks;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.MatMulPolicy;
import io.github.vicmae.device.Precision;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.model.ViewInput;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.FlopCount;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole training step, with the update or without. libtorch runs the same model, exported with the same weights, and must give the same loss;
 * it runs forward and backward, without an update.
 */
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 3)
public class TrainingStep extends KernelBenchmark {
    private static final double RATE = 1e-5;

    /** model:samples, and changes of the model's settings, as in ti8:32:depth=6, b16:8:method=mae or b16:8:method=finetune */
    @Param({"ti8:32", "b16:4"})
    public String shape;

    /** step, or passes: forward and backward alone. */
    @Param({"passes", "step"})
    public String pass;

    private ModelConfig config;
    private int batch;
    private double parameters;
    private double loss;
    private double[] weights;

    @Override
    Workload open(Bench b, Implementation who) {
        config = config(shape);
        batch = samples(shape);
        weights = config.objective().weights(1, 1);
        Own own = new Own(b.stream().device(), b.precision());
        if (who != Implementation.DJL) {
            return own;
        }
        try {
            Path model;
            List<Values> inputs;
            // The model's memory is freed before libtorch allocates its own, which is measured as the growth of the
            // process.
            try (own) {
                model = TorchScript.export(own.model, batch);
                inputs = own.inputs();
            }
            return torch(model, inputs);
        } catch (IOException e) {
            throw new UncheckedIOException("The model could not be exported for libtorch", e);
        }
    }

    /** As in training. */
    @Override
    MatMulPolicy policy(Implementation who) {
        return MatMulPolicy.FASTEST;
    }

    private static int samples(String shape) {
        return KernelBenchmark.sizes(shape.split(":")[1], 1)[0];
    }

    /**
     * A method's published model; ViC-MAE's is the paper's, or the published code's where the shape says variant=release. The mask ratio of both is
     * 0.75, so that they can be compared.
     *
     * @throws IllegalArgumentException if the shape is malformed, or there is no such model
     */
    static ModelConfig config(String shape) {
        String[] parts = shape.split(":", -1);
        if (parts.length < 2) {
            throw new IllegalArgumentException("A step's shape is model:samples, as in ti8:32");
        }
        samples(shape);
        ObjectNode tree = Presets.model(ModelSize.of(parts[0]), method(parts), Variant.PAPER);
        if (method(parts).equals(ClassifierConfig.FineTuning.NAME)) {
            // ImageNet's number of classes; nothing is dropped, so that libtorch computes the same.
            SettingTree.put(
                    tree,
                    "objective.classes",
                    IntStream.range(0, 1000).mapToObj(Integer::toString).toList());
            SettingTree.put(tree, "objective.dropPath", 0);
        }
        for (int i = 2; i < parts.length; i++) {
            String[] change = parts[i].split("=", 2);
            if (change[0].equals("variant") && change.length == 2) {
                set(tree, "variant", Variant.of(change[1]));
            } else if (change[0].equals("method") && change.length == 2) {
                continue; // the first one, which method() found
            } else if (change.length == 2 && change[1].matches("[0-9.]{1,9}")) {
                set(tree, change[0], Double.parseDouble(change[1]));
            } else {
                throw new IllegalArgumentException(
                        "A change of the model's settings is NAME=NUMBER, as in depth=6, but this was given: "
                                + parts[i]);
            }
        }
        try {
            return SettingTree.build(tree, ModelConfig.class);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("The model of " + shape + " is invalid: " + e.getMessage(), e);
        }
    }

    private static String method(String[] parts) {
        String key = "method=";
        return Stream.of(parts)
                .skip(2)
                .filter(part -> part.startsWith(key))
                .findFirst()
                .map(part -> part.substring(key.length()))
                .orElse("vicmae");
    }

    private static void set(ObjectNode tree, String name, Object value) {
        if (name.equals("image")) {
            SettingTree.put(tree, "trunk.height", value);
            SettingTree.put(tree, "trunk.width", value);
            return;
        }
        String key = Stream.of("trunk." + name, "objective." + name, decoderKey(name))
                .filter(k -> !SettingTree.get(tree, k).isMissingNode())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("A model has no setting '" + name + "'"));
        SettingTree.put(tree, key, value);
    }

    /** The decoder's settings have its name before their own here, as in decoderDepth. */
    private static String decoderKey(String name) {
        String own = name.replaceFirst("^decoder", "");
        return "decoder." + own.substring(0, Math.min(1, own.length())).toLowerCase(Locale.ROOT)
                + own.substring(Math.min(1, own.length()));
    }

    /** A tensor that is given to libtorch. */
    private record Values(String name, float[] values, int... shape) {}

    private static TorchWorkload torch(Path model, List<Values> values) throws IOException {
        TorchWorkload t = new TorchWorkload();
        NDArray[] inputs = values.stream()
                .map(v -> t.input(v.name(), v.values(), false, v.shape()))
                .toArray(NDArray[]::new);
        return t.script(model, "loss", inputs);
    }

    /** The loss of the model's own passes on the same input, which golden files compare with PyTorch in double precision. */
    @Override
    List<Expected> expected() {
        double limit = Precision.of(precision) == Precision.BF16 ? 1e-2 : 1e-4;
        return List.of(new Expected("loss", new double[] {loss}, limit));
    }

    @Override
    Cost cost() {
        double flops = batch * FlopCount.perSample(config);
        // Weights are read twice and their gradients written; an update reads and writes parameters, gradients and
        // moments.
        return new Cost(parameters * 4 * (pass.equals("step") ? 3 + 8 : 3), flops);
    }

    /** This library's step. */
    private final class Own implements Workload {
        private final Objective model;
        private final AdamW optimizer;
        private final Event before;
        private final Event after;
        private final io.github.vicmae.train.TrainingStep steps;
        private final double rate = pass.equals("step") ? RATE : io.github.vicmae.train.TrainingStep.NO_UPDATE;

        Own(Device device, Precision type) {
            Execution execution = new Execution(type, false, Execution.inputs(device.kind()));
            model = Objective.create(device, config, batch, execution);
            try {
                optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT);
                steps = new io.github.vicmae.train.TrainingStep(model, optimizer);
                before = device.newEvent();
                after = device.newEvent();
                model.parameters().initialise(model.kernels(), 1);
                for (int i = 0; i < model.inputCount(); i++) {
                    fill(model.input(i));
                }
                parameters = model.parameters().count();
                loss = model.forwardBackward(weights).total();
                model.stream().zero(model.parameters().gradients());
            } catch (RuntimeException | Error e) {
                Closing.after(e, model);
                throw e;
            }
        }

        private void fill(StepInput input) {
            Random random = new Random(1);
            FloatBuffer floats = input.host().floats();
            for (ViewInput views : input.batches()) {
                for (int i = 0; i < views.images().size(); i++) {
                    floats.put(views.imagesOffset() + i, (float) random.nextGaussian());
                }
                for (int i = 0; i < views.batch().samples() * views.batch().patches(); i++) {
                    floats.put(views.noiseOffset() + i, random.nextFloat());
                }
            }
            if (model.logits() != null) {
                // Two classes share a target, as after mixup.
                int classes = model.logits().dim(1);
                for (int i = 0; i < batch * classes; i++) {
                    floats.put(
                            input.valuesOffset(0) + i, i % classes == i / classes ? 0.7f : i % classes == 9 ? 0.3f : 0);
                }
            }
        }

        /** All views, batch after batch, and then their noise, as the traced model takes them. */
        private List<Values> inputs() {
            List<Values> views = new ArrayList<>();
            List<Values> noises = new ArrayList<>();
            for (ViewInput in : model.input(0).batches()) {
                ViewBatch of = in.batch();
                int[] shape = in.image(0).shape();
                int[] all = IntStream.concat(IntStream.of(of.batch()), IntStream.of(shape))
                        .toArray();
                for (int i = 0; i < of.views(); i++) {
                    views.add(values("view " + views.size(), in.imagesOffset(), i, all));
                    noises.add(values("noise " + noises.size(), in.noiseOffset(), i, of.batch(), of.patches()));
                }
            }
            if (model.logits() != null) {
                int classes = model.logits().dim(1);
                views.add(values("targets", model.input(0).valuesOffset(0), 0, batch, classes));
                return views;
            }
            views.addAll(noises);
            return views;
        }

        /** The tensor of one view, which lies behind those of the former ones. */
        private Values values(String name, int start, int view, int... shape) {
            float[] values = new float[IntStream.of(shape).reduce(1, Math::multiplyExact)];
            model.input(0)
                    .host()
                    .floats()
                    .duplicate()
                    .position(start + view * values.length)
                    .get(values);
            return new Values(name, values, shape);
        }

        @Override
        public void launch() {
            while (!steps.hasRoom()) {
                steps.finish();
            }
            steps.submit(weights, rate);
        }

        @Override
        public void synchronize() {
            while (steps.pending() > 0) {
                steps.finish();
            }
        }

        @Override
        public float[] result(String name) {
            return new float[] {(float) steps.losses().total()};
        }

        @Override
        public long memory() {
            return model.memory().total();
        }

        @Override
        public double deviceSeconds(int launches) {
            before.record(model.stream());
            for (int i = 0; i < launches; i++) {
                launch();
            }
            after.record(model.stream());
            synchronize();
            after.synchronize();
            return after.millisecondsSince(before) / 1e3;
        }

        @Override
        public void close() {
            Closing.all(steps, before, after, optimizer, model);
        }
    }
}
