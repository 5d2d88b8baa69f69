package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command line answers to wrong arguments and to questions about itself. */
class ArgumentsTest {
    @TempDir
    Path dir;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    /** Exit status 2 and two lines: the sentence, and where the help is. */
    private void assertRefused(int status, String sentence, String help) {
        assertEquals(2, status, err.toString());
        assertEquals(2, err.toString().lines().count(), err.toString());
        assertTrue(err.toString().startsWith("vicmae: " + sentence), err.toString());
        assertTrue(err.toString().contains("\n'" + help + " --help' lists "), err.toString());
    }

    @Test
    void aMisspeltOptionIsNamedAndTheRightOneSuggested() {
        assertRefused(
                run("pretrain", "--out", "R", "--data", "D", "--bacth", "4"),
                "There is no option '--bacth'.",
                "vicmae pretrain");
        assertTrue(err.toString().contains("--batch"), err.toString());
        // --out is missing, too.
        assertRefused(
                run("pretrain", "--data", "D", "--bacth", "4"), "There is no option '--bacth'.", "vicmae pretrain");
        assertRefused(run("pretrain", "--dta", "D", "--out", "R"), "There is no option '--dta'.", "vicmae pretrain");
        assertRefused(run("embed", "M", "D", "--ot", "F", "--out", "G"), "There is no option '--ot'.", "vicmae embed");
        assertRefused(
                run("embed", "M", "D", "E", "--haeds=3", "--out", "G"),
                "There is no option '--haeds=3'.",
                "vicmae embed");
        assertRefused(run("verify", "F", "--devcie", "cpu"), "There is no option '--devcie'.", "vicmae verify");
        assertRefused(run("lab", "--lst"), "There is no option '--lst'.", "vicmae lab");
    }

    @Test
    void aWrongArgumentIsASentenceWithoutTheHelp() {
        assertRefused(run("dance"), "There is no command 'dance'.", "vicmae");
        assertRefused(run("pretain"), "There is no command 'pretain'. Did you mean pretrain", "vicmae");
        assertRefused(run("info", "more"), "There is no place for the argument 'more'.", "vicmae info");
        assertRefused(run("pretrain"), "Missing required options", "vicmae pretrain");
        assertRefused(run("plan", "--batch", "many"), "Invalid value for option '--batch'", "vicmae plan");
        assertRefused(run("help", "dance"), "There is no command 'dance'.", "vicmae help");
    }

    @Test
    void severalFoldersAreStillOneOption() throws IOException {
        Path one = TestData.pictures(dir.resolve("one"), 2, 16);
        int status = run(
                "pretrain",
                "--data",
                one.toString(),
                dir.resolve("none").toString(),
                "--out",
                dir.resolve("run").toString());
        assertEquals(1, status, err.toString());
        assertTrue(err.toString().contains("none"), err.toString());
    }

    @Test
    void helpDescribesEachCommand() {
        assertEquals(0, run("help"));
        String list = out.toString();
        assertTrue(list.contains("pretrain") && list.contains("help  "), list);
        assertEquals(0, run("--help"));
        assertEquals(list, out.toString());
        for (String command : new String[] {"demo", "pretrain", "embed", "verify", "plan", "lab", "doctor", "info"}) {
            assertEquals(0, run("help", command), err.toString());
            String help = out.toString();
            assertTrue(help.startsWith("Usage: vicmae " + command), help);
            assertEquals(0, run(command, "--help"));
            assertEquals(out.toString(), help);
        }
        for (String ofTheLauncher : new String[] {"jmh", "results", "test"}) {
            assertEquals(0, run("help", ofTheLauncher));
            assertEquals(
                    "'./vicmae " + ofTheLauncher + " --help' describes it.",
                    out.toString().strip());
        }
    }

    @Test
    void theVersionNamesTheCommit() throws IOException {
        assertEquals(0, run("--version"));
        Properties build = new Properties();
        try (InputStream in = Main.class.getResourceAsStream("/io/github/vicmae/build.properties")) {
            build.load(in);
        }
        String version = out.toString().strip();
        assertTrue(version.startsWith("vicmae " + build.getProperty("version")), version);
        if (build.getProperty("commit") != null) {
            assertTrue(version.endsWith(", commit " + build.getProperty("commit")), version);
        }
        assertEquals(0, run("pretrain", "--version"));
        assertEquals(version, out.toString().strip());
    }

    @Test
    void whereNothingCanBeWrittenNoWorkIsDone() throws IOException {
        Path data = Files.createDirectories(dir.resolve("nothing-to-embed"));
        Path file = Files.writeString(dir.resolve("file"), "");
        for (Path target : new Path[] {dir.resolve("no/such/f.safetensors"), file.resolve("f.safetensors"), data}) {
            assertEquals(1, run("embed", "no-model", data.toString(), "--out", target.toString()));
            assertTrue(err.toString().startsWith("vicmae: " + target + ": cannot be written: "), err.toString());
        }
        Path loss = dir.resolve("loss.cu");
        assertEquals(0, run("lab", "--new", loss.toString()), err.toString());
        assertEquals(1, run("lab", loss.toString(), "--device", "cpu", "--out", file.toString()));
        assertTrue(
                err.toString().startsWith("vicmae: " + file + ": cannot be written: there is a file"), err.toString());
        assertEquals("", out.toString());
        Path results =
                Files.createDirectories(dir.resolve("results/index.html")).getParent();
        assertEquals(1, run("lab", loss.toString(), "--device", "cpu", "--out", results.toString()));
        assertTrue(err.toString().contains("index.html: cannot be written: it is a folder"), err.toString());
        assertFalse(out.toString().contains("building"), out.toString());
    }
}
