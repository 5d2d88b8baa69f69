package io.github.vicmae.lab;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DeviceMemoryException;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.loss.BuiltInLoss;
import io.github.vicmae.loss.ContrastiveShape;
import io.github.vicmae.loss.LossDefinition;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Times a loss beside built-in ones, in turns, so that other load on the machine affects all of them alike. The results at each size are checked
 * first, since a wrong loss may be a fast one.
 */
final class LossTimer {
    private static final int WARM_UP = 2;
    private static final int FEWEST = 5;
    private static final int MOST = 51;
    private static final long ENOUGH_NANOS = 1_500_000_000L;
    private static final long SEED = 3;

    private final Kernels kernels;
    private final LossDefinition loss;
    private final List<BuiltInLoss> peers;
    private final BuiltInLoss like;
    private final LossCheck check;
    private final String device;
    private final List<LossTiming> timings = new ArrayList<>();
    private final List<Deviation> deviations = new ArrayList<>();

    /**
     * @param peers that are timed too
     * @param like the one of these that the loss has to agree with; null for none
     */
    LossTimer(Kernels kernels, LossDefinition loss, List<BuiltInLoss> peers, BuiltInLoss like) {
        this.kernels = kernels;
        this.loss = loss;
        this.peers = peers;
        this.like = like;
        device = kernels.stream().device().kind().name().toLowerCase(Locale.ROOT);
        check = new LossCheck(kernels, loss, like, device);
    }

    /** All times so far, in the order in which they were measured: the loss, then its peers. */
    List<LossTiming> timings() {
        return timings;
    }

    /** Deviations of the results at each size. */
    List<Deviation> deviations() {
        return deviations;
    }

    /** A loss that is timed; the run is null if it is not possible at this size. */
    private record Timed(LossDefinition loss, LossRun run, String missing) {}

    /** Measures both passes at one size. */
    void time(Form form, int rows, int width, float temperature) {
        ContrastiveShape shape = ContrastiveShape.of(rows, width, temperature, form == Form.SYMMETRIC);
        LossProblem problem = LossProblem.random(shape, SEED);
        List<Timed> all = new ArrayList<>();
        try {
            all.add(warmedUp(loss, problem));
            for (BuiltInLoss peer : peers) {
                all.add(warmedUp(peer, problem));
            }
            if (all.get(0).run != null) {
                deviations.addAll(check(all, problem));
            }
            time(all, form, rows);
        } finally {
            Closing.all(all.stream().map(Timed::run).toArray(AutoCloseable[]::new));
        }
    }

    /** That a loss runs out of memory at a size, or refuses it, is a result as well. */
    private Timed warmedUp(LossDefinition definition, LossProblem problem) {
        LossRun run = null;
        try {
            run = new LossRun(kernels, definition, problem);
            for (int i = 0; i < WARM_UP; i++) {
                run.step();
            }
            run.await();
            return new Timed(definition, run, null);
        } catch (DeviceMemoryException | IllegalArgumentException e) {
            Closing.all(run);
            return new Timed(definition, null, e.getMessage());
        } catch (RuntimeException | Error e) {
            Closing.after(e, run);
            throw e;
        }
    }

    /** Compares with the loss that it should agree with or, where there is none or it cannot run, with a finite difference of the loss. */
    private List<Deviation> check(List<Timed> all, LossProblem problem) {
        LossRun own = all.get(0).run;
        LossResult result = own.run();
        for (Timed timed : all) {
            if (timed.loss == like && timed.run != null) {
                return check.againstPeer(like.name(), problem, timed.run.run(), result);
            }
        }
        return check.alongDirections(own, problem, result, 1);
    }

    private void time(List<Timed> all, Form form, int rows) {
        List<Timed> timed = all.stream().filter(t -> t.run != null).toList();
        double[][] milliseconds = new double[timed.size()][MOST];
        long start = System.nanoTime();
        int count = 0;
        while (!timed.isEmpty() && (count < FEWEST || count < MOST && System.nanoTime() - start < ENOUGH_NANOS)) {
            for (int i = 0; i < timed.size(); i++) {
                long begin = System.nanoTime();
                timed.get(i).run.step();
                timed.get(i).run.await();
                milliseconds[i][count] = (System.nanoTime() - begin) / 1e6;
            }
            count++;
        }
        for (Timed t : all) {
            String name = t.loss.name();
            timings.add(
                    t.run == null
                            ? LossTiming.missing(name, form, device, rows, t.missing)
                            : new LossTiming(
                                    name,
                                    form,
                                    device,
                                    rows,
                                    median(milliseconds[timed.indexOf(t)], count),
                                    t.run.ownBytes(),
                                    count,
                                    null));
        }
    }

    private static double median(double[] values, int count) {
        double[] sorted = Arrays.copyOf(values, count);
        Arrays.sort(sorted);
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    }
}
