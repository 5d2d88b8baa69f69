package io.github.vicmae.report;

import io.github.vicmae.eval.Scores;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An evaluation as a tree for JSON. */
final class EvaluationJson {
    /** More predictions make a file that few programs open. */
    private static final int MOST_PREDICTIONS = 100_000;

    private EvaluationJson() {}

    static Map<String, Object> tree(Evaluation evaluation) {
        Scores scores = evaluation.scores();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("title", evaluation.title());
        tree.put("asked", evaluation.asked());
        tree.put("scores", figures(scores));
        tree.put(
                "comparison",
                evaluation.comparison().stream().map(EvaluationJson::row).toList());
        tree.put("remarks", evaluation.remarks());
        tree.put("classes", scores.table().stream().map(EvaluationJson::row).toList());
        tree.put("confusion", confusion(scores.confusion()));
        tree.put(
                "mistakes",
                scores.mistakes(Evaluation.MISTAKES).stream()
                        .map(i -> prediction(scores, i))
                        .toList());
        tree.put("skipped", evaluation.skipped());
        if (scores.count() <= MOST_PREDICTIONS) {
            List<Object> predictions = new ArrayList<>();
            for (int i = 0; i < scores.count(); i++) {
                predictions.add(prediction(scores, i));
            }
            tree.put("predictions", predictions);
        } else {
            tree.put("predictionsLeftOut", scores.count());
        }
        return tree;
    }

    private static Map<String, Object> figures(Scores scores) {
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("samples", scores.count());
        figures.put("right", scores.right());
        figures.put("top1", scores.accuracy());
        figures.put("top1Error", scores.standardError(scores.accuracy()));
        if (scores.hasTop5()) {
            figures.put("rightInFive", scores.rightInFive());
            figures.put("top5", scores.top5());
            figures.put("top5Error", scores.standardError(scores.top5()));
        }
        figures.put("meanClassAccuracy", scores.meanClassAccuracy());
        figures.put("predictableClasses", scores.classes().known());
        figures.put("chance", scores.chance());
        return figures;
    }

    private static Map<String, Object> row(Evaluation.Row row) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("name", row.name());
        tree.put("accuracy", row.accuracy());
        if (row.count() > 0) {
            tree.put("error", row.error());
            tree.put("right", row.right());
            tree.put("samples", row.count());
        }
        return tree;
    }

    private static Map<String, Object> row(Scores.ClassRow row) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("name", row.name());
        tree.put("samples", row.count());
        tree.put("right", row.right());
        if (row.count() > 0) {
            tree.put("accuracy", row.accuracy());
        }
        if (row.confusedWith() != null) {
            tree.put("confusedWith", row.confusedWith());
            tree.put("confused", row.confused());
        }
        return tree;
    }

    /** What is not zero, as [true class, predicted class, count]: the classes' places in their table. */
    private static List<int[]> confusion(int[][] counts) {
        List<int[]> entries = new ArrayList<>();
        for (int row = 0; row < counts.length; row++) {
            for (int column = 0; column < counts[row].length; column++) {
                if (counts[row][column] > 0) {
                    entries.add(new int[] {row, column, counts[row][column]});
                }
            }
        }
        return entries;
    }

    private static Map<String, Object> prediction(Scores scores, int sample) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("sample", scores.name(sample));
        tree.put("label", scores.trueClass(sample));
        tree.put("predicted", scores.predictedClass(sample));
        tree.put("confidence", scores.confidence(sample));
        return tree;
    }
}
