package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.vicmae.objective.FlopCount;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scripts that measure PyTorch, as far as they can be looked at without it. */
class PeersTest {
    private static final Path PEERS = Path.of("peers").toAbsolutePath();

    @TempDir
    Path folder;

    @Test
    void everyScriptCompiles() throws Exception {
        List<String> command = new ArrayList<>(List.of("-m", "py_compile"));
        try (Stream<Path> scripts = Files.list(PEERS)) {
            scripts.filter(s -> s.toString().endsWith(".py")).sorted().forEach(s -> command.add(s.toString()));
        }
        assertTrue(command.size() > 2, "there are no scripts in " + PEERS);
        python(command);
    }

    /** What PyTorch is measured with must be what this library is measured with, or no row stands beside another. */
    @Test
    void theShapesAreTheSuites() throws Exception {
        String found =
                python(List.of("-c", "import json, shapes; print(json.dumps([shapes.KERNELS, shapes.SCALING]))"));
        JsonNode both = new ObjectMapper().readTree(found);
        assertTrue(both.get(0).size() > 10, found);
        holds(both.get(0), Suite.KERNELS);
        holds(both.get(1), Suite.SCALING);
    }

    private static void holds(JsonNode peers, List<Suite.Entry> suite) {
        peers.fieldNames().forEachRemaining(name -> {
            Suite.Entry entry = suite.stream()
                    .filter(e -> e.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("The suite has no " + name));
            for (Suite.Size size : Suite.Size.values()) {
                List<String> shapes = new ArrayList<>();
                peers.get(name).get(size.ordinal()).forEach(shape -> shapes.add(shape.asText()));
                assertEquals(entry.shapes(size), shapes, name + ", " + size);
            }
        });
    }

    /** A step of PyTorch's is that of the same model, and its operations are counted alike. */
    @Test
    void theModelsAreTheSuites() throws Exception {
        String program =
                "import json, shapes, configurations as c; print(json.dumps({s: [*c.configuration(s), c.flops(*c.configuration(s))]"
                        + " for suite in (shapes.KERNELS, shapes.SCALING) for size in suite['TrainingStep'] for s in size}))";
        JsonNode models = new ObjectMapper().readTree(python(List.of("-c", program)));
        assertTrue(models.size() > 20, models.toString());
        for (Map.Entry<String, JsonNode> model : models.properties()) {
            ModelConfig config = TrainingStep.config(model.getKey());
            holds(model.getKey(), model.getValue().get(0), new ObjectMapper().readTree(config.json()));
            double operations = model.getValue().get(1).asInt() * FlopCount.perSample(config);
            assertEquals(operations, model.getValue().get(2).asDouble(), 1e-12 * operations, model.getKey());
        }
    }

    /** Of a peer's settings each is ours; some of ours do not change what a step computes. */
    private static void holds(String at, JsonNode peers, JsonNode ours) {
        peers.properties().forEach(entry -> {
            String key = at + ", " + entry.getKey();
            JsonNode own = ours.get(entry.getKey());
            if (entry.getValue().isObject()) {
                holds(key, entry.getValue(), own);
            } else {
                assertEquals(own.asText(), entry.getValue().asText(), key);
            }
        });
    }

    private String python(List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("python3"));
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(PEERS.toFile()).redirectErrorStream(true);
        builder.environment().put("PYTHONPYCACHEPREFIX", folder.toString()); // nothing is left beside the scripts
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            return abort("There is no python3 here to look at " + PEERS + " with: " + e.getMessage());
        }
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(1, TimeUnit.MINUTES), "python3 does not end");
        assertEquals(0, process.exitValue(), said);
        return said;
    }
}
