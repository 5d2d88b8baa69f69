package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Tests a fine-tuned classifier. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Test a fine-tuned classifier on labelled data: top-1 and top-5 accuracy, a table of the classes, the confusion matrix and the"
                    + " most confident mistakes, as a page and as JSON. Classes are matched by name."
        })
final class EvaluateCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "CHECKPOINT",
            description = "a classifier that 'vicmae finetune' has trained, or the folder of its run")
    private Path checkpoint;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "DATA", description = "labelled images or videos")
    private List<Path> data;

    @Mixin
    private TestOptions options;

    @Mixin
    private PrecisionOption precision;

    @Mixin
    private EvaluationFolder out = new EvaluationFolder("evaluate");

    @Option(names = "--json", description = "print the numbers as JSON in place of the table")
    private boolean json;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        options.check();
        Path folder = out.folder();
        Path weights = RunFolder.weights(checkpoint);
        try (Device d = device.open()) {
            new ClassifierEvaluation(spec, d, options).run(weights, data, precision.value(), folder, json);
        }
        return 0;
    }
}
