package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.eval.Scores;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationPageTest {
    private static final String EVIL = "<b>\"it's\" & co</b>";

    @TempDir
    Path dir;

    private static Scores scores(List<String> known, List<String> labels, float[][] probabilities) throws IOException {
        List<Sample> samples = new ArrayList<>();
        for (String label : labels) {
            String id = "pictures/" + label + "-" + samples.size() + ".png";
            samples.add(
                    new Sample(id, Content.of(Path.of("x" + samples.size())), Kind.IMAGE, label, 0, samples.size()));
        }
        return new Scores(ClassMatch.of(known, samples), samples, probabilities);
    }

    private static Evaluation evaluation(Scores scores) {
        List<BufferedImage> pictures =
                Arrays.asList(new BufferedImage(5, 4, BufferedImage.TYPE_INT_RGB), (BufferedImage) null);
        return new Evaluation(
                "k-NN: " + EVIL,
                Map.of("command", "vicmae knn " + EVIL, "neighbours", 20),
                List.of(Evaluation.Row.of("trained", scores), Evaluation.Row.chance(scores.chance())),
                scores,
                pictures,
                List.of("Remark " + EVIL),
                Map.of(EVIL + ".png", "bad " + EVIL));
    }

    @Test
    void theFilesHaveTheNumbersAndNoNameBecomesHtml() throws IOException, InterruptedException {
        List<String> known = List.of("a", EVIL, "c", "d", "e", "f");
        Scores scores = scores(known, List.of("a", "a", EVIL, "c", "new"), new float[][] {
            {0.9f, 0.1f, 0, 0, 0, 0},
            {0, 0.75f, 0.25f, 0, 0, 0},
            {0, 1, 0, 0, 0, 0},
            {0, 0.5f, 0.3f, 0, 0, 0.2f},
            {0.6f, 0, 0, 0, 0, 0.4f}
        });
        Path folder = dir.resolve("new/folder");
        EvaluationPage.check(folder);
        assertFalse(Files.exists(dir.resolve("new")));
        Path page = EvaluationPage.write(folder, evaluation(scores));
        String html = Files.readString(page);
        assertFalse(html.contains(EVIL));
        assertTrue(html.contains("&lt;b&gt;&quot;it&#39;s&quot; &amp; co&lt;/b&gt;"));
        for (String fact : List.of("40.0 %", "60.0 %", "75.0 %", "16.7 %", "cannot be shown", "2 of 5")) {
            assertTrue(html.contains(fact), fact);
        }
        String dom = Browser.open(page, dir);
        assertTrue(dom.contains("Most confident mistakes"));

        JsonNode json =
                new ObjectMapper().readTree(folder.resolve("evaluation.json").toFile());
        JsonNode figures = json.get("scores");
        assertEquals(5, figures.get("samples").asInt());
        assertEquals(2, figures.get("right").asInt());
        assertEquals(0.4, figures.get("top1").asDouble());
        assertEquals(Math.sqrt(0.4 * 0.6 / 5), figures.get("top1Error").asDouble(), 1e-12);
        assertEquals(3, figures.get("rightInFive").asInt());
        assertEquals((0.5 + 1 + 0 + 0) / 4, figures.get("meanClassAccuracy").asDouble(), 1e-12);
        assertEquals(7, json.get("classes").size());
        assertEquals(EVIL, json.get("classes").get(0).get("confusedWith").asText());
        assertEquals(
                "[[0,0,1],[0,1,1],[1,1,1],[2,1,1],[6,0,1]]",
                json.get("confusion").toString());
        assertEquals(5, json.get("predictions").size());
        assertEquals("x1", json.get("mistakes").get(0).get("sample").asText());
        assertEquals(0.75, json.get("mistakes").get(0).get("confidence").asDouble());
        assertEquals("bad " + EVIL, json.get("skipped").get(EVIL + ".png").asText());
        assertEquals(20, json.get("asked").get("neighbours").asInt());
        assertTrue(ImageIO.read(folder.resolve("confusion.png").toFile()).getWidth() > 7 * 40);

        IOException taken = assertThrows(IOException.class, () -> EvaluationPage.check(folder));
        assertTrue(taken.getMessage().contains("holds an evaluation already"), taken.getMessage());
        Path file = Files.writeString(dir.resolve("file"), "mine");
        assertThrows(IOException.class, () -> EvaluationPage.check(file));
        assertThrows(IOException.class, () -> EvaluationPage.check(file.resolve("below")));
    }

    @Test
    void fewClassesHaveNoTopFiveAndSayWhy() throws IOException {
        Scores scores = scores(List.of("a", "b"), List.of("a", "b"), new float[][] {{1, 0}, {0, 1}});
        EvaluationPage.write(dir, evaluation(scores));
        String html = Files.readString(dir.resolve(EvaluationPage.PAGE));
        assertTrue(html.contains("Top-5 is left out"));
        assertTrue(html.contains("Every test sample was classified correctly"));
        assertFalse(new ObjectMapper()
                .readTree(dir.resolve("evaluation.json").toFile())
                .get("scores")
                .has("top5"));
    }

    /** The picture stays within a screen, whatever the number of classes, and the diagonal of a perfect classifier is blue. */
    @Test
    void theConfusionMatrixIsReadableForAnyNumberOfClasses() {
        for (int classes : new int[] {2, 10, 60, 61, 1000, 2500}) {
            int[][] counts = new int[classes][classes];
            List<String> names = new ArrayList<>();
            for (int c = 0; c < classes; c++) {
                counts[c][c] = 3;
                names.add("class " + "of a very long name ".repeat(c % 3) + c);
            }
            BufferedImage picture = ConfusionPicture.draw(names, counts);
            assertTrue(picture.getWidth() > 2 * 40 && picture.getWidth() < 1300, classes + ": " + picture.getWidth());
            int blue = 0;
            for (int y = 0; y < picture.getHeight(); y++) {
                for (int x = 0; x < picture.getWidth(); x++) {
                    blue += picture.getRGB(x, y) == 0xFF1C64B0 ? 1 : 0;
                }
            }
            assertTrue(blue >= Math.min(classes, 250), classes + ": " + blue);
        }
    }
}
