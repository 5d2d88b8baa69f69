package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.settings.SettingYaml;
import io.github.vicmae.train.RunPlan;
import io.github.vicmae.train.Schedule;
import io.github.vicmae.train.TrainSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;

/** Prints what a run would do: its settings as YAML, and in comments its data, steps, learning rates and memory. */
final class DryRun {
    private static final double[] SHARES = {0, 0.25, 0.5, 0.75};

    private final TrainSettings settings;
    private final Device device;

    DryRun(TrainSettings settings, Device device) {
        this.settings = settings;
        this.device = device;
    }

    void print(PrintWriter out) throws IOException {
        RunPlan plan = new RunPlan(settings);
        out.print(SettingYaml.write(SettingTree.tree(settings)));
        out.println(
                "# data: " + plan.data().videos() + " videos and " + plan.data().images() + " images");
        plan.data().report().sentences().forEach(sentence -> out.println("#   " + sentence));
        if (plan.monitor() != null) {
            out.println("# monitor: " + plan.monitor());
        }
        Schedule schedule = settings.schedule();
        out.printf(
                Locale.ROOT,
                "# steps: %d of %d samples%s; an epoch has %d batches%n",
                plan.totalSteps(),
                schedule.effectiveBatch(),
                schedule.accumulate() == 1 ? "" : ", in " + schedule.accumulate() + " passes each",
                plan.batchesPerEpoch());
        printRates(out, plan);
        if (plan.advice() != null) {
            out.println("# warning: " + plan.advice());
        }
        out.println("# computation: " + MemoryTable.computation(settings.model()));
        MemoryTable memory = MemoryTable.of(device.kind(), settings);
        out.println("# device memory, on " + device.description() + ":");
        memory.print(out, "# ");
        out.printf(
                Locale.ROOT,
                "# disk: %.1f MiB for checkpoints and models%n",
                settings.checkpoints().plannedBytes(memory.plan()) / 1048576.0);
    }

    private void printRates(PrintWriter out, RunPlan plan) {
        out.printf(
                Locale.ROOT,
                "# learning rate: up to %.3g within %s epochs, then %s%n",
                settings.schedule().peakLearningRate(),
                settings.schedule().warmupEpochs(),
                settings.schedule().decay());
        for (double share : SHARES) {
            printRate(out, plan, (long) (share * plan.totalSteps()));
        }
        printRate(out, plan, plan.totalSteps() - 1);
    }

    private void printRate(PrintWriter out, RunPlan plan, long step) {
        String[] losses = settings.model().objective().losses();
        double[] weights = settings.model().objective().weights(step, plan.totalSteps());
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "#   step %8d (epoch %.1f): rate %.3g",
                step + 1,
                plan.epoch(step),
                plan.rates().at(step)));
        for (int i = 0; i < losses.length; i++) {
            line.append(String.format(Locale.ROOT, ", weight of %s %.3g", losses[i].replace('_', ' '), weights[i]));
        }
        out.println(line);
    }
}
