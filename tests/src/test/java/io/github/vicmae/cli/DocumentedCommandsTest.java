package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The command lines in README.md and docs: all are ones that the program takes, and the README's short ones do what it says. */
class DocumentedCommandsTest extends CommandFixture {
    private static final Path ROOT = Path.of("..");
    private static final String PROGRAM = "./vicmae ";
    /** Those of the launcher script, which the program itself does not have. */
    private static final Set<String> LAUNCHER = Set.of("test", "jmh", "results", "soak");

    @TempDir
    Path dir;

    /** A command line, and where it stands. */
    private record Documented(String where, String line) {
        List<String> arguments() {
            return Stream.of(line.substring(PROGRAM.length()).strip().split("\\s+"))
                    .filter(argument -> !argument.equals("...")) // the rest of the command before it
                    .toList();
        }
    }

    @BeforeEach
    void inACheckout() {
        assumeTrue(
                Files.exists(ROOT.resolve("README.md")) && Files.isDirectory(ROOT.resolve("docs")),
                "there is no checkout with README.md around this folder");
    }

    private static List<Documented> commands(Path page) throws IOException {
        List<Documented> commands = new ArrayList<>();
        boolean code = false;
        List<String> lines = Files.readAllLines(page);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (line.strip().startsWith("```")) {
                code = !code;
            } else if (code && line.strip().startsWith(PROGRAM)) {
                String where = page.getFileName() + ":" + (i + 1);
                StringBuilder whole = new StringBuilder(line.strip());
                while (whole.charAt(whole.length() - 1) == '\\') {
                    whole.setLength(whole.length() - 1);
                    whole.append(lines.get(++i).strip());
                }
                commands.add(new Documented(
                        where, whole.toString().replaceAll("\\s+#.*", "").replaceAll("\\s+[|>].*", "")));
            }
        }
        return commands;
    }

    @Test
    void theProgramTakesEveryDocumentedCommand() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            docs.filter(page -> page.toString().endsWith(".md")).forEach(pages::add);
        }
        int checked = 0;
        List<String> refused = new ArrayList<>();
        for (Path page : pages) {
            for (Documented command : commands(page)) {
                if (!LAUNCHER.contains(command.arguments().get(0))) {
                    checked++;
                    try {
                        Main.commandLine().parseArgs(command.arguments().toArray(String[]::new));
                    } catch (CommandLine.ParameterException e) {
                        refused.add(command.where() + " " + command.line() + ": " + e.getMessage());
                    }
                }
            }
        }
        assertEquals(List.of(), refused);
        assertTrue(checked > 50, "only " + checked + " commands were found");
    }

    /** After a demo with few clips, in a folder of its own: what the README says on the way from a demo to an answer. */
    @Test
    void theShortCommandsOfTheReadmeRun() throws IOException {
        assertEquals(
                0,
                execute("demo", "--quick", "--epochs", "1", "--device", "cpu", "--out", here("runs/demo-1")),
                err.toString());
        Path clip;
        try (Stream<Path> clips = Files.walk(dir.resolve("runs/demo-1/data/test"))) {
            clip = clips.filter(Files::isRegularFile).sorted().findFirst().orElseThrow();
        }
        Files.createDirectories(dir.resolve("my-videos/day"));
        Files.copy(clip, dir.resolve("my-videos/day").resolve(clip.getFileName()));
        Files.createDirectories(dir.resolve("runs/first"));
        for (String file : List.of("checkpoint.safetensors", "model.safetensors", "settings.yaml", "run.json")) {
            Files.copy(dir.resolve("runs/demo-1/pretrain").resolve(file), dir.resolve("runs/first/" + file));
        }
        javax.imageio.ImageIO.write(
                new java.awt.image.BufferedImage(80, 60, java.awt.image.BufferedImage.TYPE_INT_RGB),
                "jpg",
                dir.resolve("picture.jpg").toFile());
        Set<String> shortOnes = Set.of("index", "search", "knn", "export", "convert", "plan", "recipes");
        List<String> ran = new ArrayList<>();
        for (Documented command : commands(ROOT.resolve("README.md"))) {
            String name = command.arguments().get(0);
            if (shortOnes.contains(name)) {
                List<String> arguments = new ArrayList<>(
                        command.arguments().stream().map(this::moved).toList());
                if (name.equals("knn")) { // whose folder lies where it is started
                    arguments.addAll(List.of("--out", here("knn")));
                }
                assertEquals(
                        0,
                        execute(arguments.toArray(String[]::new)),
                        command.where() + " " + command.line() + ": " + err);
                ran.add(name);
            }
        }
        assertTrue(ran.containsAll(List.of("index", "search", "knn", "export", "convert")), ran.toString());
        String page = Files.readString(dir.resolve("found.html"));
        assertTrue(
                page.contains("data:image/") && page.contains(clip.getFileName().toString()),
                "the page has thumbnails");
    }

    private String here(String path) {
        return dir.resolve(path).toString();
    }

    /** What names a file or folder of the reader's is one of this test's. */
    private String moved(String argument) {
        boolean path =
                !argument.startsWith("-") && argument.matches("(runs/|my-|picture\\.|found\\.|encoder\\.|model\\.).*");
        return path ? here(argument) : argument;
    }
}
