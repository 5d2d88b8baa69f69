package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.TestSeed;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.kernel.KernelFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that is killed at random moments, most of them while it writes, ends with the weights of one that never was. */
class KilledRunTest extends CommandFixture {
    private static final int KILLS = KernelFixture.isThorough() ? 50 : 2;
    private static final int EPOCHS = KernelFixture.isThorough() ? 60 : 10;
    /** A checkpoint after each step: most of the time goes into writing. */
    private static final String OPTIONS =
            "--model ti8 --image 32 --dim 96 --depth 3 --decoder-dim 48 --decoder-depth 1 --head-hidden 128 --head-out 16"
                    + " --batch 4 --mask 0.5 --lr 1e-2 --workers 1 --device cpu --checkpoint-minutes 1e-6 --keep-best loss --epochs "
                    + EPOCHS;

    private static final int MOST_MILLIS = 800;
    private static final int POLL_MILLIS = 10;

    @TempDir
    Path dir;

    private final Random random = new Random(TestSeed.next());

    private static List<String> pretrain(String... more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Djava.awt.headless=true",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "pretrain"));
        command.addAll(List.of(more));
        return command;
    }

    private String[] newRun(Path data, Path run) {
        List<String> args = new ArrayList<>(List.of("--data", data.toString(), "--out", run.toString()));
        args.addAll(List.of(OPTIONS.split(" ")));
        return args.toArray(String[]::new);
    }

    /** Starts or resumes the run and kills it after a random time; false if it was done before. */
    private boolean kill(Path data, Path run) throws IOException, InterruptedException {
        boolean begun = Files.exists(run.resolve("checkpoint.safetensors"));
        Path log = dir.resolve("log");
        Process process = new ProcessBuilder(
                        pretrain(begun ? new String[] {"--resume", run.toString()} : newRun(data, run)))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (random.nextInt(5) > 0) { // else it is killed while it starts
            waitUntilItTrains(process, log);
        }
        if (process.waitFor(random.nextInt(MOST_MILLIS), TimeUnit.MILLISECONDS)) {
            assertEquals(0, process.exitValue(), Files.readString(log));
            return false;
        }
        process.destroyForcibly().waitFor();
        return true;
    }

    private static void waitUntilItTrains(Process process, Path log) throws IOException, InterruptedException {
        while (!Files.readString(log).contains("  epoch ") // the first step is done
                && !process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
            assertTrue(
                    process.info()
                            .startInstant()
                            .orElseThrow()
                            .isAfter(Instant.now().minusSeconds(60)),
                    "no start");
        }
    }

    private static List<Double> losses(Path run) throws IOException {
        List<Double> losses = new ArrayList<>();
        JsonLines.read(run.resolve("metrics.jsonl"), line -> {
            if (line.has("loss")) {
                losses.add(line.get("loss").doubleValue());
                assertEquals(losses.size(), line.get("step").longValue());
            }
        });
        return losses;
    }

    private void assertSame(Path whole, Path run) throws IOException {
        for (String name : new String[] {"model.safetensors", "best.safetensors", "checkpoint.safetensors"}) {
            assertArrayEquals(Files.readAllBytes(whole.resolve(name)), Files.readAllBytes(run.resolve(name)), name);
        }
        assertEquals(losses(whole), losses(run));
        try (Stream<Path> files = Files.list(run)) {
            assertEquals(
                    List.of(), files.filter(f -> f.toString().contains(".tmp-")).toList());
        }
    }

    @Test
    void aKilledRunEndsAsOneThatWasLeftAlone() throws IOException, InterruptedException {
        Path data = TestData.pictures(dir.resolve("data"), 8, 40);
        Path whole = dir.resolve("whole");
        List<String> args = new ArrayList<>(List.of("pretrain"));
        args.addAll(List.of(newRun(data, whole)));
        assertEquals(0, execute(args.toArray(String[]::new)), err.toString());

        int runs = 0;
        Path run = dir.resolve("run-0");
        for (int kills = 0; kills < KILLS; ) {
            if (kill(data, run)) {
                kills++;
            } else {
                assertSame(whole, run);
                run = dir.resolve("run-" + ++runs);
            }
        }
        if (Files.exists(run.resolve("checkpoint.safetensors"))) {
            assertEquals(0, execute("pretrain", "--resume", run.toString()), err.toString());
            assertSame(whole, run);
        } else {
            assertTrue(runs > 0, "no run got as far as its first checkpoint");
        }
    }
}
