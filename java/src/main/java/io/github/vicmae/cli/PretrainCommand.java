package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.Resume;
import io.github.vicmae.train.RunFolder;
import io.github.vicmae.train.SettingsBuilder;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Pre-trains on videos and images. */
@Command(
        name = "pretrain",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        modelTransformer = PretrainCommand.Settings.class,
        customSynopsis = {
            "vicmae pretrain --data DIR|LIST|TAR... --out RUN [--recipe NAME] [--settings FILE] [OPTIONS]",
            "       vicmae pretrain --resume RUN [OPTIONS]"
        },
        description = "Pre-train a model on videos and images; writes checkpoints, metrics and a report to a folder.")
final class PretrainCommand implements Callable<Integer> {
    /** Adds an option for each of a run's settings. */
    static final class Settings implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec spec) {
            return SettingOptions.add(ModelOptions.withMethods(spec), TrainSettings.class);
        }
    }

    @Option(names = "--out", paramLabel = "RUN", description = "the run's folder")
    private Path out;

    @Option(
            names = "--resume",
            arity = "0..1",
            fallbackValue = "",
            paramLabel = "RUN",
            description =
                    "go on with the run in this folder, with its own settings; without RUN, with the one in --out")
    private String resume;

    @Option(
            names = "--from-step",
            paramLabel = "N",
            description = "resume from the run's checkpoint after this step rather than the newest one")
    private Long fromStep;

    @Option(names = "--data-changed", description = "resume although the data are not those that the run began with")
    private boolean dataChanged;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            description = "begin with a named set of settings: 'vicmae recipes'")
    private String recipe;

    @Option(
            names = "--settings",
            paramLabel = "FILE",
            description =
                    "take settings from a YAML file, such as another run's settings.yaml; command-line options override it")
    private Path settingsFile;

    @Option(
            names = "--dry-run",
            description = "print settings, data, steps, learning rates, memory and disk space, and exit")
    private boolean dryRun;

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
        Path run = runFolder();
        settings(run, Device.Kind.CPU); // what is wrong with them shows before the device is opened
        if (dryRun) {
            try (Device d = device.open()) {
                new DryRun(settings(run, d.kind()), d).print(spec.commandLine().getOut());
            }
            return 0;
        }
        Resume how = resume == null ? Resume.NEW : new Resume(true, dataChanged, fromStep);
        try (Device d = device.open();
                ConsoleProgress progress =
                        new ConsoleProgress(spec.commandLine().getErr());
                Trainer trainer = new Trainer(d, settings(run, d.kind()), run, how, progress)) {
            trainer.madeBy(Run.commandLine(spec), Run.version(spec));
            return Run.untilDoneOrInterrupted(trainer, progress, run, "'--resume " + run + "' goes on");
        }
    }

    /** The folder of the run, which a new one needs in {@code --out} and an old one may have in {@code --resume}. */
    private Path runFolder() {
        if (resume == null && (fromStep != null || dataChanged)) {
            throw refused((fromStep != null ? "--from-step" : "--data-changed") + " applies to --resume alone");
        }
        boolean named = resume != null && !resume.isEmpty();
        if (named && out != null && !out.equals(Path.of(resume))) {
            throw refused("--resume " + resume + " and --out " + out + " are two runs; name one");
        }
        if (named && recipe != null) {
            throw refused("--recipe does not apply to --resume " + resume + ", which has settings of its own");
        }
        List<String> missing = new ArrayList<>();
        if (!named && settingsFile == null && spec.findOption("--data").getValue() == null) {
            missing.add("'--data=DIR|LIST|TAR'");
        }
        if (!named && out == null && !dryRun) {
            missing.add("'--out=RUN'");
        }
        if (!missing.isEmpty()) {
            throw refused("Missing required option" + (missing.size() > 1 ? "s: " : ": ") + String.join(", ", missing));
        }
        return named ? Path.of(resume) : out;
    }

    private ParameterException refused(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }

    /** A run that is resumed has its own settings; what is given beside them has to agree. */
    private TrainSettings settings(Path run, Device.Kind kind) throws IOException {
        SettingsBuilder settings = new SettingsBuilder();
        if (resume != null && (!resume.isEmpty() || RunFolder.hasSettings(run))) {
            settings.add(RunFolder.settings(run));
        }
        if (recipe != null) {
            settings.recipe(recipe);
        }
        if (settingsFile != null) {
            settings.file(settingsFile);
        }
        model.addTo(settings, TrainSettings.class, "");
        if (!settings.method().hasDecoder()) {
            throw new IllegalArgumentException(
                    resume == null
                            ? "Fine-tuning is a command of its own: vicmae finetune"
                            : "The run in " + run + " trains a classifier: 'vicmae finetune --resume " + run
                                    + "' goes on with it");
        }
        addViews(settings);
        return settings.build(kind);
    }

    private void addViews(SettingsBuilder settings) {
        if (views.equals("auto")) {
            return;
        }
        if (!views.equals("host") && !views.equals("device")) {
            throw new IllegalArgumentException(
                    "Views are made on the host or on the device, not on '" + views + "'; use auto, host or device");
        }
        ObjectNode given = SettingTree.empty();
        SettingTree.put(given, "loading.deviceViews", views.equals("device"));
        settings.add(given);
    }
}
