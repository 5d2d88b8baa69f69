package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.report.Browser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoCommandTest extends CommandFixture {
    @TempDir
    Path dir;

    private int demo(String... options) {
        String[] args = Stream.concat(Stream.of("demo"), Stream.of(options)).toArray(String[]::new);
        return execute(args);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.sorted().toList();
        }
    }

    /** The demo with few epochs, and few clips unless thorough: real video files through the same path as pretrain, and a report that a browser draws. */
    @Test
    void aShortDemoRunsToItsTableAndReport() throws IOException, InterruptedException {
        Path folder = dir.resolve("demo");
        List<String> options = new ArrayList<>(List.of("--device", "cpu", "--epochs", "1", "--out", folder.toString()));
        if (!KernelFixture.isThorough()) {
            options.add("--quick");
        }
        assertEquals(0, demo(options.toArray(String[]::new)), err.toString());
        for (String row : List.of("trained encoder", "untrained encoder", "raw pixels", "chance")) {
            assertTrue(out.toString().contains(row), out.toString());
        }
        try (Stream<Path> files = Files.walk(folder.resolve("data/test"))) {
            assertTrue(files.anyMatch(f -> f.toString().endsWith(".mp4")));
        }
        assertTrue(Files.exists(folder.resolve("pretrain/model.safetensors")));
        String dom = Browser.open(folder.resolve("pretrain/report.html"), dir);
        assertTrue(dom.matches("(?s).*data-drawn=\"[1-9]\\d*\".*"), "charts are drawn");
        assertTrue(dom.contains("data:image/png"), "reconstructions are shown");
        String clips = KernelFixture.isThorough() ? "192" : "8";
        assertTrue(dom.contains("on " + clips + " held-out clips of 8 classes"), "the table is shown");
        assertTrue(dom.contains("raw pixels"), "the table is shown");
        assertTrue(dom.contains("vicmae demo --device cpu --epochs 1"), "the command is shown");
    }

    @Test
    void theFolderOfAnotherDemoIsLeftAlone() throws IOException {
        Files.createDirectories(dir.resolve("pretrain"));
        List<Path> before = files();
        assertEquals(Main.FAILED, demo("--device", "cpu", "--out", dir.toString()));
        assertTrue(err.toString().contains(dir.toString()), err.toString());
        assertTrue(err.toString().contains("--out"), err.toString());
        assertEquals(1, err.toString().lines().count(), err.toString());
        assertEquals(before, files());
    }

    @Test
    void aRunWithoutEpochsIsRefusedBeforeAnythingIsRendered() throws IOException {
        List<Path> before = files();
        assertEquals(2, demo("--device", "cpu", "--epochs", "0", "--out", dir.toString()));
        assertTrue(err.toString().contains("epoch"), err.toString());
        assertEquals(before, files());
    }

    @Test
    void aFileInPlaceOfTheFolderIsNamed() throws IOException {
        Path file = Files.writeString(dir.resolve("file"), "mine");
        assertEquals(Main.FAILED, demo("--device", "cpu", "--out", file.toString()));
        assertTrue(err.toString().contains(file.toString()), err.toString());
        assertEquals("mine", Files.readString(file));
    }

    @Test
    void helpNamesTheOptions() {
        assertEquals(0, demo("--help"));
        for (String option : List.of("--out", "--epochs", "--seed", "--device")) {
            assertTrue(out.toString().contains(option), out.toString());
        }
    }
}
