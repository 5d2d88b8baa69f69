package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.objective.Losses;
import io.github.vicmae.train.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConsoleProgressTest {
    private static final String CLEAR = "\u001b[K";
    private static final String NEW_LINE = System.lineSeparator();

    private static Progress.Update update(long step, long total, double scale) {
        return update(step, total, scale, 0.05);
    }

    private static Progress.Update update(long step, long total, double scale, double waiting) {
        return new Progress.Update(
                step,
                total,
                scale,
                new Losses(2.1234 * scale, new String[] {Losses.RECONSTRUCTION, Losses.CONTRASTIVE}, new double[] {
                    0.9 * scale, 4.5 * scale
                }),
                15.3 * scale,
                waiting,
                Duration.ofSeconds((long) (4000 * scale)),
                Double.NaN,
                "");
    }

    @Test
    void theAccuracyIsShownOnceItWasMeasured() {
        Progress.Update u = update(5, 10, 1, 0);
        assertFalse(ConsoleProgress.line(u, 199).contains("k-NN"));
        Progress.Update measured = new Progress.Update(
                u.step(),
                u.totalSteps(),
                u.epoch(),
                u.losses(),
                u.samplesPerSecond(),
                u.waiting(),
                u.remaining(),
                0.7134,
                "k-NN");
        assertTrue(ConsoleProgress.line(measured, 199).contains("  k-NN 71.3%  "));
    }

    @Test
    void aLineFitsTheTerminal() {
        for (int width : new int[] {79, 119, 199, 60, 40, 20, 10, 3}) {
            for (long total : new long[] {1, 20, 960, 123_456, 9_999_999_999L}) {
                for (double scale : new double[] {0.01, 1, 100, 10_000}) {
                    for (double waiting : new double[] {0, 0.12, 1}) {
                        String line = ConsoleProgress.line(update((total + 1) / 2, total, scale, waiting), width);
                        assertTrue(line.length() <= width, line);
                    }
                }
            }
        }
    }

    @Test
    void whatFitsIsShown() {
        String usual = ConsoleProgress.line(update(480, 960, 1), 79);
        assertEquals("480/960  loss 2.1234 (recon 0.9000, contrast 4.500)  15.3 samples/s  1h06m left", usual);
        String wide = ConsoleProgress.line(update(480, 960, 1), 150);
        assertEquals(
                "[############............] 480/960  epoch 1.0  loss 2.1234 (recon 0.9000, contrast 4.500)  15.3 samples/s"
                        + "  1h06m left",
                wide);
        assertEquals("[####....] 480/960  1h06m left", ConsoleProgress.line(update(480, 960, 1), 30));
    }

    @Test
    void waitingForDataIsShownWhereItIsNotable() {
        assertEquals(
                "480/960  loss 2.1234  15.3 samples/s  waiting for data 12%  1h06m left",
                ConsoleProgress.line(update(480, 960, 1, 0.123), 72));
        assertFalse(ConsoleProgress.line(update(480, 960, 1, 0.05), 150).contains("waiting"));
        assertEquals(
                "480/960  loss 2.1234  15.3 samples/s  1h06m left",
                ConsoleProgress.line(update(480, 960, 1, 0.123), 50));
    }

    private final StringWriter terminal = new StringWriter();
    private int columns = 80;

    private ConsoleProgress onTerminal() {
        return new ConsoleProgress(new PrintWriter(terminal), true, () -> columns, () -> {});
    }

    @Test
    void aTerminalsLineIsReplaced() {
        try (ConsoleProgress progress = onTerminal()) {
            progress.step(update(1, 2, 1));
            progress.step(update(2, 2, 1));
            progress.note("done");
        }
        assertEquals(2, terminal.toString().chars().filter(c -> c == '\r').count());
        assertTrue(terminal.toString().endsWith(" left" + CLEAR + NEW_LINE + "done" + NEW_LINE));
    }

    @Test
    void aWarningStandsAboveTheBar() {
        try (ConsoleProgress progress = onTerminal()) {
            progress.warning("early");
            progress.step(update(1, 2, 1));
            progress.warning("Skipped a.png");
        }
        String bar = "\r" + ConsoleProgress.line(update(1, 2, 1), 79) + CLEAR;
        assertEquals(
                "warning: early" + NEW_LINE + bar + "\r" + CLEAR + "warning: Skipped a.png" + NEW_LINE + bar + NEW_LINE,
                terminal.toString());
    }

    @Test
    void theBarFollowsTheTerminalsWidth() {
        try (ConsoleProgress progress = onTerminal()) {
            progress.step(update(1, 960, 1));
            columns = 40;
            progress.warning("x"); // redraws at once
            columns = 1;
            progress.step(update(960, 960, 1));
        }
        List<Integer> lengths = Arrays.stream(terminal.toString().split("\r"))
                .map(part -> part.replaceAll("\u001b\\[K.*", "").strip().length())
                .toList();
        assertEquals(5, lengths.size(), lengths.toString());
        assertTrue(lengths.get(1) > 39 && lengths.get(1) < 80, lengths.toString());
        assertTrue(lengths.get(3) > 10 && lengths.get(3) < 40, lengths.toString());
        assertEquals(1, lengths.get(4));
    }

    @Test
    void warningsOfOtherThreadsNeverMixWithTheBar() throws InterruptedException {
        int count = 2000;
        try (ConsoleProgress progress = onTerminal()) {
            Thread other = new Thread(() -> {
                for (int i = 0; i < count; i++) {
                    progress.warning("number " + i);
                }
            });
            other.start();
            for (int i = 0; i < count; i++) {
                progress.step(update(5, 5, 1)); // a last step is always drawn
            }
            other.join();
        }
        List<String> lines = List.of(terminal.toString().split(NEW_LINE));
        assertEquals(count + 1, lines.size());
        for (int i = 0; i < count; i++) {
            String line = lines.get(i);
            assertTrue(line.endsWith("warning: number " + i), line);
            assertTrue(
                    line.equals("warning: number " + i) || line.endsWith("\r" + CLEAR + "warning: number " + i), line);
        }
    }

    @Test
    void aLogHasPlainLines() {
        StringWriter log = new StringWriter();
        try (ConsoleProgress progress = new ConsoleProgress(new PrintWriter(log), false, () -> 80, () -> {})) {
            progress.step(update(1, 2, 1));
            progress.warning("Skipped a.png");
            progress.step(update(2, 2, 1));
        }
        String text = log.toString();
        assertEquals(3, text.lines().count());
        // A file has no width: a line says everything, and draws nothing.
        assertTrue(text.startsWith("1/2  epoch 1.0  loss ") && text.contains("recon ") && !text.contains("["), text);
        assertTrue(text.chars().allMatch(c -> c >= ' ' || NEW_LINE.indexOf(c) >= 0), text);
    }

    @Test
    void theTerminalsWidthIsWhatSttySaysOrElseTheEnvironment() {
        assertEquals(132, Terminal.columns("24 132\n", 80));
        assertEquals(99, Terminal.columns("0 0\n", 99));
        assertEquals(99, Terminal.columns("unknown\n", 99));
        assertEquals(99, Terminal.columns("", 99));
        assertEquals(80, Terminal.columns(null));
        assertEquals(80, Terminal.columns("wide"));
        assertEquals(80, Terminal.columns("0"));
        assertEquals(132, Terminal.columns("132"));
    }
}
