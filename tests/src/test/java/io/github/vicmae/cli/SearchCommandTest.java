package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.eval.Checkpoints;
import io.github.vicmae.report.Browser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SearchCommandTest extends CommandFixture {
    @TempDir
    static Path dir;

    private static Path shapes;
    private static Path model;

    @BeforeAll
    static void shapesAndAModel() throws IOException {
        shapes = dir.resolve("shapes/train");
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 12, 16, 8, 2, 2, 1));
        model = dir.resolve("model.safetensors");
        Checkpoints.write(model, Checkpoints.small(), 3);
    }

    private int index(Path index, Path... data) {
        List<String> args = new ArrayList<>(List.of("index", model.toString()));
        for (Path path : data) {
            args.add(path.toString());
        }
        args.addAll(List.of("--out", index.toString(), "--device", "cpu"));
        return execute(args.toArray(String[]::new));
    }

    private int search(Path index, Path query, String... more) {
        List<String> args = new ArrayList<>(List.of("search", index.toString(), query.toString(), "--device", "cpu"));
        args.addAll(List.of(more));
        return execute(args.toArray(String[]::new));
    }

    private static Path picture(Path path, int seed) throws IOException {
        Files.createDirectories(path.getParent());
        return Pictures.write(path, Pictures.buffered(Pictures.random(40, 40, 3, seed)), "png");
    }

    @Test
    void aCopyOfAPictureIsFoundFirstAndTheQueryItselfIsNot() throws IOException {
        Path index = dir.resolve("index");
        assertEquals(0, index(index, shapes), err.toString());
        Path picture = shapes.resolve("star/image0000.png");
        Path copy = Files.copy(picture, dir.resolve("copy.png"));
        assertEquals(0, search(index, copy, "-k", "3", "--json"), err.toString());
        JsonNode hits = new ObjectMapper()
                .readTree(out.toString())
                .get("answers")
                .get(0)
                .get("hits");
        assertEquals(3, hits.size());
        assertEquals(
                picture.toAbsolutePath().toString(), hits.get(0).get("path").asText());
        assertTrue(hits.get(0).get("seconds").isNull());
        assertEquals(1, hits.get(0).get("similarity").asDouble(), 1e-5);
        assertEquals("star", hits.get(0).get("class").asText());
        assertEquals(0, search(index, picture), err.toString());
        assertFalse(out.toString().lines().skip(1).anyMatch(line -> line.contains("star/image0000.png")));
        // A moment finds itself where it is not the same file.
        Path clip = Files.copy(shapes.resolve("cross/clip0001.mp4"), dir.resolve("clip.mp4"));
        assertEquals(0, search(index, Path.of(clip + "@1"), "-k", "1"), err.toString());
        assertTrue(out.toString().contains("cross/clip0001.mp4 @ 1.0 s"), out.toString());
    }

    @Test
    void anIndexIsExtendedByWhatIsNewAndDropsWhatIsGone() throws IOException {
        Path data = dir.resolve("growing");
        Path first = picture(data.resolve("a/1.png"), 1);
        picture(data.resolve("a/2.png"), 2);
        Path index = dir.resolve("grown");
        assertEquals(0, index(index, data), err.toString());
        Path other = picture(dir.resolve("elsewhere/4.png"), 4);
        assertEquals(0, index(index, other), err.toString());
        assertTrue(err.toString().contains("3 rows of 3 files"), err.toString());
        picture(data.resolve("b/3.png"), 3);
        Files.delete(first);
        assertEquals(0, index(index, data), err.toString());
        assertTrue(err.toString().contains("1 files are in the index already, 1 are new"), err.toString());
        assertTrue(err.toString().contains("dropped 1 files") && err.toString().contains("a/1.png"), err.toString());
        assertTrue(err.toString().contains("3 rows of 3 files"), err.toString());
        assertEquals(0, search(index, picture(dir.resolve("q.png"), 3), "-k", "1"), err.toString());
        assertTrue(out.toString().contains("1.000") && out.toString().contains("b/3.png"), out.toString());
        assertEquals(0, search(index, picture(dir.resolve("q.png"), 4), "-k", "1"), err.toString());
        assertTrue(out.toString().contains("elsewhere/4.png"), out.toString());
    }

    @Test
    void anotherModelIsRefused() throws IOException {
        Path index = dir.resolve("models");
        assertEquals(0, index(index, shapes.resolve("star")), err.toString());
        Path other = dir.resolve("other.safetensors");
        Checkpoints.write(other, Checkpoints.small(), 4);
        Path query = shapes.resolve("star/image0000.png");
        assertEquals(1, search(index, query, "--model", other.toString()));
        assertTrue(err.toString().contains("was made with another model"), err.toString());
        assertEquals(
                1, execute("index", other.toString(), shapes.toString(), "--out", index.toString(), "--device", "cpu"));
        assertTrue(err.toString().contains("cannot be extended"), err.toString());
        assertEquals(1, search(index, dir.resolve("none.png")));
        assertTrue(err.toString().contains("There is no picture or video"), err.toString());
        assertEquals(1, search(dir.resolve("no-index"), query));
        assertTrue(err.toString().contains("There is no index or model"), err.toString());
        assertEquals(2, search(index, query, "-k", "0"));
        assertEquals(
                1, search(index, query, "--page", dir.resolve("none/x.html").toString()));
        assertEquals(1, index(shapes, shapes));
        assertTrue(err.toString().contains("holds other files than an index"), err.toString());
    }

    @Test
    void copiesAndLookalikesAreTold() throws IOException {
        Path data = dir.resolve("twice");
        for (int i = 0; i < 22; i++) {
            picture(data.resolve(i + ".png"), i);
        }
        Path copy = Files.copy(
                data.resolve("5.png"),
                Files.createDirectories(data.resolve("c")).resolve("copy.png"));
        Pictures.write(data.resolve("like.bmp"), Pictures.buffered(Pictures.random(40, 40, 3, 7)), "bmp");
        assertEquals(0, execute("duplicates", data.toString()), err.toString());
        assertTrue(out.toString().contains("copy")
                && out.toString().contains(copy.getFileName().toString()));
        assertFalse(out.toString().contains("like.bmp"), out.toString());
        Path index = dir.resolve("twice-index");
        assertEquals(0, index(index, data), err.toString());
        assertEquals(0, execute("duplicates", index.toString(), "--threshold", "0.9999", "--json"), err.toString());
        JsonNode groups = new ObjectMapper().readTree(out.toString()).get("groups");
        assertEquals(2, groups.size());
        String all = groups.toString();
        assertTrue(all.contains("like.bmp") && all.contains("7.png") && all.contains("\"copy\":true"), all);
        assertEquals(2, execute("duplicates", index.toString(), "--threshold", "2"));
    }

    @Test
    void thePageOpensInABrowserAndNeedsNothingElse() throws IOException, InterruptedException {
        Path index = dir.resolve("paged");
        Path data = dir.resolve("odd");
        picture(data.resolve("<b>&\"'.png"), 1);
        picture(data.resolve("gone.png"), 2);
        Files.copy(shapes.resolve("star/clip0000.mp4"), data.resolve("clip.mp4"));
        assertEquals(0, index(index, data), err.toString());
        Files.delete(data.resolve("gone.png"));
        Path page = dir.resolve("found.html");
        assertEquals(0, search(index, picture(dir.resolve("asked.png"), 1), "--page", page.toString()), err.toString());
        String html = Files.readString(page);
        assertFalse(html.contains("<b>&\"'"), "names are escaped");
        assertFalse(html.contains("src=\"http") || html.contains("src=\"file"));
        assertTrue(html.contains("cannot be shown") && html.contains("clip.mp4#t="), "a missing file, and a moment");
        String dom = Browser.open(page, dir);
        assertTrue(dom.contains("Nearest to asked.png") && dom.contains("&lt;b&gt;&amp;"), dom);
    }
}
