package io.github.vicmae.eval;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.MaskedAutoencoder;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.optim.AdamW;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A golden file: a small model's state, inputs, and what some optimizer steps on them gave elsewhere, in double precision. It is run on a device
 * and compared.
 */
public final class Golden {
    /**
     * One comparison.
     *
     * @param quantity what is compared
     * @param error relative error: 2-norm of the difference over the 2-norm of what was expected
     * @param limit the most that passes
     * @param detail where the error is largest, or empty
     */
    public record Row(String quantity, double error, double limit, String detail) {
        public boolean passes() {
            return error <= limit;
        }
    }

    private final GoldenLimits limits;
    private final Safetensors file;
    private final GoldenSettings settings;
    private final boolean contrasts;
    private final List<Inputs> inputs;
    private final List<Row> rows = new ArrayList<>();

    /** The tensors of one batch of views: its views', its noise's, and what stands before and behind the names of its results. */
    private record Inputs(List<String> images, List<String> noise, String prefix, List<String> suffixes) {
        static Inputs of(String suffix) {
            return new Inputs(List.of("in.x" + suffix), List.of("in.noise" + suffix), "", List.of(suffix));
        }

        /** A result's name, such as {@code out.pred1} or {@code out.clipPred}. */
        String output(String what, int view) {
            String name = prefix.isEmpty()
                    ? what
                    : prefix + what.substring(0, 1).toUpperCase(Locale.ROOT) + what.substring(1);
            return "out." + name + suffixes.get(view);
        }
    }

    private Golden(Safetensors file, GoldenSettings settings, Precision precision) throws IOException {
        this.file = file;
        this.settings = settings;
        String method = settings.method();
        contrasts = method.equals("vicmae");
        limits = GoldenLimits.of(precision, contrasts);
        inputs = switch (method) {
            case "vicmae" ->
                List.of(new Inputs(
                        List.of("in.x1", "in.x2"), List.of("in.noise1", "in.noise2"), "", List.of("1", "2")));
            case "mae", "st-mae" -> List.of(Inputs.of(""));
            case "classify-image", "classify-video" -> List.of(new Inputs(List.of("in.x"), List.of(), "", List.of("")));
            case "omnimae" ->
                List.of(
                        new Inputs(List.of("in.images"), List.of("in.imageNoise"), "image", List.of("")),
                        new Inputs(List.of("in.clips"), List.of("in.clipNoise"), "clip", List.of("")));
            default -> throw new IOException(file.path() + " is of the method '" + method + "', which cannot be run");
        };
        for (Inputs one : inputs) {
            for (String name : one.images) {
                if (!file.contains(name)) {
                    throw new IOException(file.path() + " is no golden file: it has no " + name);
                }
            }
        }
    }

    /**
     * Runs a golden file's steps on a device and compares everything it holds, within limits that go with the precision.
     *
     * @throws IOException if the file cannot be read or is no golden file
     */
    public static List<Row> verify(Path path, Device device, Precision precision) throws IOException {
        try (Safetensors file = Safetensors.open(path)) {
            String json = file.metadata().get(Checkpoint.CONFIG);
            if (json == null || !file.contains("out.losses")) {
                throw new IOException(
                        path + " is no golden file: it needs the metadata 'config' and the tensor out.losses");
            }
            GoldenSettings settings = GoldenSettings.read(path, json);
            if (settings.method().equals(ProbeGolden.METHOD)) {
                return ProbeGolden.verify(file, settings, device, GoldenLimits.of(Precision.FP32, false));
            }
            Golden golden = new Golden(file, settings, precision);
            try (Objective model = golden.create(device, precision)) {
                if (golden.limits.reconstructionGradients() > 0) {
                    golden.compareReconstructionGradients(model, device);
                }
                golden.run(model);
            }
            return golden.rows;
        }
    }

    /** A model for the file's last batch: of clips where there are images too. */
    private Objective create(Device device, Precision precision) throws IOException {
        long[] shape = shapeOfLast();
        return Objective.create(device, settings.config(shape), Math.toIntExact(shape[0]), Execution.of(precision));
    }

    private long[] shapeOfLast() throws IOException {
        return file.info(inputs.get(inputs.size() - 1).images.get(0)).shape();
    }

    /** The losses' weights, in the objective's order. */
    private double[] weights() throws IOException {
        return contrasts
                ? new double[] {settings.number("reconWeight"), settings.number("contrastWeight")}
                : settings.config(shapeOfLast()).objective().weights(0, 1);
    }

    private void compareReconstructionGradients(Objective model, Device device) throws IOException {
        Difference d = new Difference();
        try (Objective exact = create(device, Precision.FP32)) {
            d.add(reconstructionGradients(exact), reconstructionGradients(model));
        }
        rows.add(new Row(
                contrasts ? "reconstruction's grad." : "same gradients",
                d.relative(),
                limits.reconstructionGradients(),
                "against the device's own fp32"));
        model.stream().zero(model.parameters().gradients());
    }

    private float[] reconstructionGradients(Objective model) throws IOException {
        Checkpoint.load(file, model.state(), false, "param.");
        upload(model);
        double[] reconstructionAlone = weights();
        Arrays.fill(reconstructionAlone, 0);
        reconstructionAlone[0] = 1;
        model.forwardBackward(reconstructionAlone);
        return model.stream().read(model.parameters().gradients());
    }

    private void run(Objective model) throws IOException {
        Checkpoint.load(file, model.state(), false, "param.");
        AdamW.Settings adam = new AdamW.Settings(
                settings.number("optimizer/beta1"),
                settings.number("optimizer/beta2"),
                settings.number("optimizer/eps"),
                settings.number("optimizer/weightDecay"),
                0);
        float[] expected = file.floats("out.losses");
        List<String> names = lossNames(model);
        double[] worst = new double[names.size()];
        try (AdamW optimizer = new AdamW(model.kernels(), model.parameters(), adam)) {
            for (int step = 0; step < expected.length / names.size(); step++) {
                upload(model);
                Losses l = model.forwardBackward(weights());
                for (int i = 0; i < worst.length; i++) {
                    double found = i == 0 ? l.total() : l.values()[i - 1];
                    double wanted = expected[worst.length * step + i];
                    worst[i] = worse(worst[i], Math.abs(found - wanted) / Math.abs(wanted));
                }
                if (step == 0) {
                    compareOutputs(model);
                    compareGradients(model);
                }
                optimizer.step(settings.number("optimizer/lr"));
            }
        }
        for (int i = 0; i < worst.length; i++) {
            boolean contrastive = names.size() > 2 && i != 1;
            rows.add(
                    i,
                    new Row(
                            names.get(i),
                            worst[i],
                            contrastive ? limits.contrastive() : limits.reconstruction(),
                            "worst of " + expected.length / names.size() + " steps"));
        }
        compareState(model);
    }

    /** The columns of out.losses: the total and, where it has them, its parts. */
    private List<String> lossNames(Objective model) throws IOException {
        List<String> names = new ArrayList<>(List.of("loss"));
        if (file.info("out.losses").shape()[1] > 1) {
            for (String part : model.config().objective().losses()) {
                names.add(part + " loss");
            }
        }
        return names;
    }

    /** The larger one, where not-a-number is larger than any. */
    private static double worse(double a, double b) {
        return Double.isNaN(b) ? Double.POSITIVE_INFINITY : Math.max(a, b);
    }

    private void upload(Objective model) throws IOException {
        StepInput input = model.input(0);
        for (int i = 0; i < inputs.size(); i++) {
            put(input, input.batch(i).imagesOffset(), inputs.get(i).images);
            put(input, input.batch(i).noiseOffset(), inputs.get(i).noise);
        }
        if (model.logits() != null) {
            put(input, input.valuesOffset(0), List.of("in.targets"));
        }
    }

    private void put(StepInput input, int at, List<String> names) throws IOException {
        for (String name : names) {
            float[] values = file.floats(name);
            input.host().floats().put(at, values);
            at += values.length;
        }
    }

    private void compareOutputs(Objective model) throws IOException {
        if (model.logits() != null) {
            row("logits", "out.logits", model.stream().read(model.logits()), limits.predictions());
            return;
        }
        for (int i = 0; i < inputs.size(); i++) {
            compareOutputs(model, model.autoencoder(i), inputs.get(i));
        }
        if (contrasts) { // other files have no pooled features
            float[] pooled = model.stream().read(model.pooled());
            int size = pooled.length / 2;
            for (int view = 0; view < 2; view++) {
                float[] features = Arrays.copyOfRange(pooled, view * size, (view + 1) * size);
                String suffix = inputs.get(0).suffixes.get(view);
                row("pooled features " + suffix, "out.pooled" + suffix, features, limits.predictions());
            }
        }
    }

    private void compareOutputs(Objective model, MaskedAutoencoder autoencoder, Inputs names) throws IOException {
        ViewBatch views = autoencoder.views().reconstructed();
        float[] prediction = model.stream().read(autoencoder.decoder().prediction());
        int[] restore = model.stream().readInts(autoencoder.restore());
        int patches = views.patches();
        int batch = views.batch();
        int tokens = autoencoder.decoder().grid().tokens();
        int values = prediction.length / (views.samples() * tokens);
        for (int v = 0; v < views.views(); v++) {
            float[] predicted = new float[batch * patches * values];
            float[] mask = new float[batch * patches];
            for (int i = 0; i < batch; i++) {
                int row = v * batch + i;
                int from = ((row + 1) * tokens - patches) * values;
                System.arraycopy(prediction, from, predicted, i * patches * values, patches * values);
                for (int l = 0; l < patches; l++) {
                    mask[i * patches + l] = restore[row * patches + l] < views.kept() ? 0 : 1;
                }
            }
            String which = (names.prefix + " " + names.suffixes.get(v)).strip();
            row("mask " + which, names.output("mask", v), mask, 0);
            row("prediction " + which, names.output("pred", v), predicted, limits.predictions());
        }
    }

    private void row(String quantity, String name, float[] found, double limit) throws IOException {
        Difference d = new Difference();
        d.add(file.floats(name), found);
        rows.add(new Row(quantity, d.relative(), limit, ""));
    }

    private void compareGradients(Objective model) throws IOException {
        Difference all = new Difference();
        double worst = 0;
        String where = "";
        for (Parameter p : model.parameters().all()) {
            if (!p.isTrained() || !file.contains("grad." + p.name())) {
                continue;
            }
            Difference one = new Difference();
            one.add(file.floats("grad." + p.name()), model.stream().read(p.gradient()));
            all.add(one);
            if (!isBeforeBatchNorm(p.name()) && !(one.relative() <= worst)) {
                worst = worse(0, one.relative());
                where = p.name();
            }
        }
        rows.add(new Row("all gradients", all.relative(), limits.gradients(), ""));
        rows.add(new Row("worst gradient", worst, limits.gradient(), where));
    }

    /** BatchNorm takes away whatever these biases add: their true gradient is zero, and what is computed is rounding. */
    private static boolean isBeforeBatchNorm(String name) {
        return name.matches("(projector|predictor|target)\\.[03]\\.bias");
    }

    private void compareState(Objective model) throws IOException {
        Difference updates = new Difference();
        Difference statistics = new Difference();
        Map<String, Double> worst = new HashMap<>();
        for (Parameter p : model.parameters().all()) {
            if (!file.contains("after." + p.name())) {
                continue;
            }
            float[] before = file.floats("param." + p.name());
            float[] expected = difference(file.floats("after." + p.name()), before);
            float[] found = difference(read(model, p.value()), before);
            (p.isTrained() ? updates : statistics).add(expected, found);
            Difference one = new Difference();
            one.add(expected, found);
            worst.put(p.name(), one.absolute());
        }
        String where = worst.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .orElse("");
        rows.add(new Row("all updates", updates.relative(), limits.updates(), "most of it in " + where));
        if (!model.workspace().counters().names().isEmpty()) {
            rows.add(new Row("running statistics", statistics.relative(), limits.updates(), ""));
        }
        for (String name : file.names()) {
            if (name.startsWith("after.") && name.endsWith(".num_batches_tracked")) {
                long expected = file.longs(name)[0];
                rows.add(new Row(
                        "batches tracked",
                        Math.abs(expected - model.workspace().counters().get(name.substring(6))) / (double) expected,
                        0,
                        name.substring(6)));
                break;
            }
        }
    }

    private static float[] read(Objective model, Tensor tensor) {
        return model.stream().read(tensor);
    }

    private static float[] difference(float[] a, float[] b) {
        float[] d = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            d[i] = a[i] - b[i];
        }
        return d;
    }
}
