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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both archives, unpacked into a folder with spaces in its name and run in an empty environment. */
class DistributionIT {
    private static final long SMALL_ARCHIVE_BYTES = 60_000_000;

    /** What glibc itself brings. */
    private static final Set<String> OF_GLIBC =
            Set.of("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2");

    @TempDir
    static Path temporary;

    private static Unpacked full;
    private static Unpacked small;

    @BeforeAll
    static void unpack() throws IOException, InterruptedException {
        full = Unpacked.of(temporary.resolve("a folder"), "");
        small = Unpacked.of(temporary.resolve("another folder"), "-gpu");
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
            ImageIO.write(picture, "jpeg", pictures.resolve(i + ".jpg").toFile());
        }
        Path out = temporary.resolve("run of pictures");
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
        Result wanted = run(small, 1, "test", "--select-class", "io.github.vicmae.kernel.ReduceTest");
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
        assertSentence(run(new Unpacked(home), 1, "doctor"), "unpack the archive again");
    }

    @Test
    void theSmallOneIsSmall() throws IOException {
        long bytes = Files.size(Unpacked.archive("-gpu"));
        assertTrue(bytes < SMALL_ARCHIVE_BYTES, bytes + " bytes");
    }

    /** Each jar of others is in the list of licences, and each in the list is there; every text that is named is there. */
    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void whatIsBundledIsListed(String name) throws Exception {
        Path home = archive(name).home();
        Set<String> bundled = new TreeSet<>();
        try (Stream<Path> files = Files.walk(home)) {
            files.map(f -> f.getFileName().toString())
                    .filter(f -> f.endsWith(".jar") && !f.startsWith("vicmae") && !f.equals("jrt-fs.jar"))
                    .map(f -> f.replaceFirst("-(linux-x86_64|natives-linux)\\.jar$", "")
                            .replaceFirst("\\.jar$", ""))
                    .forEach(bundled::add);
        }
        if (name.equals("gpu")) {
            try (Stream<Path> natives = Files.list(home.resolve("lib/natives/lib"))) {
                assertEquals(3, natives.count(), "JCuda's libraries without NVIDIA's compiler");
            }
            bundled.stream()
                    .filter(b -> b.matches("jcuda-\\d.*"))
                    .toList()
                    .forEach(b -> bundled.add(b.replace("jcuda-", "jcuda-natives-")));
        }
        List<String> lines = Files.readAllLines(home.resolve("licenses/JARS.txt"));
        Set<String> listed = lines.stream()
                .filter(l -> l.matches("[\\w.-]+:[\\w.-]+ \\S+"))
                .map(l -> l.substring(l.indexOf(':') + 1).replace(' ', '-'))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(bundled, listed);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).matches("[\\w.-]+:[\\w.-]+ \\S+")) {
                assertTrue(lines.get(i + 1).matches(" {4}\\S.*"), lines.get(i) + " has no licence");
                assertFalse(lines.get(i + 1).contains("Unknown"), lines.get(i));
            }
        }
        Matcher named =
                Pattern.compile("`([\\w.-]+\\.txt)`").matcher(Files.readString(home.resolve("licenses/README.md")));
        while (named.find()) {
            assertTrue(Files.exists(home.resolve("licenses").resolve(named.group(1))), named.group(1));
        }
        assertTrue(Files.exists(home.resolve("runtime/legal/java.base/LICENSE")));
        assertTrue(Files.exists(home.resolve("LICENSE")) && Files.exists(home.resolve("README.md")));
    }

    /** The runtime has every module that the jars ask for. */
    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void theRuntimeHasWhatTheJarsNeed(String name) throws Exception {
        Path home = archive(name).home();
        Path jdeps = Path.of(System.getProperty("java.home"), "bin", "jdeps");
        assumeTrue(Files.isExecutable(jdeps), "this Java has no jdeps");
        List<String> command = new ArrayList<>(
                List.of(jdeps.toString(), "--multi-release", "17", "--ignore-missing-deps", "--print-module-deps"));
        try (Stream<Path> files = Files.walk(home)) {
            files.filter(f -> f.toString().endsWith(".jar") && !f.startsWith(home.resolve("runtime")))
                    .forEach(f -> command.add(f.toString()));
        }
        Result said = Unpacked.run(temporary, Map.of(), command.toArray(String[]::new));
        String needed = said.out()
                .lines()
                .filter(l -> l.startsWith("java.base"))
                .findFirst()
                .orElseThrow(() -> new AssertionError(said.toString()));
        Set<String> has = Unpacked.run(
                        temporary, Map.of(), home.resolve("runtime/bin/java").toString(), "--list-modules")
                .out()
                .lines()
                .map(l -> l.replaceFirst("@.*", ""))
                .collect(Collectors.toSet());
        Set<String> missing = new TreeSet<>(Arrays.asList(needed.strip().split(",")));
        missing.removeAll(has);
        assertEquals(Set.of(), missing);
    }

    /** Native code of this project asks the system for glibc alone, of a version that hosts have. */
    @Test
    void theKernelsNeedGlibcAlone() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("libraries"));
        assumeTrue(
                Unpacked.run(temporary, Map.of(), "sh", "-c", "command -v readelf && command -v unzip")
                                .status()
                        == 0,
                "readelf and unzip are not installed");
        Path jar;
        try (Stream<Path> jars = Files.list(full.home().resolve("lib"))) {
            jar = jars.filter(j -> j.getFileName().toString().matches("vicmae-.*\\.jar"))
                    .findFirst()
                    .orElseThrow();
        }
        Unpacked.run(temporary, Map.of(), "unzip", "-qo", jar.toString(), "*.so*", "-d", folder.toString());
        String said = Unpacked.run(
                        temporary,
                        Map.of(),
                        "sh",
                        "-c",
                        "find \"$0\" -name '*.so*' -exec readelf -W -d -V {} +",
                        folder.toString())
                .out();
        Set<String> needed = new TreeSet<>();
        Matcher library = Pattern.compile("NEEDED.*\\[(.+)]").matcher(said);
        while (library.find()) {
            needed.add(library.group(1));
        }
        assertFalse(needed.isEmpty(), said);
        needed.removeAll(OF_GLIBC);
        assertEquals(Set.of(), needed);
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
