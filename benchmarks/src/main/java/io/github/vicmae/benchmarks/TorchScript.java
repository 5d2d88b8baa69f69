package io.github.vicmae.benchmarks;

import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.objective.Objective;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Hands a model to libtorch: its weights are saved, and the script benchmarks/peers/torchscript.py traces the same model with them. */
final class TorchScript {
    private static final String SCRIPT = "benchmarks/peers/torchscript.py";
    private static final int MINUTES = 5;

    private static List<String> found;

    private TorchScript() {}

    /** Why no model can be exported here, or null. */
    static String missing() {
        if (!Files.exists(script())) {
            return "the script " + SCRIPT + " is not here; start from the project's folder";
        }
        return python() != null
                ? null
                : "no Python with PyTorch was found to export the model (Debian and Ubuntu: apt-get install python3-torch; the"
                        + " environment variable VICMAE_PYTHON names another)";
    }

    private static Path script() {
        return Path.of(System.getProperty("vicmae.home", "."), SCRIPT);
    }

    private static synchronized String python() {
        if (found == null) {
            found = new ArrayList<>();
            String named = System.getenv("VICMAE_PYTHON");
            for (String python : named != null ? List.of(named) : List.of("python3", "/usr/bin/python3")) {
                try {
                    if (run(List.of(python, "-c", "import torch")).isEmpty()) {
                        found.add(python);
                    }
                } catch (IOException e) {
                    continue; // there is no such program
                }
            }
        }
        return found.isEmpty() ? null : found.get(0);
    }

    /**
     * Writes the model for so many samples a step.
     *
     * @return a file that goes when this process ends
     */
    static Path export(Objective model, int batch) throws IOException {
        Path folder = Files.createTempDirectory("vicmae-torchscript-");
        folder.toFile().deleteOnExit();
        Path weights = temporary(folder, "weights.safetensors");
        Path out = temporary(folder, "model.pt");
        Checkpoint.save(weights, model.state(), false, Map.of());
        String failure = run(
                List.of(python(), script().toString(), weights.toString(), Integer.toString(batch), out.toString()));
        if (!failure.isEmpty()) {
            throw new IOException("The model could not be exported for libtorch: " + failure);
        }
        return out;
    }

    /**
     * Writes the encoder of a file of ours for so many images.
     *
     * @return a file that goes when this process ends
     */
    static Path exportEncoder(Path weights, int images) throws IOException {
        Path out = temporary(weights.toAbsolutePath().getParent(), "encoder.pt");
        String failure = run(List.of(
                python(),
                script().toString(),
                "--encoder",
                weights.toString(),
                Integer.toString(images),
                out.toString()));
        if (!failure.isEmpty()) {
            throw new IOException("The encoder could not be exported for libtorch: " + failure);
        }
        return out;
    }

    private static Path temporary(Path folder, String name) {
        File file = folder.resolve(name).toFile();
        file.deleteOnExit();
        return file.toPath();
    }

    /** Empty if the command succeeds, else what it said last. */
    private static String run(List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
        Process process = builder.start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes());
        try {
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                return "it did not end within " + MINUTES + " minutes";
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            return "it was interrupted";
        }
        return process.exitValue() == 0
                ? ""
                : output.strip().lines().reduce((a, b) -> b).orElse("exit code " + process.exitValue());
    }
}
