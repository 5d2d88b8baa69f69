package io.github.vicmae.cli;

import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.Scores;
import io.github.vicmae.eval.Thumbnails;
import io.github.vicmae.report.Evaluation;
import io.github.vicmae.report.EvaluationPage;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;

/** What an evaluation leaves: a page and JSON in a folder, the accuracies on standard output, warnings and notes on standard error. */
final class EvaluationOutput {
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean json;
    private final List<String> remarks = new ArrayList<>();
    private final Map<String, String> skipped = new LinkedHashMap<>();

    /** @param json whether standard output gets the numbers as JSON in place of the table */
    EvaluationOutput(CommandSpec spec, boolean json) {
        out = spec.commandLine().getOut();
        err = spec.commandLine().getErr();
        this.json = json;
    }

    /** Shows how many samples are done. */
    SampleProgress progress(String what, int total) {
        return new SampleProgress(err, what, total);
    }

    /** Adds a sentence that a reader of the result should know. */
    void remark(String sentence) {
        remarks.add(sentence);
    }

    void remarks(List<String> sentences) {
        remarks.addAll(sentences);
    }

    /** Adds a sentence, if test samples are among the training samples too. */
    void remarkOnOverlap(List<Sample> train, List<Sample> test, String consequence) {
        long same = ClassMatch.onBothSides(train, test);
        if (same > 0) {
            remark("Test samples that are among the training samples too: " + same + ". " + consequence
                    + ", so the accuracy is too good.");
        }
    }

    /** Warns of a file that could not be read, once; from any thread. */
    synchronized void skip(SkippedFile file) {
        if (skipped.putIfAbsent(file.name(), file.reason()) == null) {
            err.println("warning: skipped " + file.reason());
        }
    }

    /** The samples that were not skipped. */
    synchronized List<Sample> readable(List<Sample> samples) {
        return samples.stream()
                .filter(sample -> !skipped.containsKey(sample.name()))
                .toList();
    }

    /**
     * Writes the page and prints the result.
     *
     * @param what is measured, such as "k-NN accuracy", and {@code how}, which may be empty: above the accuracies on standard output
     * @param asked what was asked and what it ran on
     * @param rows accuracies that stand beside each other; chance is added
     * @param scores what the first row is about
     */
    void write(
            Path folder,
            String title,
            String what,
            String how,
            Map<String, Object> asked,
            List<Evaluation.Row> rows,
            Scores scores)
            throws IOException {
        List<Evaluation.Row> all = new ArrayList<>(rows);
        all.add(Evaluation.Row.chance(scores.chance()));
        Evaluation evaluation = new Evaluation(
                title, asked, all, scores, Thumbnails.ofMistakes(scores, Evaluation.MISTAKES), remarks, skipped);
        Path page = EvaluationPage.write(folder, evaluation);
        remarks.forEach(remark -> err.println("note: " + remark));
        if (json) {
            out.println(EvaluationPage.json(evaluation));
            return;
        }
        out.println(what + " on " + scores.count() + " test samples of "
                + scores.classes().names().size() + " classes" + how + ":");
        AccuracyText.print(out, evaluation.comparison());
        if (scores.hasTop5()) {
            out.printf(
                    Locale.ROOT,
                    "top-5: %.1f %% +- %.1f%n",
                    100 * scores.top5(),
                    100 * scores.standardError(scores.top5()));
        } else {
            out.println(
                    "top-5 is left out: it says nothing of " + scores.classes().known() + " classes");
        }
        out.println("(+- is one standard error.)");
        out.println("The page: " + page);
    }
}
