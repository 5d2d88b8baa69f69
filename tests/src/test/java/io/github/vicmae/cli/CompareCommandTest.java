package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest extends CommandFixture {
    @TempDir
    Path folder;

    private Path run(String name) throws IOException {
        Path run = Files.createDirectories(folder.resolve(name));
        Files.writeString(run.resolve("metrics.jsonl"), "{\"step\":1,\"loss\":0.5,\"pairs_per_second\":2}\n");
        Files.writeString(run.resolve("settings.json"), "{\"schedule\":{\"batch\":4,\"accumulate\":1}}");
        return run;
    }

    private int compare(Path page, Path... runs) {
        String[] all = new String[runs.length + 3];
        all[0] = "compare";
        all[1] = "--out";
        all[2] = page.toString();
        for (int i = 0; i < runs.length; i++) {
            all[3 + i] = runs[i].toString();
        }
        return execute(all);
    }

    private void assertFails(String says) {
        String text = err.toString();
        assertTrue(text.contains(says), text);
        assertEquals(1, text.lines().count(), text);
    }

    @Test
    void thePageIsWrittenAndNamed() throws IOException {
        Path page = folder.resolve("page.html");
        assertEquals(0, compare(page, run("a"), run("b")), err.toString());
        assertEquals(page + ": 2 runs", out.toString().strip());
        assertTrue(Files.readString(page).contains("Total loss"));
        assertEquals("", err.toString());
        assertEquals(0, compare(page, run("a"), folder.resolve("b/../a")), err.toString());
        assertEquals(page + ": 1 run", out.toString().strip());
        assertFails("is a run that was named before; it is shown once");
    }

    @Test
    void whatIsNoRunIsSaidInASentence() throws IOException {
        Path page = folder.resolve("page.html");
        assertEquals(1, compare(page, folder));
        assertFails("vicmae: " + folder + " holds no run: there is no metrics.jsonl in it");
        assertEquals(1, compare(page, folder.resolve("nowhere")));
        assertFails("nowhere holds no run: there is no such folder");
        assertEquals(1, compare(page, run("a").resolve("metrics.jsonl")));
        assertFails("it is a file, not a folder");
        assertFalse(Files.exists(page));
        assertEquals(2, execute("compare"));
        assertTrue(err.toString().contains("RUN"), err.toString());
    }

    @Test
    void whatIsNoRunHidesNoOther() throws IOException {
        Path page = folder.resolve("page.html");
        assertEquals(1, compare(page, folder, run("a")));
        assertFails("warning: " + folder + " holds no run");
        assertEquals(page + ": 1 run", out.toString().strip());
        assertTrue(Files.readString(page).contains(" holds no run: there is no metrics.jsonl in it"));
    }

    @Test
    void aPageThatCannotBeWrittenIsSaidInASentence() throws IOException {
        Path run = run("a");
        assertEquals(1, compare(folder, run));
        assertFails(folder + ": cannot be written: it is a folder");
        assertEquals(1, compare(folder.resolve("nowhere/page.html"), run));
        assertFails("cannot be written: there is no such file or folder");
    }
}
