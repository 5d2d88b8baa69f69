package io.github.vicmae.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.dist.Unpacked.Result;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that embeds pictures with the packaged jars: on the module path, on the class path, and with those of vicmae-inference alone. */
class LibraryIT {
    private static final String PROGRAM = """
            package demo;

            import io.github.vicmae.device.Device;
            import io.github.vicmae.eval.Encoder;
            import java.nio.file.Path;

            public final class Main {
                public static void main(String[] files) {
                    System.out.println(Encoder.class.getModule().isNamed());
                    try (Device device = Device.open("cpu"); Encoder encoder = Encoder.load(Path.of(files[0]), device)) {
                        for (int i = 1; i < files.length; i++) {
                            for (float value : encoder.embed(Path.of(files[i]))) {
                                System.out.println(value);
                            }
                        }
                    } catch (java.io.IOException e) {
                        System.out.println(e.getMessage());
                    }
                }
            }
            """;
    private static final String MODULE = """
            module demo {
                requires io.github.vicmae;
                requires java.desktop;
            }
            """;
    /** The modules that load libraries of their own. */
    private static final String NATIVE =
            "--enable-native-access=io.github.vicmae,org.lwjgl,org.bytedeco.javacpp,org.bytedeco.openblas,org.bytedeco.leptonica,org.bytedeco.ffmpeg";

    private static final int UNSAFE_WARNS = 24;

    @TempDir
    static Path temporary;

    private static Path library;
    private static Path model;
    private static List<Path> pictures;
    private static String expected;

    @BeforeAll
    static void prepare() throws IOException, InterruptedException {
        library = Unpacked.of(temporary.resolve("full"), "").home().resolve("lib");
        model = temporary.resolve("model.safetensors");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        BufferedImage picture = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 40 * 30; i++) {
            picture.setRGB(i % 40, i / 40, i * 5417);
        }
        pictures = List.of(temporary.resolve("a.png"), temporary.resolve("a.jpg"));
        StringBuilder features = new StringBuilder();
        try (Device device = Device.open("cpu")) {
            try (Objective objective = Objective.create(device, config, 2)) {
                objective.parameters().initialise(objective.kernels(), 3);
                Checkpoint.save(model, objective.state(), false, Map.of());
            }
            try (Encoder encoder = Encoder.load(model, device)) {
                for (Path file : pictures) {
                    ImageIO.write(picture, file.toString().endsWith("png") ? "png" : "jpg", file.toFile());
                    for (float value : encoder.embed(file)) {
                        features.append(value).append('\n');
                    }
                }
            }
        }
        expected = features.toString();
    }

    /** This Java, and those in the usual place, by their version. */
    static Stream<Path> javas() throws IOException {
        Map<Integer, Path> homes = new TreeMap<>();
        Path usual = Path.of("/usr/lib/jvm");
        if (Files.isDirectory(usual)) {
            try (Stream<Path> found = Files.list(usual)) {
                for (Path home : (Iterable<Path>) found::iterator) {
                    Path release = home.resolve("release");
                    if (Files.isExecutable(home.resolve("bin/javac")) && Files.exists(release)) {
                        homes.put(version(release), home);
                    }
                }
            }
        }
        homes.put(Runtime.version().feature(), Path.of(System.getProperty("java.home")));
        return homes.entrySet().stream().filter(e -> e.getKey() >= 17).map(Map.Entry::getValue);
    }

    private static int version(Path release) throws IOException {
        return Files.readAllLines(release).stream()
                .filter(line -> line.startsWith("JAVA_VERSION="))
                .map(line -> line.replaceAll("[^0-9.]", "").split("\\.")[0])
                .mapToInt(Integer::parseInt)
                .findFirst()
                .orElse(0);
    }

    private static Path compiled(Path java, String modulePath) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(temporary, "program");
        Path main = Files.writeString(
                Files.createDirectories(folder.resolve("demo")).resolve("Main.java"), PROGRAM);
        Path module = Files.writeString(folder.resolve("module-info.java"), MODULE);
        Path classes = folder.resolve("classes");
        Result javac = Unpacked.run(
                temporary,
                Map.of(),
                java.resolve("bin/javac").toString(),
                "-p",
                modulePath,
                "-d",
                classes.toString(),
                main.toString(),
                module.toString());
        assertEquals(0, javac.status(), javac.toString());
        return classes;
    }

    private static Result run(Path java, List<String> options, Path... files) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(java.resolve("bin/java").toString()));
        if (version(java.resolve("release")) >= UNSAFE_WARNS) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.addAll(options);
        command.add(model.toString());
        for (Path file : files) {
            command.add(file.toString());
        }
        return Unpacked.run(temporary, Map.of(), command.toArray(String[]::new));
    }

    @ParameterizedTest
    @MethodSource("javas")
    void onTheModulePathAndTheClassPathItGivesTheSameWithoutAWarning(Path java) throws Exception {
        Path classes = compiled(java, library.toString());
        Path[] files = pictures.toArray(Path[]::new);
        List<String> modules = List.of(
                NATIVE,
                "-p",
                library + File.pathSeparator + classes,
                "--add-modules",
                "ALL-MODULE-PATH",
                "-m",
                "demo/demo.Main");
        Result modular = run(java, modules, files);
        assertEquals("true\n" + expected, modular.out(), modular.toString());
        assertEquals("", modular.err());
        List<String> paths = List.of(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                library + "/*" + File.pathSeparator + classes,
                "demo.Main");
        Result plain = run(java, paths, files);
        assertEquals("false\n" + expected, plain.out(), plain.toString());
        assertEquals("", plain.err());
    }

    @Test
    void theInferenceJarsEmbedPicturesAndRefuseVideosWithASentence() throws Exception {
        Path built = Path.of(System.getProperty("vicmae.dist.inference"));
        List<Path> jars = new ArrayList<>();
        for (Path folder : List.of(built, built.resolve("lib"))) {
            try (Stream<Path> found = Files.list(folder)) {
                found.filter(f -> f.toString().endsWith(".jar")).forEach(jars::add);
            }
        }
        long bytes = 0;
        for (Path jar : jars) {
            bytes += Files.size(jar);
        }
        assertTrue(bytes > 1 << 20 && bytes < 10 << 20, jars + " have " + bytes + " bytes");
        Path java = Path.of(System.getProperty("java.home"));
        Path classes = compiled(java, library.toString());
        Path video = Files.write(temporary.resolve("clip.mp4"), new byte[100]);
        String path = jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
        List<String> options =
                List.of("--enable-native-access=ALL-UNNAMED", "-cp", path + File.pathSeparator + classes, "demo.Main");
        Result result = run(java, options, pictures.get(0), pictures.get(1), video);
        List<String> lines = result.out().lines().toList();
        List<String> values = expected.lines().toList();
        assertEquals(values.size() + 2, lines.size(), result.toString());
        for (int i = 0; i < values.size(); i++) { // the JPEG is decoded by the JDK here
            assertEquals(Float.parseFloat(values.get(i)), Float.parseFloat(lines.get(i + 1)), i < 32 ? 1e-5f : 0.1f);
        }
        assertTrue(lines.get(lines.size() - 1).contains("FFmpeg is not in this distribution"), result.toString());
        assertEquals("", result.err());
    }
}
