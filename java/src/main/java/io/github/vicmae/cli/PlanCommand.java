package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.model.Execution;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.train.Schedule;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says how much device memory training takes. */
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        modelTransformer = ModelOptions.Settings.class,
        description = "Print the device memory that training a model takes, before anything is allocated.")
final class PlanCommand implements Callable<Integer> {
    private static final double GIB = 1L << 30;

    @Option(
            names = "--batch",
            defaultValue = "32",
            description = "samples of a forward pass (default: ${DEFAULT-VALUE})")
    private int batch;

    @Option(
            names = "--accumulate",
            defaultValue = "1",
            description = "forward passes of an update (default: ${DEFAULT-VALUE})")
    private int accumulate;

    @Option(
            names = "--accumulate-contrast",
            paramLabel = "whole|part",
            defaultValue = "whole",
            description =
                    "whose negatives a sample has: those of the whole update, or of its forward pass (default: ${DEFAULT-VALUE})")
    private Schedule.Negatives accumulateContrast;

    @Option(
            names = "--kind",
            paramLabel = "cuda|cpu",
            defaultValue = "cuda",
            description = "the kind of device; there need not be one here (default: ${DEFAULT-VALUE})")
    private Device.Kind kind;

    @Option(names = "--monitored", description = "count the encoder that pretrain --monitor measures, too")
    private boolean monitored;

    @Option(
            names = "--fit",
            paramLabel = "GIB",
            description = "also find the largest batch that takes no more than this")
    private Double fit;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ExecutionOptions execution;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (fit != null && !(fit > 0)) {
            throw new IllegalArgumentException("--fit wants a positive number of GiB, not " + fit);
        }
        PrintWriter out = spec.commandLine().getOut();
        ModelConfig config = model.config();
        MemoryTable plan = plan(config, batch);
        out.printf(
                Locale.ROOT,
                "device memory for a step of %s samples in %s%s, on %s:%n",
                (accumulate > 1 ? accumulate + " times " : "") + batch,
                execution.precision(),
                execution.recompute ? ", activations computed anew" : "",
                kind.toString().toLowerCase(Locale.ROOT));
        plan.print(out, "");
        out.printf(Locale.ROOT, "computation: %s%n", MemoryTable.computation(config));
        if (fit != null) {
            int largest = largestBatch(config);
            out.println(
                    largest < 2
                            ? String.format(Locale.ROOT, "not even 2 samples fit %.6g GiB", fit)
                            : String.format(
                                    Locale.ROOT,
                                    "%d samples fit %.6g GiB: %.2f GiB",
                                    largest,
                                    fit,
                                    total(config, largest) / GIB));
        }
        return 0;
    }

    /** With views made where runs make them unless told otherwise: on a card, on the device. */
    private MemoryTable plan(ModelConfig config, int samples) {
        return MemoryTable.of(
                kind,
                config,
                samples,
                together(config),
                new Execution(execution.precision(), execution.recompute, Execution.inputs(kind)),
                kind == Device.Kind.CUDA,
                monitored);
    }

    /** Forward passes whose samples are each other's negatives. */
    private int together(ModelConfig config) {
        return config.objective().hasNegatives() && accumulateContrast == Schedule.Negatives.WHOLE ? accumulate : 1;
    }

    private double total(ModelConfig config, int samples) {
        return plan(config, samples).total();
    }

    /** By bisection: the memory grows with the batch. */
    private int largestBatch(ModelConfig config) {
        int fits = 1;
        int tooMany = 2;
        while (fits(config, tooMany)) {
            fits = tooMany;
            tooMany *= 2;
        }
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) / 2;
            if (fits(config, middle)) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        return fits;
    }

    private boolean fits(ModelConfig config, int samples) {
        try {
            return total(config, samples) <= fit * GIB;
        } catch (IllegalArgumentException e) {
            return false; // larger than any tensor can be
        }
    }
}
