package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.eval.Softmax;
import io.github.vicmae.report.Evaluation;
import io.github.vicmae.report.EvaluationPage;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Judges an encoder by a linear classifier on its features. */
@Command(
        name = "probe",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Train a linear classifier on a frozen encoder's features and test it, as MAE's linear probe does: BatchNorm"
                    + " without affine parameters, a linear map, LARS, a cosine over 90 epochs, random crops and flips."
                    + " Classes are matched by name. Writes a page, JSON, a confusion matrix and the probe to a folder.",
            "With --cached the features of the plain views are computed once. That takes minutes in place of hours, and many"
                    + " learning rates are tried at once."
        })
final class ProbeCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "CHECKPOINT",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder for its newest weights")
    private Path checkpoint;

    @Mixin
    private LabelledData data;

    @Mixin
    private ProbeOptions options;

    @Mixin
    private Baselines baselines;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "new folder for the results and the probe (default: the first free of runs/probe-1, ...)")
    private Path out;

    @Option(names = "--resume", description = "go on with the training in the folder --out, if it was interrupted")
    private boolean resume;

    @Option(names = "--json", description = "print the numbers as JSON in place of the table")
    private boolean json;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        long start = System.nanoTime();
        PrintWriter err = spec.commandLine().getErr();
        options.check();
        if (baselines.isAny() && !options.isCached()) {
            throw new IllegalArgumentException(
                    "--untrained and --pixels go with --cached, where they cost one pass more");
        }
        Path folder = folder();
        Path weights = RunFolder.weights(checkpoint);
        Dataset train = data.training(err);
        Dataset test = data.test(err);
        List<String> classes = ClassMatch.several(train.samples());
        ClassMatch.of(classes, test.samples()); // refused before any work
        options.requireOneKind(train);
        EvaluationOutput output = new EvaluationOutput(spec, json);
        FeatureOptions features = options.features();
        SampleFeatures.Settings reading = options.reading();
        try (Device d = device.open();
                Encoder encoder = Encoder.load(weights, features.heads(), features.image(), d, reading.batch());
                EpochProgress progress = new EpochProgress(err)) {
            features.planClips(encoder, reading);
            ProbeRun run = new ProbeRun(d, encoder, classes, options, resume, progress);
            run.note(weights, train);
            List<Evaluation.Row> rows = new ArrayList<>();
            Scores scores;
            ProbeRun.Outcome outcome;
            try (Baselines.Kinds kinds = baselines.with(
                    d, encoder, features.tokens(), reading, options.seed(), List.of(train, test), output::remark)) {
                SampleFeatures ofTest =
                        features.extract("test samples", test, encoder, kinds.features(), reading, output);
                ClassMatch match = ClassMatch.of(classes, ofTest.samples());
                SampleFeatures ofTrain = options.isCached()
                        ? features.extract("training samples", train, encoder, kinds.features(), reading, output)
                        : null;
                Files.createDirectories(folder);
                err.println("training in " + folder
                        + (resume
                                ? ""
                                : "; if it is interrupted, the same command with --out " + folder
                                        + " --resume goes on"));
                outcome = options.isCached()
                        ? run.cached(folder, ofTrain, ofTest, 0)
                        : run.augmented(folder, train, ofTest, output::skip);
                scores = new Scores(match, ofTest.samples(), Softmax.of(outcome.logits()));
                rows.add(Evaluation.Row.of("linear probe", scores));
                for (int i = 1; i < kinds.names().size(); i++) {
                    String name = kinds.names().get(i);
                    err.println("the probe of the " + name + ":");
                    Path own = Files.createDirectories(folder.resolve(name.replace(' ', '-')));
                    float[][] logits = run.cached(own, ofTrain, ofTest, i).logits();
                    rows.add(Evaluation.Row.of(name, new Scores(match, ofTest.samples(), Softmax.of(logits))));
                }
            }
            List<Sample> learned = output.readable(train.samples());
            output.remarkOnOverlap(learned, scores.samples(), "The classifier has learned their labels");
            output.remarks(outcome.remarks());
            output.remarks(data.remarks());
            output.remarks(scores.classes().remarks());
            EvaluationFacts facts = new EvaluationFacts(spec, weights, encoder.config(), d);
            facts.data("training", data.trainingPaths(), learned);
            facts.data("test", data.testPaths(), scores.samples());
            options.describe(facts, outcome.batch());
            facts.put("learning rate for batches of 256", outcome.rate());
            output.write(
                    folder,
                    "Linear probe: " + checkpoint,
                    "Accuracy of the linear probe",
                    "",
                    facts.finish(Duration.ofNanos(System.nanoTime() - start)),
                    rows,
                    scores);
        }
        return 0;
    }

    private Path folder() throws IOException {
        if (!resume) {
            Path folder = out == null ? EvaluationFolder.free("probe") : out;
            EvaluationPage.check(folder);
            if (ProbeRun.isBegun(folder)) {
                throw new IOException(folder + " holds a probe already; go on with it by --resume, or name a new folder"
                        + " with --out");
            }
            return folder;
        }
        if (out == null) {
            throw new IllegalArgumentException("--resume goes on with a probe in the folder --out; name it");
        }
        if (!ProbeRun.isBegun(out)) {
            spec.commandLine().getErr().println("note: " + out + " holds no probe, so that it begins anew");
        }
        return out;
    }
}
