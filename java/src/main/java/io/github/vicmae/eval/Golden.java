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
import io.github.vicmae.model.Execution;
import io.github.vicmae.objective.Losses;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMae;
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

    /**
     * The most that passes.
     *
     * @param reconstruction the reconstruction loss of each step
     * @param contrastive the contrastive loss of each step, and the whole loss
     * @param predictions predictions and pooled features
     * @param gradients all gradients together
     * @param gradient any single one
     * @param updates of parameters, after all steps
     * @param reconstructionGradients all gradients of the reconstruction loss alone, against the same device in fp32; 0 to leave that out
     */
    private record Limits(
            double reconstruction,
            double contrastive,
            double predictions,
            double gradients,
            double gradient,
            double updates,
            double reconstructionGradients) {
        /**
         * In bfloat16 the contrastive loss and its gradients have wide limits. BatchNorm over the handful of samples of a golden file takes away
         * what their pooled features have in common, nearly all of them, and so enlarges what rounding leaves: to round the weights alone, in
         * a model that is otherwise of doubles, costs up to 0.16 of all gradients of these files, and PyTorch's autocast up to 0.18. What
         * these limits catch is a term that is missing or wrong. The reconstruction's gradients, which pass through everything else, have
         * the tight one.
         */
        static Limits of(Precision precision) {
            return switch (precision) {
                case FP32 -> new Limits(1e-5, 1e-5, 1e-5, 1e-4, 2e-3, 2e-2, 0);
                case BF16 -> new Limits(5e-3, 0.3, 2e-2, 0.5, 0.7, 0.7, 3e-2);
            };
        }
    }

    private final Limits limits;
    private final Safetensors file;
    private final JsonNode settings;
    private final int batch;
    private final List<Row> rows = new ArrayList<>();

    private Golden(Safetensors file, Precision precision) throws IOException {
        this.file = file;
        limits = Limits.of(precision);
        String json = file.metadata().get(Checkpoint.CONFIG);
        if (json == null || !file.contains("in.x1") || !file.contains("out.losses")) {
            throw new IOException(file.path()
                    + " is no golden file: it needs the metadata 'config' and the tensors in.x1 and out.losses");
        }
        settings = new ObjectMapper().readTree(json);
        batch = Math.toIntExact(file.info("in.x1").shape()[0]);
    }

    /**
     * Runs a golden file's steps on a device and compares everything it holds, within limits that go with the precision.
     *
     * @throws IOException if the file cannot be read or is no golden file
     */
    public static List<Row> verify(Path path, Device device, Precision precision) throws IOException {
        try (Safetensors file = Safetensors.open(path)) {
            Golden golden = new Golden(file, precision);
            try (ViCMae model = new ViCMae(device, golden.config(), golden.batch, Execution.of(precision))) {
                if (golden.limits.reconstructionGradients() > 0) {
                    golden.compareReconstructionGradients(model, device);
                }
                golden.run(model);
            }
            return golden.rows;
        }
    }

    private ModelConfig config() throws IOException {
        long[] views = file.info("in.x1").shape();
        JsonNode s = settings;
        return new ModelConfig(
                Variant.of(text("variant")),
                Math.toIntExact(views[2]),
                Math.toIntExact(views[3]),
                Math.toIntExact(views[1]),
                integer("patch"),
                integer("dim"),
                integer("depth"),
                integer("heads"),
                integer("decoderDim"),
                integer("decoderDepth"),
                integer("decoderHeads"),
                number(s, "mlpRatio"),
                integer("headHidden"),
                integer("headOut"),
                number(s, "temperature"),
                number(s, "maskRatio"),
                s.path("normPix").asBoolean(),
                Pooling.of(text("pooling")));
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

    private void compareReconstructionGradients(ViCMae model, Device device) throws IOException {
        Difference d = new Difference();
        try (ViCMae exact = new ViCMae(device, config(), batch)) {
            d.add(reconstructionGradients(exact), reconstructionGradients(model));
        }
        rows.add(new Row(
                "reconstruction's grad.",
                d.relative(),
                limits.reconstructionGradients(),
                "against the device's own fp32"));
        model.stream().zero(model.parameters().gradients());
    }

    private float[] reconstructionGradients(ViCMae model) throws IOException {
        Checkpoint.load(file, model, false, "param.");
        upload(model);
        model.forwardBackward(1, 0);
        return model.stream().read(model.parameters().gradients());
    }

    private void run(ViCMae model) throws IOException {
        Checkpoint.load(file, model, false, "param.");
        JsonNode o = settings.path("optimizer");
        AdamW.Settings adam = new AdamW.Settings(
                number(o, "beta1"), number(o, "beta2"), number(o, "eps"), number(o, "weightDecay"), 0);
        float[] expected = file.floats("out.losses");
        double[] worst = new double[3];
        try (AdamW optimizer = new AdamW(model.kernels(), model.parameters(), adam)) {
            for (int step = 0; step < expected.length / 3; step++) {
                upload(model);
                model.forwardBackward(number(settings, "reconWeight"), number(settings, "contrastWeight"));
                Losses l = model.losses();
                double[] found = {l.total(), l.reconstruction(), l.contrastive()};
                for (int i = 0; i < 3; i++) {
                    worst[i] = worse(
                            worst[i], Math.abs(found[i] - expected[3 * step + i]) / Math.abs(expected[3 * step + i]));
                }
                if (step == 0) {
                    compareOutputs(model);
                    compareGradients(model);
                }
                optimizer.step(number(o, "lr"));
            }
        }
        String[] names = {"loss", "reconstruction loss", "contrastive loss"};
        for (int i = 0; i < 3; i++) {
            rows.add(
                    i,
                    new Row(
                            names[i],
                            worst[i],
                            i == 1 ? limits.reconstruction() : limits.contrastive(),
                            "worst of " + expected.length / 3 + " steps"));
        }
        compareState(model);
    }

    /** The larger one, where not-a-number is larger than any. */
    private static double worse(double a, double b) {
        return Double.isNaN(b) ? Double.POSITIVE_INFINITY : Math.max(a, b);
    }

    private void upload(ViCMae model) throws IOException {
        var floats = model.inputs().floats();
        int at = 0;
        for (String name : new String[] {"in.x1", "in.x2", "in.noise1", "in.noise2"}) {
            float[] values = file.floats(name);
            floats.put(at, values);
            at += values.length;
        }
    }

    private void compareOutputs(ViCMae model) throws IOException {
        ModelConfig c = model.config();
        float[] prediction = model.stream().read(model.prediction());
        float[] pooled = model.stream().read(model.pooled());
        int[] restore = model.stream().readInts(model.restore());
        for (int view = 1; view <= ViCMae.VIEWS; view++) {
            int first = (view - 1) * batch;
            float[] patches = new float[batch * c.patches() * c.patchSize()];
            float[] mask = new float[batch * c.patches()];
            for (int i = 0; i < batch; i++) {
                int sample = c.patches() * c.patchSize();
                int from = ((first + i) * (1 + c.patches()) + 1) * c.patchSize();
                System.arraycopy(prediction, from, patches, i * sample, sample);
                for (int l = 0; l < c.patches(); l++) {
                    mask[i * c.patches() + l] = restore[(first + i) * c.patches() + l] < c.kept() ? 0 : 1;
                }
            }
            float[] features = Arrays.copyOfRange(pooled, first * c.dim(), (first + batch) * c.dim());
            row("mask " + view, "out.mask" + view, mask, 0);
            row("prediction " + view, "out.pred" + view, patches, limits.predictions());
            row("pooled features " + view, "out.pooled" + view, features, limits.predictions());
        }
    }

    private void row(String quantity, String name, float[] found, double limit) throws IOException {
        Difference d = new Difference();
        d.add(file.floats(name), found);
        rows.add(new Row(quantity, d.relative(), limit, ""));
    }

    private void compareGradients(ViCMae model) throws IOException {
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

    private void compareState(ViCMae model) throws IOException {
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
        rows.add(new Row("running statistics", statistics.relative(), limits.updates(), ""));
        for (String name : file.names()) {
            if (name.startsWith("after.") && name.endsWith(".num_batches_tracked")) {
                long expected = file.longs(name)[0];
                rows.add(new Row(
                        "batches tracked",
                        Math.abs(expected - model.headCalls()) / (double) expected,
                        0,
                        name.substring(6)));
                break;
            }
        }
    }

    private static float[] read(ViCMae model, Tensor tensor) {
        return model.stream().read(tensor);
    }

    private static float[] difference(float[] a, float[] b) {
        float[] d = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            d[i] = a[i] - b[i];
        }
        return d;
    }

    /** Sums of squares of a difference and of what was expected. */
    private static final class Difference {
        private double difference;
        private double norm;

        void add(float[] expected, float[] found) throws IOException {
            if (expected.length != found.length) {
                throw new IOException(
                        "The golden file has " + expected.length + " values where the model has " + found.length);
            }
            for (int i = 0; i < expected.length; i++) {
                double d = (double) found[i] - expected[i];
                difference += d * d;
                norm += (double) expected[i] * expected[i];
            }
        }

        void add(Difference other) {
            difference += other.difference;
            norm += other.norm;
        }

        double absolute() {
            return Math.sqrt(difference);
        }

        /** Infinite if anything is not a number. */
        double relative() {
            if (Double.isNaN(difference)) {
                return Double.POSITIVE_INFINITY;
            }
            return difference == 0 ? 0 : Math.sqrt(difference / norm);
        }
    }
}
