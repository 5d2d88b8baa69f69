package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.device.Device;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.report.EvaluationPage;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.FineTuning;
import io.github.vicmae.train.Resume;
import io.github.vicmae.train.RunFolder;
import io.github.vicmae.train.SettingsBuilder;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains a classifier on a pre-trained encoder. */
@Command(
        name = "finetune",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        modelTransformer = FinetuneCommand.Settings.class,
        customSynopsis = {
            "vicmae finetune --from CHECKPOINT|RUN|scratch --train DATA... --test DATA... --out RUN [--recipe NAME] [--clip 16x4]"
                    + " [OPTIONS]",
            "       vicmae finetune --resume RUN [OPTIONS]"
        },
        description = {
            "Train an encoder with a classifier on labelled images or, with --clip, on clips of videos; test it, and write a page with"
                    + " the results. The first level of the data's folders names the classes."
        })
final class FinetuneCommand implements Callable<Integer> {
    /** Groups of settings that belong to pre-training, or follow from the checkpoint. */
    private static final List<String> OTHERS = List.of(
            "model.decoder.",
            "model.trunk.",
            "monitor.",
            "views.windowSeconds",
            "views.frameDistance",
            "views.videoShare",
            "views.stride",
            "views.clipSeconds",
            "views.colour",
            "init",
            "schedule.accumulateContrast",
            "loading.deviceViews");

    /** The folder of the test's results in that of the run. */
    private static final String TEST = "test";

    /** Options that have another name than in pre-training. */
    private static final Map<String, String> NAMES = Map.of("data", "--train", "optimizer.clipNorm", "--clip-grad");

    /** Defaults that are not those of pre-training, as help words them. */
    private static final Map<String, String> DEFAULTS = Map.of(
            "model.objective.repeat", "1, 2 for clips",
            "schedule.baseLearningRate", "5e-4",
            "schedule.warmupEpochs", "5, a tenth of a run of fewer than 50",
            "optimizer.beta2", "0.999",
            "optimizer.clipNorm", "0");

    /** Adds an option for each of a run's settings. */
    static final class Settings implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec spec) {
            return SettingOptions.add(spec, TrainSettings.class, FinetuneCommand::option, DEFAULTS);
        }
    }

    private static final Set<Definition> OWN = Set.copyOf(Definitions.of(ClassifierConfig.class));

    private static String option(Definition d) {
        String objective = "model.objective.";
        boolean other = OTHERS.stream().anyMatch(d.key()::startsWith)
                || d.key().startsWith(objective)
                        && OWN.stream()
                                .noneMatch(own ->
                                        own.owner() == d.owner() && d.key().equals(objective + own.key()));
        return other ? "" : NAMES.getOrDefault(d.key(), d.setting().flag());
    }

    @Option(
            names = "--from",
            paramLabel = "CHECKPOINT|RUN|scratch",
            description =
                    "the encoder to begin with: a checkpoint of any method, a published .pth of MAE, ViC-MAE, ST-MAE, OmniMAE or timm, the"
                            + " folder of a run; 'scratch' begins with random weights (the supervised baseline)")
    private String from;

    @Option(
            names = "--test",
            arity = "1..*",
            paramLabel = "DATA",
            description = "labelled data to test on after every epoch and at the end")
    private List<String> test;

    @Option(names = "--out", paramLabel = "RUN", description = "the run's folder")
    private Path out;

    @Option(names = "--resume", paramLabel = "RUN", description = "go on with the run in this folder")
    private Path resume;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            description = "begin with a named set of settings: finetune-small, for a small encoder and few samples")
    private String recipe;

    @Option(
            names = "--settings",
            paramLabel = "FILE",
            description = "take settings from a YAML file, such as another run's settings.yaml; options override it")
    private Path settingsFile;

    @Option(
            names = "--clip",
            paramLabel = "FRAMESxSTRIDE",
            description = "classify clips of videos, such as 16x4, in place of images and single frames")
    private String clip;

    @Option(
            names = "--model",
            paramLabel = "SIZE",
            description = "size of the encoder from scratch: ti8, ti16, s16, b16, l16 or h14 (default: ti16)")
    private String model;

    @Option(
            names = "--image",
            paramLabel = "N|HxW",
            description = "size of the views in pixels (default: the encoder's); positions are interpolated")
    private String image;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Option(
            names = "--dry-run",
            description = "print settings, data, steps, learning rates, memory and disk space, and exit")
    private boolean dryRun;

    @Mixin
    private TestOptions testOptions;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        requireOptions();
        testOptions.check();
        TrainSettings settings = settings();
        Path run = resume == null ? out : resume;
        try (Device d = device.open()) {
            if (dryRun) {
                new DryRun(settings, d).print(spec.commandLine().getOut());
                return 0;
            }
            try (ConsoleProgress progress =
                            new ConsoleProgress(spec.commandLine().getErr());
                    Trainer trainer =
                            new Trainer(d, settings, run, resume == null ? Resume.NEW : Resume.NEWEST, progress)) {
                trainer.madeBy(Run.commandLine(spec), Run.version(spec));
                int status = Run.untilDoneOrInterrupted(
                        trainer, progress, run, "'vicmae finetune --resume " + run + "' goes on");
                if (status != 0) {
                    return status;
                }
            }
            test(settings, run, d);
        }
        return 0;
    }

    /** Tests the finished model, unless an earlier process did so on the same weights and data. */
    private void test(TrainSettings settings, Path run, Device d) throws IOException {
        List<Path> data = settings.monitor().data().stream().map(Path::of).toList();
        Path folder = run.resolve(TEST);
        if (data.isEmpty()) {
            return;
        }
        Path page = folder.resolve(EvaluationPage.PAGE);
        Path checkpoint = run.resolve("checkpoint.safetensors");
        boolean isOfThis = test == null
                && Files.exists(page)
                && Files.exists(checkpoint)
                && Files.getLastModifiedTime(page).compareTo(Files.getLastModifiedTime(checkpoint)) >= 0;
        if (isOfThis) {
            spec.commandLine()
                    .getErr()
                    .println("The test's page is there already: " + folder.resolve(EvaluationPage.PAGE));
            return;
        }
        new ClassifierEvaluation(spec, d, testOptions)
                .run(RunFolder.weights(run), data, settings.compute().precision(), folder, false);
    }

    private void requireOptions() {
        List<String> missing = new ArrayList<>();
        boolean hasSettings = resume != null || settingsFile != null;
        if (!hasSettings && from == null) {
            missing.add("'--from=CHECKPOINT|RUN|scratch'");
        }
        if (!hasSettings && spec.findOption("--train").getValue() == null) {
            missing.add("'--train=DATA'");
        }
        if (resume == null && out == null && !dryRun) {
            missing.add("'--out=RUN'");
        }
        if (!missing.isEmpty()) {
            throw refused("Missing required option" + (missing.size() > 1 ? "s: " : ": ") + String.join(", ", missing));
        }
        if (resume != null && (out != null || from != null || recipe != null || settingsFile != null)) {
            throw refused(
                    "--resume goes on with a run's own settings; leave out --out, --from, --recipe and --settings");
        }
        if (model != null && !"scratch".equals(from)) {
            throw refused("--model applies to --from scratch alone: a checkpoint has a size of its own");
        }
    }

    private ParameterException refused(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }

    private TrainSettings settings() throws IOException {
        SettingsBuilder settings = new SettingsBuilder();
        ObjectNode method = SettingTree.empty();
        SettingTree.put(method, SettingsBuilder.METHOD, ClassifierConfig.FineTuning.NAME);
        settings.add(method);
        ObjectNode given = SettingTree.empty();
        SettingOptions.putGiven(spec, given, TrainSettings.class, "", settings.method(), FinetuneCommand::option);
        if (test != null) {
            SettingTree.put(given, "monitor.data", test);
        }
        if (resume != null) {
            settings.add(RunFolder.settings(resume));
        }
        if (recipe != null) {
            settings.recipe(recipe);
        }
        if (settingsFile != null) {
            settings.file(settingsFile);
        }
        if (settings.method().hasDecoder()) {
            String source = settingsFile != null ? "The file " + settingsFile : "The recipe " + recipe;
            throw new IllegalArgumentException((resume != null ? "The run in " + resume : source)
                    + " is of pre-training (" + settings.method().name() + "); vicmae pretrain takes it");
        }
        if (from != null) {
            settings.add(start(given));
        }
        return settings.add(given).build(Device.Kind.CPU); // views are made on the host
    }

    private ObjectNode start(ObjectNode given) throws IOException {
        FineTuning start = from.equals("scratch")
                ? FineTuning.fromScratch(ModelSize.of(model == null ? SettingsBuilder.DEFAULT_SIZE : model))
                : FineTuning.from(RunFolder.weights(Path.of(from)), heads);
        if (image != null) {
            int[] size = ModelOptions.imageSize(image);
            start.image(size[0], size[1]);
        }
        if (clip != null) {
            start.clip(FineTuning.Clip.parse(clip));
        }
        List<Path> data = new ArrayList<>();
        given.path("data").forEach(path -> data.add(Path.of(path.asText())));
        return start.classesOf(data).settings();
    }
}
