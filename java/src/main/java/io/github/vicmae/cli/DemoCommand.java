package io.github.vicmae.cli;

import io.github.vicmae.data.Dataset;
import io.github.vicmae.data.Kind;
import io.github.vicmae.data.SyntheticShapes;
import io.github.vicmae.data.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClipFeatures;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.optim.WeightRamp;
import io.github.vicmae.train.TrainSettings;
import io.github.vicmae.train.Trainer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
        description =
                "Render moving shapes as video files, pre-train on them, and compare k-NN accuracy on held-out clips.")
final class DemoCommand implements Callable<Integer> {
    private static final int FRAMES = 4;

    @Option(
            names = "--out",
            description = "folder for data, run and report (default: the first free of runs/demo-1, runs/demo-2, ...)")
    private Path out;

    @Option(names = "--epochs", defaultValue = "60", description = "passes over the data (default: ${DEFAULT-VALUE})")
    private int epochs;

    @Option(names = "--seed", defaultValue = "0", description = "of data and training (default: ${DEFAULT-VALUE})")
    private long seed;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    private static ModelConfig model() {
        return new ModelConfig(
                Variant.PAPER, 64, 64, 3, 8, 128, 6, 4, 64, 2, 2, 4, 256, 64, 0.1, 0.75, true, Pooling.MEAN);
    }

    private TrainSettings settings(Path data) {
        return new TrainSettings(
                model(),
                List.of(data.resolve("train").toString()),
                TrainSettings.Views.DEFAULT,
                64,
                1,
                epochs,
                4e-3,
                epochs / 10.0,
                AdamW.Settings.DEFAULT,
                1,
                new WeightRamp(WeightRamp.Shape.LINEAR, 0, 0.25, 0.1),
                seed,
                Runtime.getRuntime().availableProcessors(),
                2,
                Math.max(1, epochs / 4),
                null);
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter text = spec.commandLine().getOut();
        Path folder = out == null ? freeFolder() : out;
        Path data = folder.resolve("data");
        try (Device d = device.open();
                ConsoleProgress progress =
                        new ConsoleProgress(spec.commandLine().getErr())) {
            progress.note("rendering clips and pictures of moving shapes into " + data);
            SyntheticShapes.write(data, seed, SyntheticShapes.Settings.DEFAULT);
            ViewSettings views = ViewSettings.paper(model().height(), model().width(), model().channels());
            ClipFeatures train = new ClipFeatures(
                    Dataset.scan(List.of(data.resolve("train"))).only(Kind.VIDEO), views, FRAMES);
            ClipFeatures test = new ClipFeatures(Dataset.scan(List.of(data.resolve("test"))), views, FRAMES);
            Path run = folder.resolve("run");
            try (Trainer trainer = new Trainer(d, settings(data), run, false, progress);
                    FeatureExtractor extractor = new FeatureExtractor(d, model(), 64)) {
                extractor.copyFrom(trainer.model());
                double untrained = accuracy(train.encoded(extractor), train, test.encoded(extractor), test);
                int status = Run.untilDoneOrInterrupted(trainer, progress, run);
                if (status != 0) {
                    return status;
                }
                extractor.copyFrom(trainer.model());
                double trained = accuracy(train.encoded(extractor), train, test.encoded(extractor), test);
                double pixels = accuracy(train.pixels(), train, test.pixels(), test);
                text.println("k-NN accuracy on " + test.labels().length + " held-out clips (k = 20):");
                print(text, "trained encoder", trained);
                print(text, "untrained encoder", untrained);
                print(text, "raw pixels", pixels);
                print(text, "chance", 1.0 / SyntheticShapes.classNames().size());
                text.println("the report: " + run.resolve("report.html"));
            }
        }
        return 0;
    }

    private static Path freeFolder() {
        int n = 1;
        while (Files.exists(Path.of("runs", "demo-" + n))) {
            n++;
        }
        return Path.of("runs", "demo-" + n);
    }

    private static double accuracy(float[][] train, ClipFeatures trainClips, float[][] test, ClipFeatures testClips) {
        int classes = SyntheticShapes.classNames().size();
        return new Knn(train, trainClips.labels(), classes)
                .evaluate(test, testClips.labels())
                .accuracy();
    }

    private static void print(PrintWriter out, String what, double accuracy) {
        out.printf(Locale.ROOT, "  %-18s %5.1f %%%n", what, 100 * accuracy);
    }
}
