package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.eval.Thumbnails;
import io.github.vicmae.report.Evaluation;
import io.github.vicmae.report.EvaluationPage;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Judges an encoder by its nearest neighbours. */
@Command(
        name = "knn",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Classify test samples by their nearest neighbours among training samples in an encoder's features, as the"
                    + " literature does (cosine similarity, 20 neighbours weighted with a temperature of 0.07). Nothing is"
                    + " trained. Classes are matched by name. Writes a page, JSON and a confusion matrix to a folder."
        })
final class KnnCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "CHECKPOINT",
            description = "checkpoint (safetensors, or a published .pth), or a run's folder for its newest weights")
    private Path checkpoint;

    @Mixin
    private LabelledData data;

    @Option(
            names = "--k",
            paramLabel = "N",
            defaultValue = "" + Knn.NEIGHBOURS,
            description = "neighbours that vote (default: ${DEFAULT-VALUE})")
    private int k;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "" + Knn.TEMPERATURE,
            description = "a vote weighs exp(similarity / T) (default: ${DEFAULT-VALUE})")
    private double temperature;

    @Mixin
    private FeatureOptions features;

    @Mixin
    private Baselines baselines;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "seed of the untrained encoder's weights (default: ${DEFAULT-VALUE})")
    private long seed;

    @Mixin
    private EvaluationFolder out = new EvaluationFolder("knn");

    @Option(names = "--json", description = "print the numbers as JSON in place of the table")
    private boolean json;

    @Mixin
    private DeviceOption device;

    @Spec
    private CommandSpec spec;

    private final List<String> remarks = new ArrayList<>();

    /** The features of both sides: one kind for each row of the table. */
    private record Both(List<String> names, SampleFeatures train, SampleFeatures test) {}

    @Override
    public Integer call() throws IOException {
        long start = System.nanoTime();
        PrintWriter err = spec.commandLine().getErr();
        if (k < 1 || !(temperature > 0)) {
            throw new IllegalArgumentException(
                    "--k must be at least 1 and --temperature positive, not " + k + " and " + temperature);
        }
        SampleFeatures.Settings settings = features.settings();
        Path folder = out.folder();
        Path weights = RunFolder.weights(checkpoint);
        Dataset train = data.training(err);
        Dataset test = data.test(err);
        ClassMatch.of(ClassMatch.several(train.samples()), test.samples()); // refused before any work
        try (Device d = device.open();
                Encoder encoder = Encoder.load(weights, features.heads(), d, settings.batch())) {
            Both both = extract(d, encoder, train, test, settings, err);
            List<Scores> scores = new ArrayList<>();
            for (int i = 0; i < both.names.size(); i++) {
                scores.add(Knn.scores(
                        both.train.samples(),
                        both.train.features(i),
                        both.test.samples(),
                        both.test.features(i),
                        k,
                        temperature,
                        d));
            }
            EvaluationFacts facts = new EvaluationFacts(spec, weights, encoder.config(), d);
            facts.data("training", data.trainingPaths(), both.train.samples());
            facts.data("test", data.testPaths(), both.test.samples());
            facts.put("features", features.tokens().toString());
            facts.put("frames of a video", settings.frames());
            facts.put("neighbours", k);
            facts.put("temperature", temperature);
            Evaluation evaluation = evaluation(both, scores, facts.finish(Duration.ofNanos(System.nanoTime() - start)));
            Path page = EvaluationPage.write(folder, evaluation);
            print(evaluation, both, page);
        }
        return 0;
    }

    private Both extract(
            Device d, Encoder encoder, Dataset train, Dataset test, SampleFeatures.Settings settings, PrintWriter err)
            throws IOException {
        int clip = encoder.config().trunk().frames();
        if (clip > 1) {
            encoder.planClips(settings.batch(clip));
        }
        try (Baselines.Kinds kinds =
                baselines.with(d, encoder, features.tokens(), settings, seed, List.of(train, test), remarks)) {
            return new Both(
                    kinds.names(),
                    features.extract("training samples", train, encoder, kinds.features(), settings, err),
                    features.extract("test samples", test, encoder, kinds.features(), settings, err));
        }
    }

    private Evaluation evaluation(Both both, List<Scores> scores, Map<String, Object> asked) {
        Scores first = scores.get(0);
        List<Evaluation.Row> rows = new ArrayList<>();
        for (int i = 0; i < scores.size(); i++) {
            rows.add(Evaluation.Row.of(both.names.get(i), scores.get(i)));
        }
        rows.add(Evaluation.Row.chance(first.chance()));
        Map<String, String> skipped = new LinkedHashMap<>();
        both.train.skipped().forEach(file -> skipped.put(file.name(), file.reason()));
        both.test.skipped().forEach(file -> skipped.put(file.name(), file.reason()));
        remarks.addAll(data.remarks());
        remarks.addAll(first.classes().remarks());
        long same = ClassMatch.onBothSides(both.train.samples(), both.test.samples());
        if (same > 0) {
            remarks.add("Test samples that are among the training samples too: " + same
                    + ". Each is its own nearest neighbour, so the accuracy is too good.");
        }
        int known = both.train.samples().size();
        if (known < k) {
            remarks.add("There are only " + known + " training samples, so all of them vote, not " + k + ".");
        }
        return new Evaluation(
                "k-NN: " + checkpoint,
                asked,
                rows,
                first,
                Thumbnails.ofMistakes(first, Evaluation.MISTAKES),
                remarks,
                skipped);
    }

    private void print(Evaluation evaluation, Both both, Path page) {
        PrintWriter text = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        warn(err, both.train.skipped());
        warn(err, both.test.skipped());
        remarks.forEach(remark -> err.println("note: " + remark));
        if (json) {
            text.println(EvaluationPage.json(evaluation));
            return;
        }
        Scores scores = evaluation.scores();
        text.println("k-NN accuracy on " + scores.count() + " test samples of "
                + scores.classes().names().size() + " classes (k = " + k + ", among "
                + both.train.samples().size() + " labelled samples):");
        AccuracyText.print(text, evaluation.comparison());
        if (scores.hasTop5()) {
            text.printf(
                    Locale.ROOT,
                    "top-5: %.1f %% +- %.1f%n",
                    100 * scores.top5(),
                    100 * scores.standardError(scores.top5()));
        } else {
            text.println(
                    "top-5 is left out: it says nothing of " + scores.classes().known() + " classes");
        }
        text.println("(+- is one standard error.)");
        text.println("The page: " + page);
    }

    private static void warn(PrintWriter err, List<SkippedFile> skipped) {
        skipped.forEach(file -> err.println("warning: skipped " + file.reason()));
    }
}
