package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoresTest {
    @TempDir
    Path dir;

    private static Sample sample(int index, String className, int label) {
        String id = "f" + index + ".png";
        return new Sample(id, Content.of(Path.of(id)), Kind.IMAGE, className, label, index);
    }

    /** Samples of named classes, numbered in the order in which they come. */
    private static List<Sample> samples(String... classes) {
        List<String> numbered = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        for (String name : classes) {
            if (!numbered.contains(name)) {
                numbered.add(name);
            }
            samples.add(sample(samples.size(), name, numbered.indexOf(name)));
        }
        return samples;
    }

    @Test
    void classesAreMatchedByNameWhateverTheirNumbers() throws IOException {
        List<Sample> train = samples("dog", "cat", "emu");
        List<Sample> test = samples("emu", "cat", "cat", "dog");
        ClassMatch match = ClassMatch.of(ClassMatch.several(train), test);
        assertEquals(List.of("dog", "cat", "emu"), match.names());
        assertArrayEquals(new int[] {2, 1, 1, 0}, match.labels());
        assertEquals(List.of(), match.remarks());
        float[][] trainFeatures = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        float[][] testFeatures = {{0, 0, 2}, {0, 3, 0}, {0, 1, 0.1f}, {1, 0, 0}};
        Scores scores = Knn.scores(train, trainFeatures, test, testFeatures, 1, 0.07, null);
        assertEquals(4, scores.right());
    }

    @Test
    void aClassOfOneSideIsSaidAndItsTestSamplesCountAsWrong() throws IOException {
        List<Sample> test = samples("zebra", "cat", "ant", "zebra");
        ClassMatch match = ClassMatch.of(List.of("cat", "dog"), test);
        assertEquals(List.of("cat", "dog", "ant", "zebra"), match.names());
        assertEquals(2, match.known());
        String remarks = String.join(" ", match.remarks());
        assertTrue(remarks.contains("2 classes of the test data cannot be predicted"), remarks);
        assertTrue(remarks.contains("ant, zebra. The 3 samples count as wrong"), remarks);
        assertTrue(remarks.contains("no test sample: dog"), remarks);
        Scores scores = new Scores(match, test, new float[][] {{0.9f, 0.1f}, {0.8f, 0.2f}, {0.3f, 0.7f}, {0.6f, 0.4f}});
        assertEquals(1, scores.right());
        assertEquals(0.25, scores.accuracy());
        assertArrayEquals(new int[][] {{1, 0}, {0, 0}, {0, 1}, {2, 0}}, scores.confusion());
        Scores.ClassRow zebra = scores.table().get(3);
        assertEquals(new Scores.ClassRow("zebra", 2, 0, "cat", 2), zebra);
        assertTrue(Double.isNaN(scores.table().get(1).accuracy()));
        assertEquals(1 / 3.0, scores.meanClassAccuracy(), 1e-12);
        assertEquals(List.of(0, 2, 3), scores.mistakes(10));
        assertEquals(List.of(0, 2), scores.mistakes(2));
    }

    @Test
    void topFiveCountsClassesThatHaveAnyProbability() throws IOException {
        List<String> known = List.of("a", "b", "c", "d", "e", "f", "g");
        List<Sample> test = samples("a", "f", "g", "a");
        float[][] probabilities = {
            {0.1f, 0.2f, 0.3f, 0.2f, 0.2f, 0, 0}, // the last of the five
            {0.2f, 0.2f, 0.2f, 0.2f, 0.1f, 0.1f, 0}, // of equal ones the first: e is before f
            {0.5f, 0.5f, 0, 0, 0, 0, 0}, // without any
            {1, 0, 0, 0, 0, 0, 0}
        };
        Scores scores = new Scores(ClassMatch.of(known, test), test, probabilities);
        assertTrue(scores.hasTop5());
        assertEquals(2, scores.rightInFive());
        assertEquals(0.5, scores.top5());
        assertEquals(0.25, scores.standardError(scores.top5()), 1e-12);
        assertEquals(1, scores.right());
        List<String> five = known.subList(0, 5);
        Scores fewer = new Scores(ClassMatch.of(five, samples("a")), samples("a"), new float[][] {{1, 0, 0, 0, 0}});
        assertFalse(fewer.hasTop5());
    }

    @Test
    void whatCannotBeJudgedIsASentence() throws IOException {
        IOException one = assertThrows(IOException.class, () -> ClassMatch.several(samples("cat", "cat")));
        assertTrue(one.getMessage().contains("only the class cat"), one.getMessage());
        IOException none =
                assertThrows(IOException.class, () -> ClassMatch.of(List.of("0", "1"), samples("cat", "dog")));
        assertTrue(none.getMessage().contains("cat, dog") && none.getMessage().contains("0, 1"), none.getMessage());
        Path flat = Files.createDirectories(dir.resolve("flat"));
        Files.write(flat.resolve("a.png"), new byte[1]);
        Dataset data = Dataset.scan(List.of(flat));
        IOException unlabelled = assertThrows(IOException.class, () -> ClassMatch.labelled(data, "test data"));
        assertTrue(unlabelled.getMessage().contains("The test data have no labels"), unlabelled.getMessage());
        ClassMatch match = ClassMatch.of(List.of("a", "b"), samples("a"));
        assertTrue(
                match.remarks().toString().contains("all of one class"),
                match.remarks().toString());
        assertThrows(IllegalArgumentException.class, () -> new Scores(match, samples("a"), new float[][] {{1}}));
        assertThrows(
                IllegalArgumentException.class, () -> new Scores(match, samples("a"), new float[][] {{Float.NaN, 1}}));
    }
}
