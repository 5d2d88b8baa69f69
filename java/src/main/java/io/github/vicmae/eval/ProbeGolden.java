package io.github.vicmae.eval;

import io.github.vicmae.device.Device;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.LarsKernels;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** A golden file of a linear probe: features, labels, and what some steps of LARS gave elsewhere. Probes are trained in fp32 alone. */
final class ProbeGolden {
    /** The method's name in the file. */
    static final String METHOD = "linear-probe";

    private static final String WEIGHT = "1.weight";
    private static final String BIAS = "1.bias";
    private static final String MEAN = "0.running_mean";
    private static final String VARIANCE = "0.running_var";

    private final Safetensors file;
    private final List<Golden.Row> rows = new ArrayList<>();

    private ProbeGolden(Safetensors file) {
        this.file = file;
    }

    static List<Golden.Row> verify(Safetensors file, GoldenSettings settings, Device device, GoldenLimits limits)
            throws IOException {
        ProbeGolden golden = new ProbeGolden(file);
        golden.run(settings, device, limits);
        return golden.rows;
    }

    private void run(GoldenSettings settings, Device device, GoldenLimits limits) throws IOException {
        long[] shape = file.info("in.features").shape();
        LinearHeads.Sizes sizes = new LinearHeads.Sizes(
                Math.toIntExact(shape[1]), (int) settings.number("classes"), 1, Math.toIntExact(shape[0]));
        LarsKernels.Settings lars =
                new LarsKernels.Settings((float) settings.number("momentum"), (float) settings.number("trust"), (float)
                        settings.number("weightDecay"));
        FloatBuffer features = FloatBuffer.wrap(file.floats("in.features"));
        long[] numbers = file.longs("in.labels");
        int[] labels = new int[numbers.length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = Math.toIntExact(numbers[i]);
        }
        double[] rate = {settings.number("lr")};
        float[] expected = file.floats("out.losses");
        try (LinearHeads head = new LinearHeads(device, sizes, lars)) {
            head.restore(before());
            double worst = 0;
            for (int step = 0; step < expected.length; step++) {
                double loss = head.forwardBackward(features, labels)[0];
                double error = Math.abs(loss - expected[step]) / Math.abs(expected[step]);
                worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(worst, error);
                if (step == 0) {
                    row("logits", "out.logits", head.lastLogits(), limits.predictions());
                    row("gradient", "grad." + WEIGHT, head.weightGradients(), limits.gradients());
                    row("gradient", "grad." + BIAS, head.biasGradients(), limits.gradients());
                }
                head.update(rate);
            }
            rows.add(
                    0,
                    new Golden.Row("loss", worst, limits.reconstruction(), "worst of " + expected.length + " steps"));
            LinearHeads.State after = head.state();
            update(WEIGHT, after.weights(), limits);
            update(BIAS, after.biases(), limits);
            update(MEAN, part(after.running(), 0, sizes.width()), limits);
            update(VARIANCE, part(after.running(), 1, sizes.width()), limits);
            long batches = file.longs("after.0.num_batches_tracked")[0];
            rows.add(new Golden.Row("batches tracked", Math.abs(batches - after.batches()), 0, ""));
        }
    }

    private LinearHeads.State before() throws IOException {
        float[] weights = file.floats("param." + WEIGHT);
        float[] biases = file.floats("param." + BIAS);
        float[] mean = file.floats("param." + MEAN);
        float[] variance = file.floats("param." + VARIANCE);
        float[] running = new float[2 * mean.length];
        System.arraycopy(mean, 0, running, 0, mean.length);
        System.arraycopy(variance, 0, running, mean.length, mean.length);
        return new LinearHeads.State(
                file.longs("param.0.num_batches_tracked")[0],
                running,
                weights,
                biases,
                new float[weights.length],
                new float[biases.length]);
    }

    private static float[] part(float[] values, int index, int width) {
        float[] part = new float[width];
        System.arraycopy(values, index * width, part, 0, width);
        return part;
    }

    private void row(String quantity, String name, float[] found, double limit) throws IOException {
        Difference d = new Difference();
        d.add(file.floats(name), found);
        rows.add(new Golden.Row(quantity, d.relative(), limit, name));
    }

    /** Compares what the steps changed. */
    private void update(String name, float[] found, GoldenLimits limits) throws IOException {
        float[] before = file.floats("param." + name);
        float[] expected = file.floats("after." + name);
        float[] change = new float[before.length];
        float[] wanted = new float[before.length];
        for (int i = 0; i < before.length; i++) {
            wanted[i] = expected[i] - before[i];
            change[i] = found[i] - before[i];
        }
        Difference d = new Difference();
        d.add(wanted, change);
        rows.add(new Golden.Row("update", d.relative(), limits.updates(), name));
    }
}
