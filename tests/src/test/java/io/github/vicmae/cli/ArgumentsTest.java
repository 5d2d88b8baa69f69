package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command line answers to wrong arguments and to questions about itself. */
class ArgumentsTest extends CommandFixture {
    @TempDir
    Path dir;

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
                execute("pretrain", "--out", "R", "--data", "D", "--bacth", "4"),
                "There is no option '--bacth'.",
                "vicmae pretrain");
        assertTrue(err.toString().contains("--batch"), err.toString());
        // --out is missing, too.
        assertRefused(
                execute("pretrain", "--data", "D", "--bacth", "4"), "There is no option '--bacth'.", "vicmae pretrain");
        assertRefused(
                execute("pretrain", "--dta", "D", "--out", "R"), "There is no option '--dta'.", "vicmae pretrain");
        assertRefused(
                execute("embed", "M", "D", "--ot", "F", "--out", "G"), "There is no option '--ot'.", "vicmae embed");
        assertRefused(
                execute("embed", "M", "D", "E", "--haeds=3", "--out", "G"),
                "There is no option '--haeds=3'.",
                "vicmae embed");
        assertRefused(execute("verify", "F", "--devcie", "cpu"), "There is no option '--devcie'.", "vicmae verify");
        assertRefused(execute("lab", "--lst"), "There is no option '--lst'.", "vicmae lab");
    }

    @Test
    void aWrongArgumentIsASentenceWithoutTheHelp() {
        assertRefused(execute("dance"), "There is no command 'dance'.", "vicmae");
        assertRefused(execute("pretain"), "There is no command 'pretain'. Did you mean pretrain", "vicmae");
        assertRefused(execute("info", "more"), "Unexpected argument 'more'.", "vicmae info");
        assertRefused(execute("pretrain"), "Missing required options", "vicmae pretrain");
        assertRefused(execute("plan", "--batch", "many"), "Invalid value for option '--batch'", "vicmae plan");
        assertRefused(execute("help", "dance"), "There is no command 'dance'.", "vicmae help");
    }

    @Test
    void severalFoldersAreStillOneOption() throws IOException {
        Path one = TestData.pictures(dir.resolve("one"), 2, 16);
        int status = execute(
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
        assertEquals(0, execute("help"));
        String list = out.toString();
        assertTrue(list.contains("pretrain") && list.contains("help  "), list);
        assertEquals(0, execute("--help"));
        assertEquals(list, out.toString());
        for (String command : new String[] {"demo", "pretrain", "embed", "verify", "plan", "lab", "doctor", "info"}) {
            assertEquals(0, execute("help", command), err.toString());
            String help = out.toString();
            assertTrue(help.startsWith("Usage: vicmae " + command), help);
            assertEquals(0, execute(command, "--help"));
            assertEquals(out.toString(), help);
        }
        for (String ofTheLauncher : new String[] {"jmh", "results", "test"}) {
            assertEquals(0, execute("help", ofTheLauncher));
            assertEquals(
                    "'./vicmae " + ofTheLauncher + " --help' describes it.",
                    out.toString().strip());
        }
    }

    @Test
    void theVersionNamesTheCommit() throws IOException {
        assertEquals(0, execute("--version"));
        Properties build = new Properties();
        try (InputStream in = Main.class.getResourceAsStream("/io/github/vicmae/build.properties")) {
            build.load(in);
        }
        String version = out.toString().strip();
        assertTrue(version.startsWith("vicmae " + build.getProperty("version")), version);
        if (build.getProperty("commit") != null) {
            assertTrue(version.endsWith(", commit " + build.getProperty("commit")), version);
        }
        assertEquals(0, execute("pretrain", "--version"));
        assertEquals(version, out.toString().strip());
    }

    @Test
    void whereNothingCanBeWrittenNoWorkIsDone() throws IOException {
        Path data = Files.createDirectories(dir.resolve("nothing-to-embed.npy"));
        Path file = Files.writeString(dir.resolve("file"), "");
        for (Path target : new Path[] {dir.resolve("no/such/f.safetensors"), file.resolve("f.safetensors"), data}) {
            assertEquals(1, execute("embed", "no-model", data.toString(), "--out", target.toString()));
            assertTrue(err.toString().startsWith("vicmae: " + target + ": cannot be written: "), err.toString());
        }
        Path loss = dir.resolve("loss.cu");
        assertEquals(0, execute("lab", "--new", loss.toString()), err.toString());
        assertEquals(1, execute("lab", loss.toString(), "--device", "cpu", "--out", file.toString()));
        assertTrue(
                err.toString().startsWith("vicmae: " + file + ": cannot be written: there is a file"), err.toString());
        assertEquals("", out.toString());
        Path results =
                Files.createDirectories(dir.resolve("results/index.html")).getParent();
        assertEquals(1, execute("lab", loss.toString(), "--device", "cpu", "--out", results.toString()));
        assertTrue(err.toString().contains("index.html: cannot be written: it is a folder"), err.toString());
        assertFalse(out.toString().contains("building"), out.toString());
    }
}
