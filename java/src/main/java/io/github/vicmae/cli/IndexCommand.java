package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.search.IndexFolder;
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

/** Makes a collection searchable. */
@Command(
        name = "index",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Make a folder of pictures and videos searchable by example: an index of the encoder's features, of videos each"
                    + " second. Given an index that is there, add what is new or has changed, and drop what is gone."
                    + " Search it with 'vicmae search'."
        })
final class IndexCommand implements Callable<Integer> {
    static final String EVERY = "1s";

    @Parameters(
            index = "0",
            paramLabel = "MODEL|RUN",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder for its newest weights")
    private Path model;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "DATA",
            description = "folders, lists, tar files, images or videos")
    private List<Path> data;

    @Option(names = "--out", required = true, paramLabel = "INDEX", description = "the index's folder")
    private Path out;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            defaultValue = EVERY,
            description =
                    "time between the moments of a video that can be found: 1s, 500ms, 2.5 (default: ${DEFAULT-VALUE})")
    private String every;

    @Mixin
    private EmbeddingOptions options;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        FeatureStream.Settings stream = options.stream(1, EmbeddingOptions.seconds("--every", every));
        options.requireOneVector();
        IndexFolder.check(out);
        Path weights = RunFolder.weights(model);
        try (Device d = device.open()) {
            new IndexBuild(
                            out,
                            model,
                            weights,
                            options,
                            stream,
                            spec.commandLine().getErr())
                    .run(data, d);
        }
        return 0;
    }
}
