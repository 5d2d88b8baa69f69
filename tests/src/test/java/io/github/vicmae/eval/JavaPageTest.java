package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docs/java.md shows compiles and runs. */
class JavaPageTest {
    private static final Pattern CODE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final String IMPORTS = """
            import io.github.vicmae.device.Device;
            import io.github.vicmae.eval.BatchingEncoder;
            import io.github.vicmae.eval.BatchingOptions;
            import io.github.vicmae.eval.Encoder;
            import java.nio.ByteBuffer;
            import java.nio.ByteOrder;
            import java.nio.FloatBuffer;
            import java.nio.file.Files;
            import java.nio.file.Path;
            import java.time.Duration;
            import java.util.concurrent.CompletableFuture;
            """;

    @TempDir
    Path dir;

    private static JavaFileObject source(String name, String text) {
        return new SimpleJavaFileObject(URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
    }

    @Test
    void theSnippetsRun() throws Exception {
        Path page = Path.of("../docs/java.md");
        assumeTrue(Files.exists(page), "there is no checkout with docs around this folder");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assumeTrue(compiler != null, "this Java has no compiler");
        List<JavaFileObject> sources = new ArrayList<>();
        Matcher code = CODE.matcher(Files.readString(page));
        while (code.find()) {
            String name = "Snippet" + sources.size();
            sources.add(source(
                    name,
                    IMPORTS + "public class " + name
                            + " { public static void run(Path model, Path picture, Path video) throws Exception {\n"
                            + code.group(1) + "}}"));
        }
        assertEquals(5, sources.size());
        StringWriter said = new StringWriter();
        List<String> options =
                List.of("-cp", System.getProperty("java.class.path"), "-d", dir.toString(), "-proc:none");
        assertTrue(compiler.getTask(said, null, null, options, null, sources).call(), said.toString());
        Path model = model();
        Path picture = dir.resolve("picture.jpg");
        ImageIO.write(new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "jpg", picture.toFile());
        Path video = video();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {dir.toUri().toURL()})) {
            for (int i = 0; i < sources.size(); i++) {
                loader.loadClass("Snippet" + i)
                        .getMethod("run", Path.class, Path.class, Path.class)
                        .invoke(null, model, picture, video);
            }
        }
    }

    private Path model() throws IOException {
        Path file = dir.resolve("model.safetensors");
        ModelConfig config = new ModelConfig(
                new TrunkConfig(16, 16, 3, 8, 32, 2, 2, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 24, 8, 0.1));
        try (Device device = Device.open("cpu");
                Objective model = Objective.create(device, config, 2)) {
            model.parameters().initialise(model.kernels(), 3);
            Checkpoint.save(file, model.state(), false, Map.of());
        }
        return file;
    }

    private Path video() throws IOException {
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 12, 16, 8, 1, 1, 1));
        try (Stream<Path> files = Files.walk(dir.resolve("shapes"))) {
            return files.filter(file -> file.toString().endsWith(".mp4"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
    }
}
