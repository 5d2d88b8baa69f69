package io.github.vicmae.lab;

import io.github.vicmae.device.Closing;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.LossDefinition;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Times losses beside each other: in turns, so that what disturbs the machine disturbs them alike. */
final class LossTimer {
    private static final int WARM_UP = 2;
    private static final int FEWEST = 5;
    private static final int MOST = 51;
    private static final long ENOUGH_NANOS = 1_500_000_000L;
    private static final long SEED = 3;

    private LossTimer() {}

    /** The losses in their order, both passes, at one size. */
    static List<LossTiming> time(
            Kernels kernels, List<? extends LossDefinition> losses, Form form, int rows, int width, float temperature) {
        ContrastiveShape shape = ContrastiveShape.of(rows, width, temperature, form == Form.SYMMETRIC);
        LossProblem problem = LossProblem.random(shape, SEED);
        List<LossRun> runs = new ArrayList<>();
        try {
            for (LossDefinition loss : losses) {
                runs.add(new LossRun(kernels, loss, problem));
            }
            return time(
                    losses, runs, form, kernels.stream().device().kind().name().toLowerCase(Locale.ROOT), rows);
        } finally {
            Closing.all(runs.toArray(AutoCloseable[]::new));
        }
    }

    private static List<LossTiming> time(
            List<? extends LossDefinition> losses, List<LossRun> runs, Form form, String device, int rows) {
        for (LossRun run : runs) {
            for (int i = 0; i < WARM_UP; i++) {
                run.step();
            }
            run.await();
        }
        double[][] milliseconds = new double[runs.size()][MOST];
        long start = System.nanoTime();
        int count = 0;
        while (count < FEWEST || count < MOST && System.nanoTime() - start < ENOUGH_NANOS) {
            for (int i = 0; i < runs.size(); i++) {
                long begin = System.nanoTime();
                runs.get(i).step();
                runs.get(i).await();
                milliseconds[i][count] = (System.nanoTime() - begin) / 1e6;
            }
            count++;
        }
        List<LossTiming> timings = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            double[] own = Arrays.copyOf(milliseconds[i], count);
            Arrays.sort(own);
            double median = (own[(count - 1) / 2] + own[count / 2]) / 2;
            timings.add(new LossTiming(
                    losses.get(i).name(),
                    form,
                    device,
                    rows,
                    median,
                    runs.get(i).ownBytes(),
                    count));
        }
        return timings;
    }
}
