package io.github.vicmae.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClipFeatures;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.report.AccuracyTable;
import io.github.vicmae.report.Evaluation;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.SettingsBuilder;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** From nothing to a trained encoder in minutes. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Render eight kinds of moving, deforming shapes as video files and pictures, pre-train a small ViC-MAE on them"
                    + " without their labels, and compare k-NN accuracy on held-out clips: trained encoder, untrained encoder,"
                    + " raw pixels, chance. Needs no data and no network; takes two to three minutes on two cores."
        })
final class DemoCommand implements Callable<Integer> {
    private static final String RUN = "pretrain";
    /** Views of each clip in the comparison: shots differ in place, size and colour, and a mean over several is steadier. */
    private static final int FRAMES = SampleFeatures.Settings.FRAMES;
    /** Encodings of one pass in the comparison. */
    private static final int ENCODED_AT_ONCE = SampleFeatures.Settings.BATCH;

    private static final String RECIPE = "small";
    /** At the demo's forty epochs one for every ten. */
    private static final int CHECKPOINTS = 4;
    /** Three steps an epoch. */
    private static final int QUICK_BATCH = 8;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description =
                    "new folder for data, run and report (default: the first free of runs/demo-1, runs/demo-2, ...)")
    private Path out;

    @Option(
            names = "--epochs",
            defaultValue = "40",
            description = "passes over the data; fewer are faster and learn less (default: ${DEFAULT-VALUE})")
    private int epochs;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "seed of shapes, initial weights and training (default: ${DEFAULT-VALUE})")
    private long seed;

    @Option(
            names = "--quick",
            description = "a few clips of each class, to see in seconds whether everything works; little is learned")
    private boolean quick;

    @Mixin
    private PrecisionOption precision;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    /** The clips to compare, as views. */
    private record Clips(ClipFeatures known, ClipFeatures heldOut) {
        static Clips read(Path data, TrunkConfig trunk) throws IOException {
            ViewSettings views = ViewSettings.paper(trunk.height(), trunk.width(), trunk.channels());
            Dataset known = Dataset.scan(List.of(data.resolve("train"))).only(Kind.VIDEO);
            return new Clips(
                    new ClipFeatures(known, views, FRAMES),
                    new ClipFeatures(Dataset.scan(List.of(data.resolve("test"))), views, FRAMES));
        }

        Scores encoded(FeatureExtractor extractor, Device device) throws IOException {
            return scores(known.encoded(extractor), heldOut.encoded(extractor), device);
        }

        Scores pixels(Device device) throws IOException {
            return scores(known.pixels(), heldOut.pixels(), device);
        }

        /** As {@code vicmae knn --kind video} has them. */
        private Scores scores(float[][] knownFeatures, float[][] heldOutFeatures, Device device) throws IOException {
            return Knn.scores(
                    known.samples(),
                    knownFeatures,
                    heldOut.samples(),
                    heldOutFeatures,
                    Knn.NEIGHBOURS,
                    Knn.TEMPERATURE,
                    device);
        }
    }

    /** The recipe's, so that 'pretrain --recipe small' on the demo's data is the demo's run. */
    private TrainSettings settings(Path data, Device.Kind kind) {
        ObjectNode own = SettingTree.empty();
        SettingTree.put(own, "data", List.of(data.resolve("train").toString()));
        SettingTree.put(own, "schedule.epochs", epochs);
        if (quick) {
            SettingTree.put(own, "schedule.batch", QUICK_BATCH);
        }
        SettingTree.put(own, "checkpoints.every", Math.max(1, epochs / CHECKPOINTS));
        SettingTree.put(own, "compute.precision", precision.value());
        SettingTree.put(own, "seed", seed);
        return new SettingsBuilder().recipe(RECIPE).add(own).build(kind);
    }

    @Override
    public Integer call() throws IOException {
        long start = System.nanoTime();
        Path folder = out == null ? EvaluationFolder.free("demo") : unused(out);
        Path data = folder.resolve("data");
        Path run = folder.resolve(RUN);
        try (Device d = device.open();
                ConsoleProgress progress =
                        new ConsoleProgress(spec.commandLine().getErr())) {
            TrainSettings settings = settings(data, d.kind()); // refused before anything is rendered
            ModelConfig model = settings.model();
            progress.note("rendering clips and pictures of moving shapes into " + data);
            SyntheticShapes.write(data, seed, quick ? SyntheticShapes.Settings.FEW : SyntheticShapes.Settings.DEFAULT);
            Clips clips = Clips.read(data, model.trunk());
            try (Trainer trainer = new Trainer(d, settings, run, false, progress);
                    FeatureExtractor extractor = new FeatureExtractor(
                            d, model.trunk(), model.objective().pooling(), ENCODED_AT_ONCE)) {
                trainer.madeBy(Run.commandLine(spec), Run.version(spec));
                extractor.copyFrom(trainer.model().state());
                Scores untrained = clips.encoded(extractor, d);
                int status = Run.untilDoneOrInterrupted(
                        trainer, progress, run, "there is nothing to compare yet, so start the demo again");
                if (status != 0) {
                    return status;
                }
                extractor.copyFrom(trainer.model().state());
                AccuracyTable results = results(clips, clips.encoded(extractor, d), untrained, clips.pixels(d));
                trainer.addResults(results);
                print(results, run, Duration.ofNanos(System.nanoTime() - start));
            }
        }
        return 0;
    }

    private static AccuracyTable results(Clips clips, Scores trained, Scores untrained, Scores pixels) {
        return new AccuracyTable(
                "k-NN accuracy on " + clips.heldOut().samples().size() + " held-out clips of "
                        + SyntheticShapes.classNames().size() + " classes (k = " + Knn.NEIGHBOURS + ", among "
                        + clips.known().samples().size() + " labelled clips)",
                List.of(
                        Evaluation.Row.of("trained encoder", trained),
                        Evaluation.Row.of("untrained encoder", untrained),
                        Evaluation.Row.of("raw pixels", pixels),
                        Evaluation.Row.chance(untrained.chance())));
    }

    private void print(AccuracyTable results, Path run, Duration time) {
        PrintWriter text = spec.commandLine().getOut();
        text.println();
        text.println(results.title() + ":");
        AccuracyText.print(text, results.rows());
        text.println(
                "(+- is one standard error. All in all " + time.toMinutes() + " min " + time.toSecondsPart() + " s.)");
        text.println("The report: " + run.resolve("report.html"));
    }

    /** Data that an interrupted demo left is used again; its run is not. */
    private static Path unused(Path folder) throws IOException {
        String found = Files.exists(folder.resolve(RUN)) ? "it holds another demo; remove it" : null;
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            found = "it is a file; move it";
        }
        if (found != null) {
            throw new IOException(
                    "Cannot make a demo in " + folder + ": " + found + " or name a new folder with --out.");
        }
        return folder;
    }
}
