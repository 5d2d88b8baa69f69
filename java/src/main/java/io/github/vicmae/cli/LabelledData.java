package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.eval.ClassMatch;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Options for the labelled samples that an encoder is judged by. */
final class LabelledData {
    @Option(
            names = "--train",
            arity = "1..*",
            required = true,
            paramLabel = "DATA",
            description = "labelled training samples: folders with a subfolder for each class, lists or tar files")
    private List<Path> train;

    @Option(
            names = "--test",
            arity = "1..*",
            required = true,
            paramLabel = "DATA",
            description = "labelled test samples; classes are matched by name")
    private List<Path> test;

    @Option(
            names = "--kind",
            paramLabel = "image|video",
            description = "take images alone, or videos alone (default: all samples)")
    private Kind kind;

    private final List<String> remarks = new ArrayList<>();

    List<Path> trainingPaths() {
        return train;
    }

    List<Path> testPaths() {
        return test;
    }

    /** What was left out, in sentences. */
    List<String> remarks() {
        return remarks;
    }

    /** The training samples that have a class. */
    Dataset training(PrintWriter err) throws IOException {
        return read(train, "training data", err);
    }

    /** The test samples that have a class. */
    Dataset test(PrintWriter err) throws IOException {
        return read(test, "test data", err);
    }

    private Dataset read(List<Path> paths, String what, PrintWriter err) throws IOException {
        Dataset all = Dataset.scan(paths);
        all.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        remarks.addAll(all.report().sentences());
        if (kind != null) {
            int count = all.size();
            all = all.only(kind);
            if (all.size() == 0) {
                throw new IOException("The " + what + " have no " + kind.name().toLowerCase(Locale.ROOT)
                        + "s: none of the " + count + " samples is one. Leave --kind out to take all");
            }
        }
        Dataset labelled = ClassMatch.labelled(all, what);
        int left = all.size() - labelled.size();
        if (left > 0) {
            remarks.add("Samples of the " + what + " that have no class and are left out: " + left + ".");
        }
        return labelled;
    }
}
