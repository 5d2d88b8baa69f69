package io.github.vicmae.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.dist.Unpacked.Result;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both archives, unpacked into folders with a space and an umlaut in their names, and run in an empty environment. */
class DistributionIT {
    @TempDir
    static Path temporary;

    private static Unpacked full;
    private static Unpacked small;

    @BeforeAll
    static void unpack() throws IOException, InterruptedException {
        full = Unpacked.of(temporary.resolve("a földer"), "");
        small = Unpacked.of(temporary.resolve("another földer"), "-gpu");
    }

    private static Unpacked archive(String name) {
        return name.equals("full") ? full : small;
    }

    private static Result run(Unpacked archive, int status, String... arguments)
            throws IOException, InterruptedException {
        Result result = archive.vicmae(temporary, arguments);
        assertEquals(status, result.status(), result.toString());
        return result;
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void itsOwnJavaRunsIt(String name) throws Exception {
        Unpacked archive = archive(name);
        JsonNode doctor =
                new ObjectMapper().readTree(run(archive, 0, "doctor", "--json").out());
        assertEquals(
                archive.home().resolve("runtime").toRealPath().toString(),
                doctor.at("/java/home").textValue());
        assertTrue(doctor.get("cpu").booleanValue(), doctor.toString());
        JsonNode info =
                new ObjectMapper().readTree(run(archive, 0, "info", "--json").out());
        assertEquals(name.equals("full"), info.at("/vicmae/emulatedDriver").booleanValue());
        assertEquals(name.equals("full"), info.at("/vicmae/videos").booleanValue());
        assertEquals(0, info.get("problems").size(), info.get("problems").toString());
        assertTrue(info.at("/vicmae/version").isTextual());
        assertTrue(run(archive, 0, "info")
                .out()
                .contains(info.at("/processor/kernels").textValue()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void goldensPass(String name) throws Exception {
        Path folder = shared().resolve("golden");
        List<Path> goldens;
        try (Stream<Path> files = Files.list(folder)) {
            goldens = files.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
        }
        assertFalse(goldens.isEmpty(), "no goldens in " + folder);
        String[] arguments = Stream.concat(
                        Stream.of("verify", "--device", "cpu"), goldens.stream().map(Path::toString))
                .toArray(String[]::new);
        Result result = run(archive(name), 0, arguments);
        assertTrue(result.out().contains(goldens.size() + " files pass"), result.out());
    }

    /** A whole run on videos: rendered, read, trained on, reported. */
    @Test
    void theFullOneTrainsOnVideos() throws Exception {
        Path out = temporary.resolve("the run");
        Result result = run(full, 0, "demo", "--epochs", "1", "--device", "cpu", "--out", out.toString());
        assertTrue(result.out().contains("trained encoder"), result.toString());
        assertTrue(Files.size(out.resolve("pretrain/report.html")) > 10_000, "no report in " + out);
    }

    @Test
    void theFullOneChecksKernelsWithoutACard() throws Exception {
        Path golden = shared().resolve("golden/release-tiny.safetensors");
        Result result = run(full, 0, "verify", "--device", "emulated", golden.toString());
        assertTrue(result.out().contains("1 file passes"), result.out());
    }

    /** What the small one does without is a sentence where it is wanted, and pictures are trained on all the same. */
    @Test
    void theSmallOneSaysWhatItLacks() throws Exception {
        Result emulated = run(small, 1, "verify", "--device", "emulated", "any.safetensors");
        assertSentence(emulated, "no emulated driver");
        Result demo = run(
                small,
                1,
                "demo",
                "--device",
                "cpu",
                "--out",
                temporary.resolve("no demo").toString());
        assertSentence(demo, "FFmpeg is not in this distribution");
        Path video = Files.createDirectories(temporary.resolve("videos")).resolve("a.mp4");
        Files.write(video, new byte[1000]);
        Result pretrain = run(
                small,
                1,
                "pretrain",
                "--device",
                "cpu",
                "--model",
                "ti8",
                "--data",
                video.getParent().toString(),
                "--out",
                temporary.resolve("no run").toString());
        assertTrue(pretrain.err().contains("FFmpeg is not in this distribution"), pretrain.toString());
        Path pictures = Files.createDirectories(temporary.resolve("pictures"));
        for (int i = 0; i < 4; i++) {
            BufferedImage picture = new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB);
            picture.setRGB(5 * i, 3, 0xff8000);
            ImageIO.write(picture, "jpeg", pictures.resolve("é" + i + ".jpg").toFile());
        }
        Path out = temporary.resolve("rün of pictures");
        run(
                small,
                0,
                "pretrain",
                "--device",
                "cpu",
                "--model",
                "ti8",
                "--image",
                "16",
                "--dim",
                "24",
                "--depth",
                "1",
                "--heads",
                "2",
                "--decoder-dim",
                "12",
                "--decoder-depth",
                "1",
                "--decoder-heads",
                "2",
                "--head-hidden",
                "16",
                "--batch",
                "2",
                "--epochs",
                "1",
                "--data",
                pictures.toString(),
                "--out",
                out.toString());
        assertTrue(Files.exists(out.resolve("model.safetensors")));
    }

    private static void assertSentence(Result result, String says) {
        assertTrue(result.err().contains(says), result.toString());
        assertFalse(result.err().contains("\tat "), result.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void mistakesAreSentences(String name) throws Exception {
        Unpacked archive = archive(name);
        assertSentence(run(archive, 2, "dance"), "dance");
        Path broken = Files.writeString(temporary.resolve("broken file.safetensors"), "no tensors here");
        assertSentence(run(archive, 1, "verify", "--device", "cpu", broken.toString()), "vicmae: ");
        assertSentence(
                run(
                        archive,
                        1,
                        "verify",
                        "--device",
                        "cpu",
                        temporary.resolve("nowhere").toString()),
                "nowhere");
        assertSentence(run(archive, 2, "verify", "--device", "tpu", broken.toString()), "use auto, cpu, cuda");
    }

    @Test
    void theFullOneSaysWhereTestsAndBenchmarksAre() throws Exception {
        assertSentence(run(full, 1, "test"), "-gpu");
        assertSentence(run(full, 1, "jmh"), "-gpu");
    }

    @Test
    void theSmallOneRunsItsTests() throws Exception {
        Result tests = small.vicmae(
                temporary,
                Map.of("VICMAE_JAVA_OPTIONS", "-Xmx1g -Dvicmae.test.devices=cpu"),
                "test",
                "--select-package",
                "io.github.vicmae.kernel",
                "--include-classname",
                ".*(Reduce|Token|Pool|Masking|Gradient).*Test",
                "--fail-if-no-tests",
                "--details=summary");
        assertEquals(0, tests.status(), tests.toString());
        assertTrue(
                Pattern.compile("\\[ +[1-9]\\d* tests successful")
                                .matcher(tests.out())
                                .find()
                        && Pattern.compile("\\[ +0 tests failed")
                                .matcher(tests.out())
                                .find(),
                tests.out());
        // Its status says whether there is one.
        Result wanted = small.vicmae(temporary, "test", "--select-class", "io.github.vicmae.kernel.ReduceTest");
        assertTrue(wanted.out().contains("[1] cuda"), "without an option the tests run on a card: " + wanted);
    }

    @Test
    void theSmallOneRunsItsBenchmarks() throws Exception {
        Result list = run(small, 0, "jmh", "--list");
        assertTrue(list.out().contains("LayerNorm") && list.out().contains("InfoNce"), list.out());
        Path json = temporary.resolve("results.json");
        Result shortRun = run(small, 0, "jmh", "--short", "--device", "cpu", "--out", json.toString(), "GradientNorm");
        assertTrue(new ObjectMapper().readTree(json.toFile()).isObject(), shortRun.toString());
    }

    @Test
    void aLinkAndAFolderThatCannotBeWrittenWillDo() throws Exception {
        Path link = Files.createSymbolicLink(
                temporary.resolve("link to vicmae"), full.home().resolve("vicmae"));
        Result linked = Unpacked.run(temporary, Map.of(), link.toString(), "doctor");
        assertEquals(0, linked.status(), linked.toString());
        Unpacked readOnly = Unpacked.of(temporary.resolve("read only"), "-gpu");
        assertEquals(
                0,
                Unpacked.run(
                                temporary,
                                Map.of(),
                                "chmod",
                                "-R",
                                "a-w",
                                readOnly.home().toString())
                        .status());
        try {
            assertTrue(run(readOnly, 0, "doctor").out().contains("The CPU device works"));
        } finally {
            Unpacked.run(
                    temporary, Map.of(), "chmod", "-R", "u+w", readOnly.home().toString());
        }
    }

    @Test
    void withoutItsJavaItSaysSo() throws Exception {
        Path home = Files.createDirectories(temporary.resolve("torn"));
        Files.copy(full.home().resolve("vicmae"), home.resolve("vicmae"), StandardCopyOption.COPY_ATTRIBUTES);
        assertSentence(
                run(new Unpacked(home), 1, "doctor"),
                "bin/java is missing or cannot be read; unpack the archive again");
        Path bin = Files.createDirectories(home.resolve("runtime/bin"));
        Files.copy(full.home().resolve("runtime/bin/java"), bin.resolve("java"), StandardCopyOption.COPY_ATTRIBUTES);
        assertSentence(run(new Unpacked(home), 1, "doctor"), "lib/modules is missing");
        Files.createFile(Files.createDirectories(home.resolve("runtime/lib")).resolve("modules"));
        Files.createFile(home.resolve("runtime/vicmae.options"));
        assertSentence(run(new Unpacked(home), 1, "doctor"), "lib/vicmae-*.jar is missing");
    }

    @Test
    void aColonInThePathIsASentence() throws Exception {
        Path home = Files.createDirectories(temporary.resolve("with:colon"));
        Files.copy(full.home().resolve("vicmae"), home.resolve("vicmae"), StandardCopyOption.COPY_ATTRIBUTES);
        assertSentence(run(new Unpacked(home), 1, "doctor"), "a folder with a colon in its path");
    }

    /** A driver that is there but broken, as in a container into which it was mounted in part. */
    @Test
    void aBrokenDriverIsNotAMissingOne() throws Exception {
        Path driver = Files.createDirectories(temporary.resolve("driver"));
        Files.createFile(driver.resolve("libcuda.so.1"));
        Result doctor = full.vicmae(temporary, Map.of("LD_LIBRARY_PATH", driver.toString()), "doctor");
        assertEquals(0, doctor.status(), doctor.toString());
        assertTrue(doctor.out().contains("libcuda.so.1 could not be loaded: "), doctor.toString());
        assertTrue(doctor.out().contains("install the driver again"), doctor.toString());
    }

    @Test
    void aTemporaryFolderThatIsNoneIsASentence() throws Exception {
        String nowhere = Files.writeString(temporary.resolve("no folder"), "").toString();
        Result doctor =
                full.vicmae(temporary, Map.of("JAVA_TOOL_OPTIONS", "'-Djava.io.tmpdir=" + nowhere + "'"), "doctor");
        assertTrue(
                doctor.out().contains("could not be unpacked into the temporary folder " + nowhere + ": "),
                doctor.toString());
        assertFalse(doctor.out().contains("JPEG images cannot be read"), doctor.toString());
    }

    private static Path shared() {
        String given = System.getProperty("vicmae.shared");
        Path folder = given == null ? null : Path.of(given);
        for (Path at = Path.of("").toAbsolutePath(); folder == null && at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared"))) {
                folder = at.resolve("shared");
            }
        }
        assumeTrue(folder != null && Files.isDirectory(folder), "there is no folder 'shared' beside the repository");
        return folder;
    }
}
