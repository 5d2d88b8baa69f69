package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.objective.Methods;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Pre-trains on videos and images. */
@Command(
        name = "pretrain",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        modelTransformer = PretrainCommand.Settings.class,
        description = "Pre-train a model on videos and images; writes checkpoints, metrics and a report to a folder.")
final class PretrainCommand implements Callable<Integer> {
    /** Adds an option for each of a run's settings. */
    static final class Settings implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec spec) {
            return SettingOptions.add(spec, TrainSettings.class);
        }
    }

    @Option(
            names = "--data",
            arity = "1..*",
            required = true,
            paramLabel = "DIR|LIST",
            description = "folders of videos and images, or lists of 'path label' lines")
    private List<String> data;

    @Option(names = "--out", required = true, paramLabel = "RUN", description = "the run's folder")
    private Path out;

    @Option(names = "--resume", description = "go on from the folder's checkpoint")
    private boolean resume;

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description =
                    "start from these weights: a checkpoint of another run, or a published one of MAE, ViC-MAE, ST-MAE or OmniMAE")
    private Path init;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(
            names = "--views",
            defaultValue = "auto",
            paramLabel = "auto|host|device",
            description =
                    "where views are made of decoded frames, equal within 1/255: on the device from uploaded crops, or on the host"
                            + " (default: ${DEFAULT-VALUE}, which is the device on CUDA)")
    private String views;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        settings(Device.Kind.CPU); // what is wrong with the options shows before the device is opened
        try (Device d = device.open();
                ConsoleProgress progress =
                        new ConsoleProgress(spec.commandLine().getErr());
                Trainer trainer = new Trainer(d, settings(d.kind()), out, resume, progress)) {
            return Run.untilDoneOrInterrupted(trainer, progress, out, "run the same command with --resume to go on");
        }
    }

    private boolean viewsOnDevice(Device.Kind kind) {
        return switch (views) {
            case "host" -> false;
            case "device" -> true;
            case "auto" -> kind == Device.Kind.CUDA;
            default ->
                throw new IllegalArgumentException("Views are made on the host or on the device, not on '" + views
                        + "'; use auto, host or device");
        };
    }

    /** The method's published settings. A clip has a stride or a length: where one is given, the other of them does not count. */
    private Map<String, Object> ofMethod() {
        Map<String, Object> published =
                new HashMap<>(Methods.named(model.method()).run());
        if (isGiven("--stride")) {
            published.remove("views.clipSeconds");
        }
        if (isGiven("--clip-seconds")) {
            published.remove("views.stride");
        }
        return published;
    }

    private boolean isGiven(String option) {
        return spec.findOption(option).getValue() != null;
    }

    private TrainSettings settings(Device.Kind kind) {
        ObjectNode tree = SettingTree.defaults(TrainSettings.class);
        SettingTree.put(tree, "loading.workers", Runtime.getRuntime().availableProcessors());
        SettingTree.put(tree, "loading.deviceViews", viewsOnDevice(kind));
        SettingTree.put(tree, "data", data);
        SettingTree.put(tree, "init", init == null ? null : init.toString());
        SettingTree.putAll(tree, ofMethod(), TrainSettings.class);
        SettingOptions.putGiven(spec, tree, TrainSettings.class, model.record(), model.method());
        tree.set("model", model.tree());
        if (tree.at("/schedule/warmupEpochs").isMissingNode()) {
            double epochs = tree.at("/schedule/epochs").asDouble();
            SettingTree.put(
                    tree, "schedule.warmupEpochs", Methods.named(model.method()).warmupEpochs(epochs));
        }
        return SettingTree.build(tree, TrainSettings.class);
    }
}
