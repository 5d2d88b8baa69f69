package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.model.EncoderNames;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PyTorch loads what is exported with {@code strict=True} and computes the same features; where there is a PyTorch. */
class PyTorchStrictTest {
    private static final Path PYTHON = Path.of("/usr/bin/python3");
    private static final long SECONDS = 60;

    @TempDir
    Path dir;

    private List<String> python(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(PYTHON.toString()));
        command.addAll(List.of(arguments));
        Path output = dir.resolve("output");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        String text = Files.readString(output, StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? text.lines().toList() : List.of("failed: " + text);
    }

    @Test
    void loadsStrictlyAndComputesTheSame() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(PYTHON), "there is no " + PYTHON);
        assumeTrue(
                !python("-c", "import torch").toString().contains("failed"),
                "there is no PyTorch for " + PYTHON + " (Debian: python3-torch)");
        ModelConfig config = EncoderExportTest.small("vicmae");
        TrunkConfig trunk = config.trunk();
        Path model = Checkpoints.write(dir.resolve("model.safetensors"), config, 3);
        Path script = dir.resolve("strict_load.py");
        try (InputStream in = PyTorchStrictTest.class.getResourceAsStream("strict_load.py")) {
            Files.copy(in, script);
        }
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            Path file = dir.resolve(type + ".pth");
            try (EncoderExport export = EncoderExport.open(model, 0, 0)) {
                export.write(file, TensorForm.PYTORCH, type, EncoderNames.TIMM, null, Map.of());
            }
            List<String> lines = python(
                    script.toString(),
                    file.toString(),
                    "" + trunk.dim(),
                    "" + trunk.depth(),
                    "" + trunk.heads(),
                    "" + trunk.patch(),
                    "" + trunk.height(),
                    "" + trunk.width());
            assertEquals(3, lines.size(), lines.toString());
            assertEquals(type == DType.F32 ? "torch.float32" : "torch.bfloat16", lines.get(0));
            float[] features = features(file);
            assertArrayEquals(row(lines.get(2)), Arrays.copyOf(features, trunk.dim()), 2e-6f, "mean");
            assertArrayEquals(
                    row(lines.get(1)),
                    Arrays.copyOfRange(features, trunk.dim(), 2 * trunk.dim()),
                    2e-6f,
                    "class token");
        }
    }

    private static float[] features(Path file) throws IOException {
        try (Device device = Device.open("cpu");
                Encoder encoder = Encoder.load(file, device, 1)) {
            FloatBuffer image = DirectBuffers.floats(encoder.views().viewSize());
            for (int i = 0; i < image.capacity(); i++) {
                image.put(i, (i * 37 + 11) % 101 / 64f - 0.75f);
            }
            FloatBuffer both = DirectBuffers.floats(2 * encoder.width());
            encoder.features(FeatureTokens.BOTH).compute(image, false, both, 1);
            float[] values = new float[both.capacity()];
            both.get(0, values);
            return values;
        }
    }

    private static float[] row(String line) {
        String[] words = line.split(" ");
        float[] row = new float[words.length];
        for (int d = 0; d < row.length; d++) {
            row[d] = Float.parseFloat(words[d]);
        }
        return row;
    }
}
