package io.github.vicmae.report;

import io.github.vicmae.eval.Scores;
import io.github.vicmae.io.AtomicFile;
import io.github.vicmae.io.JsonText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes what an evaluation found: {@code evaluation.html}, one file that needs no other and no network, {@code evaluation.json} with all numbers, and
 * {@code confusion.png}.
 */
public final class EvaluationPage {
    /** The page's name in its folder. */
    public static final String PAGE = "evaluation.html";

    /** The name of the file of all numbers in its folder. */
    public static final String JSON = "evaluation.json";

    private static final String PICTURE = "confusion.png";

    private EvaluationPage() {}

    /**
     * Checks whether a folder can be made and written, before any work, and changes nothing.
     *
     * @throws IOException if it cannot, or holds an evaluation already
     */
    public static void check(Path folder) throws IOException {
        if (Files.exists(folder.resolve(JSON))) {
            throw new IOException(folder + " holds an evaluation already; remove it or name a new folder with --out");
        }
        Path existing = folder.toAbsolutePath().normalize();
        while (!Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw new IOException("Cannot write to " + folder + ": " + existing
                    + " is a file; move it or name another folder with --out");
        }
        AtomicFile.checkWritable(existing.resolve(JSON));
    }

    /**
     * Writes the three files, and makes the folder if there is none; old files are replaced.
     *
     * @return the page's path
     * @throws IOException if one cannot be written
     */
    public static Path write(Path folder, Evaluation evaluation) throws IOException {
        Files.createDirectories(folder);
        Scores scores = evaluation.scores();
        byte[] picture =
                ReconstructionGrid.png(ConfusionPicture.draw(scores.classes().names(), scores.confusion()));
        AtomicFile.write(folder.resolve(PICTURE), picture);
        String json = JsonText.indented(EvaluationJson.tree(evaluation));
        AtomicFile.write(folder.resolve(JSON), (json + "\n").getBytes(StandardCharsets.UTF_8));
        Path page = folder.resolve(PAGE);
        AtomicFile.write(page, html(evaluation, picture).getBytes(StandardCharsets.UTF_8));
        return page;
    }

    /** The numbers as indented JSON, without the predictions. */
    public static String json(Evaluation evaluation) {
        Map<String, Object> tree = EvaluationJson.tree(evaluation);
        tree.remove("predictions");
        return JsonText.indented(tree);
    }

    static String html(Evaluation evaluation, byte[] picture) throws IOException {
        Scores scores = evaluation.scores();
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", ReportTables.escape(evaluation.title()));
        parts.put("style", Page.resource("report.css") + Page.resource("evaluation.css"));
        parts.put("headline", EvaluationTables.headline(scores));
        parts.put("remarks", EvaluationTables.remarks(evaluation.remarks()));
        parts.put("comparison", EvaluationTables.comparison(evaluation.comparison()));
        parts.put("mistakes", EvaluationTables.mistakes(scores, evaluation.mistakes()));
        parts.put("order", EvaluationTables.order(scores.table()));
        parts.put("classes", EvaluationTables.classes(scores.table()));
        parts.put("merged", ConfusionPicture.note(scores.classes().names().size()));
        parts.put("confusion", EvaluationTables.confusion(scores, picture));
        Map<String, String> asked = new LinkedHashMap<>();
        evaluation.asked().forEach((name, value) -> asked.put(name, text(value)));
        String command = asked.remove(Evaluation.COMMAND);
        parts.put(
                "command", command == null ? "" : "<pre class=\"command\">" + ReportTables.escape(command) + "</pre>");
        parts.put("asked", ReportTables.settings(asked));
        parts.put("skipped", EvaluationTables.skipped(evaluation.skipped()));
        return Page.fill("evaluation.html", parts);
    }

    private static String text(Object value) {
        return value instanceof List<?> list
                ? String.join(", ", list.stream().map(String::valueOf).toList())
                : String.valueOf(value);
    }
}
