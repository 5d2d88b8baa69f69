package io.github.vicmae.cli;

import io.github.vicmae.data.view.DeviceViews;
import io.github.vicmae.device.Device;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.FlopCount;
import io.github.vicmae.objective.MemoryPlan;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ObjectiveConfig;
import io.github.vicmae.train.MonitorSettings;
import io.github.vicmae.train.TrainSettings;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/**
 * The device memory that training takes, by parts.
 *
 * @param plan the model's, in bytes
 * @param views bytes for making views on the device
 * @param monitor bytes of the encoder that is measured while the run goes on
 */
record MemoryTable(MemoryPlan plan, long views, long monitor) {
    /**
     * The table of a step.
     *
     * @param batch samples of a forward pass
     * @param together forward passes whose samples are each other's negatives
     * @param deviceViews whether views are made on the device
     * @param monitored whether the encoder is measured while the run goes on
     */
    static MemoryTable of(
            Device.Kind kind,
            ModelConfig config,
            int batch,
            int together,
            Execution execution,
            boolean deviceViews,
            boolean monitored) {
        return new MemoryTable(
                MemoryPlan.of(kind, config, batch, together, execution),
                deviceViews ? viewBytes(config, batch, Math.max(together, execution.inputs())) : 0,
                monitored ? MonitorSettings.plannedBytes(kind, config) : 0);
    }

    /** The table of a run. */
    static MemoryTable of(Device.Kind kind, TrainSettings run) {
        return of(
                kind,
                run.model(),
                run.schedule().batch(),
                run.together(),
                new Execution(run.compute().precision(), run.compute().recompute(), Execution.inputs(kind)),
                run.loading().deviceViews(),
                run.monitor().measures());
    }

    /** Memory for making views on the device: one {@link DeviceViews} for each input. */
    private static long viewBytes(ModelConfig config, int batch, int inputs) {
        ObjectiveConfig objective = config.objective();
        List<ViewBatch> batches = objective.batches(config.trunk(), batch);
        long bytes = 0;
        for (int i = 0; i < batches.size(); i++) {
            bytes += DeviceViews.plannedBytes(
                    objective.viewSettings(config.trunk(), i), batches.get(i).batch(), inputs);
        }
        return bytes;
    }

    /** What a sample costs, in words. */
    static String computation(ModelConfig config) {
        return String.format(
                Locale.ROOT, "%.4g GFLOP a sample, forward and backward", FlopCount.perSample(config) / 1e9);
    }

    /** All of it, in bytes. */
    long total() {
        return plan.total() + views + monitor;
    }

    void print(PrintWriter out, String prefix) {
        plan.parts().forEach((part, bytes) -> print(out, prefix, part, bytes));
        if (views > 0) {
            print(out, prefix, "making views", views);
        }
        if (monitor > 0) {
            print(out, prefix, "monitor", monitor);
        }
        print(out, prefix, "total", total());
    }

    private static void print(PrintWriter out, String prefix, String part, long bytes) {
        out.printf(Locale.ROOT, "%s  %-26s %12.1f MiB%n", prefix, part, bytes / 1048576.0);
    }
}
