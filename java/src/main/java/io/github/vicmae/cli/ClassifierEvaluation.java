package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.eval.TestClips;
import io.github.vicmae.eval.TrainedClassifier;
import io.github.vicmae.report.Evaluation;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;

/** Tests a classifier: runs it on labelled samples, prints accuracies and writes the page. */
final class ClassifierEvaluation {
    /** The usual 224 of 256 pixels. */
    private static final double SHARE = 0.875;

    private final CommandSpec spec;
    private final Device device;
    private final TestOptions options;

    ClassifierEvaluation(CommandSpec spec, Device device, TestOptions options) {
        this.spec = spec;
        this.device = device;
        this.options = options;
    }

    /**
     * Runs the test.
     *
     * @param weights of the classifier
     * @param paths of the test data
     * @param folder for page and JSON
     * @param json whether the numbers are printed as JSON
     */
    void run(Path weights, List<Path> paths, Precision precision, Path folder, boolean json) throws IOException {
        long start = System.nanoTime();
        EvaluationOutput output = new EvaluationOutput(spec, json);
        Dataset all = Dataset.scan(paths);
        output.remarks(all.report().sentences());
        Dataset data = ClassMatch.labelled(all, "test data");
        addCount(output, all.size() - data.size(), "have no class and are left out");
        try (TrainedClassifier classifier = TrainedClassifier.load(weights, device, options.batch(), precision)) {
            if (classifier.takesClips() && data.videos() == 0) {
                throw new IOException(
                        "This classifier takes clips of videos, and the " + data.size() + " test samples are images");
            }
            if (classifier.takesClips()) {
                addCount(output, data.images(), "are images and are left out: the classifier takes clips of videos");
                data = data.only(Kind.VIDEO);
            }
            ClassMatch.of(classifier.classes(), data.samples()); // refused before any work
            TestClips clips = classifier.clips(options.views());
            SampleFeatures found;
            try (SampleProgress progress = output.progress("test samples", data.size())) {
                found = classifier.probabilities(
                        data, clips, options.settings(classifier.takesClips() ? 1 : SHARE), progress);
            }
            if (found.shortVideos() > 0) {
                output.remark(found.shortVideos() + " videos are shorter than a clip of " + clips.frames()
                        + " frames at stride " + clips.stride()
                        + "; their last frame stands for those that they lack.");
            }
            Scores scores = new Scores(
                    ClassMatch.of(classifier.classes(), found.samples()), found.samples(), found.features(0));
            output.remarks(scores.classes().remarks());
            EvaluationFacts facts = new EvaluationFacts(spec, weights, classifier.config(), device);
            facts.data("test", paths, found.samples());
            if (classifier.takesClips()) {
                facts.put("views of a video", clips.clips() + " clips x " + clips.crops() + " crops");
            } else if (data.videos() > 0) {
                facts.put("frames of a video", options.frames());
            }
            found.skipped().forEach(output::skip);
            output.write(
                    folder,
                    "Classifier: " + weights,
                    "Accuracy",
                    "",
                    facts.finish(Duration.ofNanos(System.nanoTime() - start)),
                    List.of(Evaluation.Row.of("classifier", scores)),
                    scores);
        }
    }

    private static void addCount(EvaluationOutput output, int count, String what) {
        if (count > 0) {
            output.remark(count + " of the test samples " + what + ".");
        }
    }
}
