package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest extends CommandFixture {
    /** Before the doctor looks for NVIDIA's driver: a process can use one driver. */
    @BeforeAll
    static void chooseDriver() {
        KernelFixture.devices();
    }

    @TempDir
    Path dir;

    /** A small run; an option that is given again takes the place of the small run's. */
    private int pretrain(Path data, Path run, String... more) {
        Map<String, String> options = new LinkedHashMap<>();
        String[] small = {
            "--device",
            "cpu",
            "--model",
            "ti8",
            "--image",
            "32x16",
            "--dim",
            "32",
            "--depth",
            "1",
            "--heads",
            "2",
            "--decoder-dim",
            "16",
            "--decoder-depth",
            "1",
            "--decoder-heads",
            "2",
            "--head-hidden",
            "16",
            "--head-out",
            "8",
            "--mask",
            "0.5",
            "--batch",
            "4",
            "--epochs",
            "2",
            "--data",
            data.toString(),
            "--out",
            run.toString()
        };
        for (int i = 0; i < small.length; i += 2) {
            options.put(small[i], small[i + 1]);
        }
        for (int i = 0; i < more.length; i += 2) {
            options.put(more[i], i + 1 < more.length ? more[i + 1] : null);
        }
        List<String> args = new ArrayList<>(List.of("pretrain"));
        options.forEach((name, value) -> {
            args.add(name);
            if (value != null) {
                args.add(value);
            }
        });
        return execute(args.toArray(String[]::new));
    }

    /** Exit status 2, and one sentence. */
    private void assertRefused(int status, String says) {
        assertEquals(2, status, err.toString());
        assertTrue(err.toString().contains(says), err.toString());
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    @Test
    void trainsGoesOnAndEmbeds() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 12, 32);
        Path run = dir.resolve("run");
        assertEquals(0, pretrain(data, run), err.toString());
        assertTrue(Files.exists(run.resolve("report.html")) && Files.exists(run.resolve("metrics.jsonl")));
        assertEquals(0, pretrain(data, run, "--resume"), err.toString());
        Path features = dir.resolve("features.safetensors");
        assertEquals(
                0,
                execute(
                        "embed",
                        "--device",
                        "cpu",
                        run.resolve("model.safetensors").toString(),
                        data.toString(),
                        "--out",
                        features.toString()),
                err.toString());
        try (Safetensors file = Safetensors.open(features)) {
            assertEquals(12 * 32, file.floats("features").length);
            assertEquals(12, file.metadata().get("paths").lines().count());
        }
        assertEquals(
                0,
                pretrain(
                        data,
                        dir.resolve("second"),
                        "--init",
                        run.resolve("model.safetensors").toString()),
                err.toString());
    }

    @Test
    void wrongSettingsStopBeforeAnyWork() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 4, 32);
        Path run = dir.resolve("run");
        assertRefused(pretrain(data, run, "--image", "30"), "30 x 30 pixels cannot be cut into patches of 8 x 8");
        assertRefused(pretrain(data, run, "--image", "huge"), "image size is one number or HEIGHTxWIDTH");
        assertRefused(pretrain(data, run, "--batch", "1"), "at least 2 samples");
        assertRefused(pretrain(data, run, "--model", "xl9"), "There is no model 'xl9'");
        assertRefused(pretrain(data, run, "--preset", "best"), "use release or paper");
        assertRefused(pretrain(data, run, "--pooling", "sum"), "sum");
        assertRefused(pretrain(data, run, "--mask", "0.99"), "leaves none of the 8 patches visible");
        assertRefused(pretrain(data, run, "--heads", "5"), "cannot be split into 5 heads");
        assertRefused(pretrain(data, run, "--channels", "7"), "at least 1 and at most 4, not 7");
        assertRefused(pretrain(data, run, "--device", "tpu"), "use auto, cpu, cuda, cuda:N or emulated");
        assertRefused(pretrain(data, run, "--warmup", "9"), "does not fit into a run of 2");
        assertRefused(execute("pretrain"), "--data");
        assertRefused(execute("plan", "--image", "32", "--image", "64"), "--image");
        assertRefused(execute("dance"), "dance");
        assertFalse(Files.exists(run));
    }

    @Test
    void whatCannotBeReadIsSaidInASentence() throws IOException {
        assertEquals(1, pretrain(dir.resolve("nowhere"), dir.resolve("run")));
        assertTrue(err.toString().contains("nowhere"), err.toString());
        Path empty = Files.createDirectories(dir.resolve("empty"));
        assertEquals(1, pretrain(empty, dir.resolve("run")));
        assertTrue(err.toString().contains("empty"), err.toString());
        Path text = Files.writeString(dir.resolve("x.safetensors"), "no tensors here");
        assertEquals(1, execute("verify", "--device", "cpu", text.toString()));
        assertTrue(err.toString().startsWith("vicmae: "), err.toString());
    }

    @Test
    void aFileThatCannotBeReadHidesNoOther() throws IOException {
        Path text = Files.writeString(dir.resolve("x.safetensors"), "no tensors here");
        String nowhere = dir.resolve("nowhere").toString();
        assertEquals(1, execute("verify", "--device", "cpu", nowhere, text.toString()));
        assertTrue(err.toString().contains("vicmae: " + nowhere + ": "), err.toString());
        assertTrue(err.toString().contains("vicmae: " + text + ": "), err.toString());
        assertTrue(out.toString().contains("2 of 2 files fail"), out.toString());
    }

    @Test
    void aFolderThatCannotBeMadeIsSaidInASentence() throws IOException {
        Path data = TestData.pictures(dir.resolve("data"), 4, 32);
        Path inTheWay = Files.writeString(dir.resolve("file"), "");
        assertEquals(1, pretrain(data, inTheWay));
        assertTrue(err.toString().contains(inTheWay + " is a file, not a folder"), err.toString());
    }

    @Test
    void helpNamesWhatTheLauncherAddsToo() {
        assertEquals(0, execute("--help"));
        assertTrue(out.toString().contains("jmh, results") && out.toString().contains("test  "), out.toString());
    }

    @Test
    void aFailedRunLeavesAFolderThatTheNextRunCanUse() throws IOException {
        Path data = Files.createDirectories(dir.resolve("data"));
        Files.writeString(data.resolve("a.png"), "broken");
        assertEquals(1, pretrain(data, dir.resolve("run")));
        assertTrue(err.toString().contains("a.png"), err.toString());
        TestData.pictures(dir.resolve("good"), 4, 32);
        assertEquals(0, pretrain(dir.resolve("good"), dir.resolve("run")), err.toString());
    }

    @Test
    void doctorAnswers() {
        assertEquals(0, execute("doctor"));
        assertTrue(out.toString().contains("The CPU device works"), out.toString());
        assertTrue(out.toString().contains("CUDA"), out.toString());
        assertTrue(out.toString().contains("'--device emulated'"), out.toString());
    }
}
