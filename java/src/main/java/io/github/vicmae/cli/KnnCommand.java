package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.Knn;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.report.Evaluation;
import io.github.vicmae.train.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
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

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "" + SampleFeatures.Settings.BATCH,
            description = "views that the encoder takes at once (default: ${DEFAULT-VALUE})")
    private int batch;

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
        SampleFeatures.Settings settings = features.settings(batch, 1);
        Path folder = out.folder();
        Path weights = RunFolder.weights(checkpoint);
        Dataset train = data.training(err);
        Dataset test = data.test(err);
        ClassMatch.of(ClassMatch.several(train.samples()), test.samples()); // refused before any work
        EvaluationOutput output = new EvaluationOutput(spec, json);
        try (Device d = device.open();
                Encoder encoder = Encoder.load(weights, features.heads(), features.image(), d, settings.batch())) {
            Both both = extract(d, encoder, train, test, settings, output);
            List<Sample> known = both.train.samples();
            List<Scores> scores = new ArrayList<>();
            List<Evaluation.Row> rows = new ArrayList<>();
            for (int i = 0; i < both.names.size(); i++) {
                scores.add(Knn.scores(
                        known, both.train.features(i), both.test.samples(), both.test.features(i), k, temperature, d));
                rows.add(Evaluation.Row.of(both.names.get(i), scores.get(i)));
            }
            Scores first = scores.get(0);
            output.remarks(data.remarks());
            output.remarks(first.classes().remarks());
            output.remarkOnOverlap(known, both.test.samples(), "Each is its own nearest neighbour");
            if (known.size() < k) {
                output.remark(
                        "There are only " + known.size() + " training samples, so all of them vote, not " + k + ".");
            }
            EvaluationFacts facts = new EvaluationFacts(spec, weights, encoder.config(), d);
            facts.data("training", data.trainingPaths(), known);
            facts.data("test", data.testPaths(), both.test.samples());
            facts.put("features", features.tokens().toString());
            facts.put("frames of a video", settings.frames());
            facts.put("neighbours", k);
            facts.put("temperature", temperature);
            output.write(
                    folder,
                    "k-NN: " + checkpoint,
                    "k-NN accuracy",
                    " (k = " + k + ", among " + known.size() + " labelled samples)",
                    facts.finish(Duration.ofNanos(System.nanoTime() - start)),
                    rows,
                    first);
        }
        return 0;
    }

    private Both extract(
            Device d,
            Encoder encoder,
            Dataset train,
            Dataset test,
            SampleFeatures.Settings settings,
            EvaluationOutput output)
            throws IOException {
        features.planClips(encoder, settings);
        try (Baselines.Kinds kinds =
                baselines.with(d, encoder, features.tokens(), settings, seed, List.of(train, test), output::remark)) {
            return new Both(
                    kinds.names(),
                    features.extract("training samples", train, encoder, kinds.features(), settings, output),
                    features.extract("test samples", test, encoder, kinds.features(), settings, output));
        }
    }
}
