package io.github.vicmae.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.dist.Unpacked.Result;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
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
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the archives hold, and what they do not. */
class ContentsIT {
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
        full = Unpacked.of(temporary.resolve("full"), "");
        small = Unpacked.of(temporary.resolve("small"), "-gpu");
    }

    private static Unpacked archive(String name) {
        return name.equals("full") ? full : small;
    }

    /** The archive's jars, without the Java runtime's. */
    private static List<Path> jars(Path home) throws IOException {
        try (Stream<Path> files = Files.walk(home)) {
            return files.filter(f -> f.toString().endsWith(".jar") && !f.startsWith(home.resolve("runtime")))
                    .sorted()
                    .toList();
        }
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
        try (Stream<Path> natives = Files.list(home.resolve("lib/natives/lib"))) {
            assertEquals(2, natives.count(), "JCuda's libraries for driver and runtime, without NVIDIA's compilers");
        }
        bundled.stream()
                .filter(b -> b.matches("jcuda-\\d.*"))
                .toList()
                .forEach(b -> bundled.add(b.replace("jcuda-", "jcuda-natives-")));
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
        jars(home).forEach(jar -> command.add(jar.toString()));
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

    /** POMs do not name native libraries: NATIVES.md does, by the jars that hold them. */
    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void everyJarWithNativeLibrariesIsListed(String name) throws Exception {
        Path home = archive(name).home();
        Set<String> listed = Files.readAllLines(home.resolve("licenses/NATIVES.md")).stream()
                .filter(l -> l.endsWith("| both |") || l.endsWith("| " + name + " |"))
                .map(l -> l.split("[|,]")[1].strip())
                .collect(Collectors.toSet());
        Set<String> unlisted = new TreeSet<>();
        for (Path jar : jars(home)) {
            try (ZipFile zip = new ZipFile(jar.toFile())) {
                String artifact = jar.getFileName().toString().replaceFirst("-\\d[^-]*(-\\d[^-]*)*(-SNAPSHOT)?", "");
                if (zip.stream().anyMatch(e -> e.getName().matches(".*\\.so(\\.\\d+)*"))
                        && listed.stream().noneMatch(l -> artifact.matches(l + "([.-].*)?"))) {
                    unlisted.add(artifact);
                }
            }
        }
        assertEquals(Set.of(), unlisted);
    }

    /** The same commit makes the same bytes anywhere: no file has a time of its own or names the checkout's folder. */
    @ParameterizedTest
    @ValueSource(strings = {"full", "gpu"})
    void nothingTellsWhenOrWhereItWasBuilt(String name) throws Exception {
        Path home = archive(name).home();
        Instant time = Instant.parse(System.getProperty("vicmae.dist.time"));
        try (Stream<Path> files = Files.walk(home)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertEquals(time, Files.getLastModifiedTime(file).toInstant(), file.toString());
            }
        }
        String checkout = latin(Path.of("..").toRealPath().toString().getBytes(StandardCharsets.UTF_8)) + "/";
        for (Path jar : jars(home)) {
            if (jar.getFileName().toString().startsWith("vicmae")) {
                try (ZipFile zip = new ZipFile(jar.toFile())) {
                    for (ZipEntry entry : zip.stream().toList()) {
                        try (InputStream in = zip.getInputStream(entry)) {
                            assertFalse(latin(in.readAllBytes()).contains(checkout), jar + ": " + entry);
                        }
                    }
                }
            }
        }
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
