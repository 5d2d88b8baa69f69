package io.github.vicmae.eval;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.MaeConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.ObjectiveConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
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
    private final JsonNode settings;
    private final String method;
    /** What the names of each view's tensors end in. */
    private final List<String> views;

    private final int batch;
    private final List<Row> rows = new ArrayList<>();

    private Golden(Safetensors file, Precision precision) throws IOException {
        this.file = file;
        limits = GoldenLimits.of(precision);
        String json = file.metadata().get(Checkpoint.CONFIG);
        if (json == null || !file.contains("out.losses")) {
            throw new IOException(
                    file.path() + " is no golden file: it needs the metadata 'config' and the tensor out.losses");
        }
        settings = new ObjectMapper().readTree(json);
        method = settings.path("method").asText("vicmae");
        views = switch (method) {
            case "vicmae" -> List.of("1", "2");
            case "mae" -> List.of("");
            default -> throw new IOException(file.path() + " is of the method '" + method + "', which cannot be run");
        };
        if (!file.contains("in.x" + views.get(0))) {
            throw new IOException(file.path() + " is no golden file: it has no in.x" + views.get(0));
        }
        batch = Math.toIntExact(file.info("in.x" + views.get(0)).shape()[0]);
    }

    /**
     * Runs a golden file's steps on a device and compares everything it holds, within limits that go with the precision.
     *
     * @throws IOException if the file cannot be read or is no golden file
     */
    public static List<Row> verify(Path path, Device device, Precision precision) throws IOException {
        try (Safetensors file = Safetensors.open(path)) {
            Golden golden = new Golden(file, precision);
            try (Objective model = Objective.create(device, golden.config(), golden.batch, Execution.of(precision))) {
                if (golden.limits.reconstructionGradients() > 0) {
                    golden.compareReconstructionGradients(model, device);
                }
                golden.run(model);
            }
            return golden.rows;
        }
    }

    private ModelConfig config() throws IOException {
        long[] shape = file.info("in.x" + views.get(0)).shape();
        JsonNode s = settings;
        double mlpRatio = number(s, "mlpRatio");
        return new ModelConfig(
                new TrunkConfig(
                        Math.toIntExact(shape[2]),
                        Math.toIntExact(shape[3]),
                        Math.toIntExact(shape[1]),
                        integer("patch"),
                        integer("dim"),
                        integer("depth"),
                        integer("heads"),
                        mlpRatio),
                new DecoderConfig(
                        integer("decoderDim"),
                        integer("decoderDepth"),
                        integer("decoderHeads"),
                        mlpRatio,
                        s.path("normPix").asBoolean()),
                objective());
    }

    private ObjectiveConfig objective() throws IOException {
        double maskRatio = number(settings, "maskRatio");
        if (method.equals("mae")) {
            return new MaeConfig(maskRatio);
        }
        return ViCMaeConfig.of(
                Variant.of(text("variant")),
                maskRatio,
                Pooling.of(text("pooling")),
                integer("headHidden"),
                integer("headOut"),
                number(settings, "temperature"));
    }

    /** The losses' weights, in the objective's order. */
    private double[] weights() throws IOException {
        return method.equals("mae")
                ? new double[] {1}
                : new double[] {number(settings, "reconWeight"), number(settings, "contrastWeight")};
    }

    private int integer(String name) throws IOException {
        return (int) number(settings, name);
    }

    private double number(JsonNode node, String name) throws IOException {
        if (!node.path(name).isNumber()) {
            throw new IOException(file.path() + ": the setting '" + name + "' is missing or no number");
        }
        return node.get(name).asDouble();
    }

    private String text(String name) throws IOException {
        if (!settings.path(name).isTextual()) {
            throw new IOException(file.path() + ": the setting '" + name + "' is missing or no text");
        }
        return settings.get(name).asText();
    }

    private void compareReconstructionGradients(Objective model, Device device) throws IOException {
        Difference d = new Difference();
        try (Objective exact = Objective.create(device, config(), batch)) {
            d.add(reconstructionGradients(exact), reconstructionGradients(model));
        }
        rows.add(new Row(
                "reconstruction's grad.",
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
        JsonNode o = settings.path("optimizer");
        AdamW.Settings adam = new AdamW.Settings(
                number(o, "beta1"), number(o, "beta2"), number(o, "eps"), number(o, "weightDecay"), 0);
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
                optimizer.step(number(o, "lr"));
            }
        }
        for (int i = 0; i < worst.length; i++) {
            boolean contrasts = names.size() > 2 && i != 1;
            rows.add(
                    i,
                    new Row(
                            names.get(i),
                            worst[i],
                            contrasts ? limits.contrastive() : limits.reconstruction(),
                            "worst of " + expected.length / names.size() + " steps"));
        }
        compareState(model);
    }

    /** The columns of out.losses: the total and, where there are several, its parts. */
    private static List<String> lossNames(Objective model) {
        List<String> names = new ArrayList<>(List.of("loss"));
        String[] parts = model.config().objective().losses();
        if (parts.length > 1) {
            for (String part : parts) {
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
        var floats = model.inputs().floats();
        int at = 0;
        for (String tensor : new String[] {"in.x", "in.noise"}) {
            for (String view : views) {
                float[] values = file.floats(tensor + view);
                floats.put(at, values);
                at += values.length;
            }
        }
    }

    private void compareOutputs(Objective model) throws IOException {
        TrunkConfig c = model.config().trunk();
        float[] prediction = model.stream().read(model.prediction());
        float[] pooled = model.pooled() == null ? null : model.stream().read(model.pooled());
        int[] restore = model.stream().readInts(model.restore());
        for (int v = 0; v < views.size(); v++) {
            String view = views.get(v);
            int first = v * batch;
            float[] patches = new float[batch * c.patches() * c.patchSize()];
            float[] mask = new float[batch * c.patches()];
            for (int i = 0; i < batch; i++) {
                int sample = c.patches() * c.patchSize();
                int from = ((first + i) * c.grid().tokens() + c.grid().classTokens()) * c.patchSize();
                System.arraycopy(prediction, from, patches, i * sample, sample);
                for (int l = 0; l < c.patches(); l++) {
                    mask[i * c.patches() + l] = restore[(first + i) * c.patches() + l]
                                    < model.config().kept()
                            ? 0
                            : 1;
                }
            }
            row("mask " + view, "out.mask" + view, mask, 0);
            row("prediction " + view, "out.pred" + view, patches, limits.predictions());
            if (pooled != null) {
                float[] features = Arrays.copyOfRange(pooled, first * c.dim(), (first + batch) * c.dim());
                row("pooled features " + view, "out.pooled" + view, features, limits.predictions());
            }
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
