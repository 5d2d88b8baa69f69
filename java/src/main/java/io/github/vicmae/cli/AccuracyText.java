package io.github.vicmae.cli;

import io.github.vicmae.report.Evaluation;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Accuracies one below the other, with their standard errors and counts. */
final class AccuracyText {
    private AccuracyText() {}

    static void print(PrintWriter text, List<Evaluation.Row> rows) {
        for (Evaluation.Row row : rows) {
            if (row.count() == 0) {
                text.printf(Locale.ROOT, "  %-18s %5.1f %%%n", row.name(), 100 * row.accuracy());
            } else {
                text.printf(
                        Locale.ROOT,
                        "  %-18s %5.1f %% +- %.1f   (%d of %d)%n",
                        row.name(),
                        100 * row.accuracy(),
                        100 * row.error(),
                        row.right(),
                        row.count());
            }
        }
    }
}
