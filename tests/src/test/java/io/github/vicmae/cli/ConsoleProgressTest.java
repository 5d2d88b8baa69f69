package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.objective.Losses;
import io.github.vicmae.train.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ConsoleProgressTest {
    private static Progress.Update update(long step, long total, double scale) {
        return new Progress.Update(
                step,
                total,
                scale,
                new Losses(2.1234 * scale, new String[] {Losses.RECONSTRUCTION, Losses.CONTRASTIVE}, new double[] {
                    0.9 * scale, 4.5 * scale
                }),
                15.3 * scale,
                Duration.ofSeconds((long) (4000 * scale)));
    }

    @Test
    void aLineFitsTheTerminal() {
        for (int width : new int[] {79, 119, 199, 60, 40, 20, 10, 3}) {
            for (long total : new long[] {1, 20, 960, 123_456, 9_999_999_999L}) {
                for (double scale : new double[] {0.01, 1, 100, 10_000}) {
                    String line = ConsoleProgress.line(update((total + 1) / 2, total, scale), width);
                    assertTrue(line.length() <= width, line);
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
    void theTerminalsWidthComesFromTheEnvironmentWhereItIsANumber() {
        assertEquals(80, ConsoleProgress.columns(null));
        assertEquals(80, ConsoleProgress.columns("wide"));
        assertEquals(80, ConsoleProgress.columns("0"));
        assertEquals(132, ConsoleProgress.columns("132"));
    }

    @Test
    void aTerminalsLineIsReplacedAndALogHasLines() {
        StringWriter terminal = new StringWriter();
        try (ConsoleProgress progress = new ConsoleProgress(new PrintWriter(terminal), true, 80)) {
            progress.step(update(1, 2, 1));
            progress.step(update(2, 2, 1));
            progress.note("done");
        }
        assertEquals(2, terminal.toString().chars().filter(c -> c == '\r').count());
        assertTrue(terminal.toString()
                .endsWith(" left\u001b[K" + System.lineSeparator() + "done" + System.lineSeparator()));
        StringWriter log = new StringWriter();
        try (ConsoleProgress progress = new ConsoleProgress(new PrintWriter(log), false, 80)) {
            progress.step(update(1, 2, 1));
            progress.step(update(2, 2, 1));
        }
        assertEquals(2, log.toString().lines().count());
        assertTrue(log.toString().lines().allMatch(line -> line.length() < 80), log.toString());
    }
}
