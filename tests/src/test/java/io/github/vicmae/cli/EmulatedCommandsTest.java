package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Emulation;
import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.io.Safetensors;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.DecoderConfig;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.optim.AdamW;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands with {@code --device emulated}: whole runs, wrong options, a device that is lost, an interrupt. */
class EmulatedCommandsTest extends CommandFixture {
    private static final String MODEL =
            "--model ti8 --image 32x16 --dim 24 --depth 1 --heads 3 --decoder-dim 16 --decoder-depth 1 --decoder-heads 2"
                    + " --head-hidden 16 --head-out 8 --mask 0.5 --workers 1";

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static EmulatedDriver driver;
    /** Two batches. */
    private static Path pictures;

    @BeforeAll
    static void load() throws IOException {
        driver = Emulation.driver();
        pictures = TestData.pictures(shared, 4, 24);
    }

    @AfterEach
    void restore() {
        Emulation.restore();
    }

    private static String[] pretrain(Path run, String... more) {
        List<String> args = new ArrayList<>(List.of("pretrain"));
        args.addAll(List.of(MODEL.split(" ")));
        args.addAll(List.of("--data", pictures.toString(), "--out", run.toString()));
        args.addAll(List.of(more));
        if (!args.contains("--batch")) {
            args.addAll(List.of("--batch", "2"));
        }
        return args.toArray(String[]::new);
    }

    private static List<Long> steps(Path run) throws IOException {
        List<Long> steps = new ArrayList<>();
        if (Files.exists(run.resolve("metrics.jsonl"))) {
            JsonLines.read(run.resolve("metrics.jsonl"), line -> {
                if (line.has("loss")) {
                    steps.add(line.get("step").asLong());
                }
            });
        }
        return steps;
    }

    /** The one message of a command that fails, without what the driver found; nothing else may look like one. */
    private static String message(String text) {
        assertFalse(text.contains("\tat "), text);
        assertFalse(text.contains("unexpected error"), text);
        List<String> messages =
                text.lines().filter(line -> line.startsWith("vicmae: ")).toList();
        assertEquals(1, messages.size(), text);
        return messages.get(0);
    }

    @Test
    void aModelIsTrainedOnAndUsed() throws IOException {
        Path run = dir.resolve("run");
        String[] more = {"--epochs", "2", "--device", "emulated:reverse"};
        assertEquals(0, execute(pretrain(run, more)), err.toString());
        assertEquals("", driver.log());
        assertEquals(0, driver.leaks());
        assertEquals(List.of(1L, 2L, 3L, 4L), steps(run));
        Path[] features = {dir.resolve("emulated.safetensors"), dir.resolve("cpu.safetensors")};
        for (Path file : features) {
            String device = file.getFileName().toString().replace(".safetensors", "");
            String model = run.resolve("model.safetensors").toString();
            assertEquals(
                    0,
                    execute("embed", model, pictures.toString(), "--out", file.toString(), "--device", device),
                    err.toString());
        }
        try (Safetensors emulated = Safetensors.open(features[0]);
                Safetensors cpu = Safetensors.open(features[1])) {
            float[] expected = cpu.floats("features");
            float[] found = emulated.floats("features");
            assertEquals(4 * 24, found.length);
            for (int i = 0; i < found.length; i++) {
                assertEquals(expected[i], found[i], 1e-4, "feature " + i);
            }
        }
    }

    /** Allocations when the model is made, while its parameters are written, and for what is read back and compared. */
    @Test
    void aGoldenFileIsVerifiedOnceThereIsMemory() {
        String[] verify = {
            "verify", TestData.shared("golden/release-tiny.safetensors").toString(), "--device", "emulated"
        };
        for (int n : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 20, 70, 110}) {
            driver.configure("fail_allocation=" + n);
            assertEquals(1, execute(verify), "allocation " + n + "\n" + err);
            assertTrue(
                    message(err.toString())
                            .matches("vicmae: The (card|driver) has no \\d+ bytes .*use a smaller batch.*"),
                    err.toString());
            assertEquals(0, driver.leaks(), "where allocation " + n + " failed");
        }
        assertEquals(0, execute(verify), err + "\n" + out);
        assertTrue(out.toString().contains("device: emulated: "), out.toString());
        assertTrue(out.toString().contains("1 file passes"), out.toString());
    }

    @Test
    void aScheduleThatIsNotThereIsRefusedBeforeAnyWork() throws IOException {
        Path run = dir.resolve("run");
        String model =
                Files.writeString(dir.resolve("x.safetensors"), "no tensors").toString();
        String[][] commands = {
            pretrain(run),
            {"demo", "--out", run.toString()},
            {"verify", model},
            {
                "embed",
                model,
                pictures.toString(),
                "--out",
                dir.resolve("features.npy").toString()
            },
        };
        for (String[] command : commands) {
            List<String> args = new ArrayList<>(List.of(command));
            args.addAll(List.of("--device", "emulated:sideways"));
            assertEquals(2, execute(args.toArray(String[]::new)), err.toString());
            assertTrue(message(err.toString()).contains("emulated:reverse"), err.toString());
        }
        assertFalse(Files.exists(run));
    }

    @Test
    void aModelThatDoesNotFitTheCardSaysSo() throws IOException {
        driver.configure("memory=1000000");
        Path run = dir.resolve("run");
        assertEquals(1, execute(pretrain(run, "--device", "emulated", "--batch", "4")), err.toString());
        assertTrue(
                message(err.toString())
                        .matches(
                                "vicmae: The card has no \\d+ bytes left for '.+': \\d+ of 1000000 are free; use a smaller.*"),
                err.toString());
        assertEquals(0, driver.leaks());
        Emulation.restore();
        assertEquals(0, execute(pretrain(run, "--device", "emulated", "--epochs", "1")), err.toString());
    }

    /** The command in a process of its own, with the driver's options by property and by environment variable. */
    private Process start(String property, String variable, String... args) throws IOException {
        // A build that a shell started in the background ignores SIGINT, and hands that on.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx512m", "-Djava.awt.headless=true", "-Dvicmae.emulator=" + property));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectOutput(dir.resolve("out.txt").toFile())
                .redirectError(dir.resolve("err.txt").toFile());
        builder.environment().put("VICMAE_EMULATOR", variable);
        return builder.start();
    }

    private String end(Process process, int status) throws IOException, InterruptedException {
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        process.destroyForcibly();
        String text = Files.readString(dir.resolve("err.txt"));
        assertTrue(ended, "the command did not end:\n" + text);
        assertEquals(status, process.exitValue(), text);
        return text;
    }

    @Test
    void aWrongOptionOfTheDriverIsAWrongArgument() throws IOException, InterruptedException {
        Path run = dir.resolve("run");
        String[] command = pretrain(run, "--device", "emulated");
        assertWrongOption(end(start("streams=late,colour=red", "", command), 2), "-Dvicmae.emulator");
        assertWrongOption(end(start("", "colour=red", command), 2), "the environment variable VICMAE_EMULATOR");
        assertFalse(Files.exists(run));
    }

    private static void assertWrongOption(String text, String source) {
        assertTrue(message(text).contains("'colour=red' is wrong"), text);
        assertTrue(message(text).contains("schedule, streams, seed"), text);
        assertTrue(message(text).endsWith("It was set by " + source), text);
    }

    /** Launches of one step of the model, of the reconstructions that a report takes, and of a batch's features, which are taken before the first step. */
    private record Launches(long step, long report, long pooled) {
        /** Two batches' features, and the reconstructions of the untrained model. */
        long start() {
            return 2 * pooled + report;
        }
    }

    private static Launches launches() {
        ModelConfig config = new ModelConfig(
                new TrunkConfig(32, 16, 3, 8, 24, 1, 3, 4),
                new DecoderConfig(16, 1, 2, 4, true),
                ViCMaeConfig.of(Variant.PAPER, 0.5, Pooling.MEAN, 16, 8, 0.1));
        try (Device device = Device.open("emulated");
                Objective model = Objective.create(device, config, 2);
                AdamW optimizer = new AdamW(model.kernels(), model.parameters(), AdamW.Settings.DEFAULT)) {
            model.parameters().initialise(model.kernels(), 1);
            long before = model.stream().launches();
            for (int i = 0; i < model.input(0).host().floats().capacity(); i++) {
                model.input(0).host().floats().put(i, i % 7 / 7f);
            }
            model.forwardBackward(1, 1);
            assertTrue(optimizer.step(1e-3));
            long step = model.stream().launches() - before;
            model.autoencoder(0).encode(model.input(0).batch(0));
            model.autoencoder(0).predict();
            long report = model.stream().launches() - before - step;
            assertTrue(model.pool(model.input(0)));
            return new Launches(step, report, model.stream().launches() - before - step - report);
        }
    }

    @Test
    void aDeviceThatIsLostInMidStepCostsNoMoreThanThatStep() throws IOException, InterruptedException {
        Path run = dir.resolve("run");
        String[] more = {"--epochs", "3", "--device", "emulated"};
        Launches launches = launches();
        long inStep5 = launches.start()
                + 4 * launches.step()
                + 2 * launches.report()
                + launches.step() / 2; // a report every other step
        String text = end(start("lose_device=" + inStep5, "", pretrain(run, more)), 1);
        assertTrue(
                message(text)
                        .startsWith("vicmae: The run stops after step 4. The last good checkpoint is "
                                + run.resolve("checkpoint.safetensors")
                                + " after step 4. The device failed: cuGraphLaunch answered "),
                text);
        assertTrue(message(text).contains("the device is lost to this process: start it again"), text);
        assertTrue(text.contains("the device was lost, as the option lose_device asked for"), text);
        assertFalse(text.contains("leaked"), text);
        assertEquals(List.of(1L, 2L, 3L, 4L), steps(run));
        assertTrue(Files.exists(run.resolve("report.html")));
        List<String> again = new ArrayList<>(List.of(pretrain(run, more)));
        again.add("--resume");
        assertEquals(0, execute(again.toArray(String[]::new)), err.toString());
        assertEquals(List.of(1L, 2L, 3L, 4L, 5L, 6L), steps(run));
    }

    /** SIGINT, as Ctrl-C sends it, while kernels run: the step is finished and saved. */
    @Test
    void anInterruptInMidStepSavesIt() throws IOException, InterruptedException {
        Path run = dir.resolve("run");
        String[] more = {"--epochs", "10"};
        List<String> emulated = new ArrayList<>(List.of(pretrain(run, more)));
        emulated.addAll(List.of("--device", "emulated"));
        Process process = start("", "", emulated.toArray(String[]::new));
        for (int i = 0; steps(run).size() < 3 && process.isAlive() && i < 1200; i++) {
            Thread.sleep(50);
        }
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        String text = end(process, 130);
        assertFalse(text.contains("vicmae: "), text);
        List<Long> steps = steps(run);
        String last = Long.toString(steps.get(steps.size() - 1));
        assertTrue(text.contains("stopped after step " + last + " of 20; '--resume " + run + "' goes on"), text);
        try (Safetensors checkpoint = Safetensors.open(run.resolve("checkpoint.safetensors"))) {
            assertEquals(last, checkpoint.metadata().get("step"));
        }
        assertTrue(Files.exists(run.resolve("report.html")));
        // The rest is done on the CPU, to save time: a run may go on on another device.
        List<String> cpu = new ArrayList<>(List.of(pretrain(run, more)));
        cpu.addAll(List.of("--device", "cpu", "--resume"));
        assertEquals(0, execute(cpu.toArray(String[]::new)), err.toString());
        assertEquals(20, steps(run).size());
    }
}
