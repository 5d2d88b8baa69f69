package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.vicmae.device.cuda.EmulatedDriver;
import io.github.vicmae.device.cuda.RequestedKernels;
import io.github.vicmae.kernel.KernelFixture;
import io.github.vicmae.kernel.contrastive.InfoNceLaunches;
import io.github.vicmae.kernel.matmul.MatMulLaunches;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Launches of all kernels, recorded by the emulated driver and run again in programs of their own, under the compiler's sanitizers: a second
 * opinion on what the driver's own checks say.
 */
class ReplayTest {
    @TempDir
    static Path folder;

    /** A recorded launch: its file, and the blocks and threads that its header names. */
    private record Launch(Path file, String kernel, int blocks, int threads) {
        static Launch of(Path file) {
            try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
                lines.readLine();
                String kernel = lines.readLine().substring("kernel ".length());
                int blocks = product(lines.readLine());
                return new Launch(file, kernel, blocks, blocks * product(lines.readLine()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static int product(String line) {
            return Arrays.stream(line.split(" "))
                    .skip(1)
                    .mapToInt(Integer::parseInt)
                    .reduce(1, (a, b) -> a * b);
        }
    }

    /** By kernel, those with few threads first. */
    private static final Map<String, List<Launch>> sound = new TreeMap<>();

    @BeforeAll
    static void record() throws IOException {
        EmulatedDriver driver = TestKernels.load();
        Path launches = Files.createDirectory(folder.resolve("sound"));
        driver.configure("record=" + launches);
        try {
            SmallLaunches.all("emulated:forward");
            MatMulLaunches.all("emulated:forward");
            InfoNceLaunches.all("emulated:forward");
        } finally {
            Emulation.restore();
        }
        try (Stream<Path> files = Files.list(launches)) {
            files.map(Launch::of)
                    .sorted(Comparator.comparing(Launch::threads).thenComparing(Launch::file))
                    .forEach(l -> sound.computeIfAbsent(l.kernel(), k -> new ArrayList<>())
                            .add(l));
        }
    }

    @Test
    void everyKernelIsRecorded() {
        Set<String> missing = new TreeSet<>(RequestedKernels.names());
        missing.removeAll(sound.keySet());
        assertEquals(Set.of(), missing);
    }

    /** Addresses hardly depend on the order of threads: the one that is not the recording's, and all of them if thorough. */
    static List<String> schedules() {
        return KernelFixture.isThorough() ? EmulatedDriver.SCHEDULES : List.of("reverse");
    }

    @ParameterizedTest
    @MethodSource("schedules")
    void underAddressAndUndefinedBehaviorSanitizer(String schedule) throws IOException, InterruptedException {
        // The largest among them: they end in the most places within warps and tiles.
        assertClean("vicmae_replay_asan", schedule, all -> all.subList(Math.max(0, all.size() - 8), all.size()));
    }

    /**
     * A thread of a block costs as much as one of the operating system here, and the order does not matter: few launches, once, and only in
     * thorough runs, for these minutes have never found a race that the driver's own clocks had missed.
     */
    @Test
    void underThreadSanitizer() throws IOException, InterruptedException {
        assumeTrue(KernelFixture.isThorough(), "ThreadSanitizer's replay belongs to -Pthorough");
        assertClean("vicmae_replay_tsan", "forward", all -> Stream.concat(
                        Stream.of(all.get(0)),
                        all.stream()
                                .filter(l -> l.blocks() > 1 && l.threads() <= 1024)
                                .limit(1))
                .distinct()
                .toList());
    }

    private static void assertClean(String program, String schedule, UnaryOperator<List<Launch>> choose)
            throws IOException, InterruptedException {
        List<Path> files = sound.values().stream()
                .flatMap(all -> choose.apply(all).stream())
                .map(Launch::file)
                .toList();
        int parts = Math.min(Runtime.getRuntime().availableProcessors(), files.size());
        List<Replay> replays = new ArrayList<>(); // one for each core, at the same time
        for (int part = 0; part < parts; part++) {
            int first = part;
            List<Path> some = IntStream.range(0, files.size())
                    .filter(i -> i % parts == first)
                    .mapToObj(files::get)
                    .toList();
            replays.add(new Replay(program, schedule, some));
        }
        long ran = 0;
        for (Replay replay : replays) {
            replay.end();
            assertEquals(0, replay.exit, replay.output);
            ran += replay.output.lines().filter(l -> l.endsWith(" ran")).count();
        }
        assertEquals(files.size(), ran);
    }

    /** What the sanitizers see of the broken kernels: the rest of the mistakes is nothing to them. */
    enum Seen {
        SHARED_OUT_OF_BOUNDS("vicmae_replay_asan", "AddressSanitizer: use-after-poison"),
        GLOBAL_OUT_OF_BOUNDS("vicmae_replay_asan", "AddressSanitizer: heap-buffer-overflow"),
        INTEGER_OVERFLOW("vicmae_replay_asan", "signed integer overflow"),
        /** Older compilers leave a local array to AddressSanitizer, newer ones know its bounds. */
        LOCAL_OUT_OF_BOUNDS(
                "vicmae_replay_asan", "AddressSanitizer: stack-buffer-overflow|index 4 out of bounds for type"),
        MISALIGNED_VECTOR("vicmae_replay_asan", "misaligned address"),
        MISSING_BARRIER("vicmae_replay_tsan", "ThreadSanitizer: data race"),
        MISSING_WARP_BARRIER("vicmae_replay_tsan", "ThreadSanitizer: data race"),
        RACE_BETWEEN_BLOCKS("vicmae_replay_tsan", "ThreadSanitizer: data race");

        final String program;
        final Pattern text;

        /**
         * @param text a part of the message, as a regular expression
         */
        Seen(String program, String text) {
            this.program = program;
            this.text = Pattern.compile(text);
        }
    }

    @ParameterizedTest
    @EnumSource(Seen.class)
    void theSanitizersSeeTheMistakesThatAreTheirs(Seen seen) throws IOException, InterruptedException {
        BrokenKernelsTest.Mistake mistake = BrokenKernelsTest.Mistake.valueOf(seen.name());
        Path launches = Files.createDirectory(folder.resolve(seen.name()));
        EmulatedDriver driver = TestKernels.load();
        driver.configure("off=" + mistake.check + ",record=" + launches);
        try {
            BrokenKernelsTest.run(mistake, "emulated:forward");
        } finally {
            Emulation.restore();
        }
        for (String schedule : List.of("forward", "reverse")) {
            List<Path> files;
            try (Stream<Path> all = Files.list(launches)) {
                files = all.toList();
            }
            assertEquals(1, files.size());
            Replay replay = new Replay(seen.program, schedule, files);
            replay.end();
            assertTrue(replay.exit != 0, replay.output);
            assertTrue(seen.text.matcher(replay.output).find(), replay.output);
            assertTrue(
                    replay.output.contains(mistake.kernel() + ".cu:" + TestKernels.lineOfTheMistake(mistake.kernel())),
                    replay.output);
        }
    }

    /** One run of a replay program, which goes on until it is waited for. */
    private static final class Replay {
        private final Process process;
        private final Path said;
        private String output;
        private int exit;

        Replay(String program, String schedule, List<Path> files) throws IOException {
            Path binary = NativeFiles.extract("replay/" + program);
            assumeTrue(
                    binary != null,
                    "this build has no " + program
                            + " (-Dvicmae.sanitizers=OFF, no such library, or for ThreadSanitizer no -Pthorough)");
            List<String> command = new ArrayList<>(List.of(binary.toString()));
            files.forEach(f -> command.add(f.toString()));
            said = Files.createTempFile(folder, "said", ".txt");
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
            builder.environment().put("VICMAE_EMULATOR", "schedule=" + schedule);
            builder.environment().put("TSAN_OPTIONS", "halt_on_error=1");
            process = builder.start();
        }

        void end() throws IOException, InterruptedException {
            exit = process.waitFor();
            output = Files.readString(said, StandardCharsets.ISO_8859_1);
        }
    }
}
