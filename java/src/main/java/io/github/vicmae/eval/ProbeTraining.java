package io.github.vicmae.eval;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The training of linear heads, epoch by epoch, with a file from which it goes on after an interruption. It then ends with the very same weights,
 * since batches are a function of epoch and step.
 *
 * @param schedule of the rates
 * @param seed of the weights at the start
 * @param file where the heads are written after each epoch, or, where epochs are short, every few seconds and at the end
 * @param asked everything that the result depends on, by name
 * @param resumes whether to go on from the file, if it is there
 * @param writeNanos the least time between two writes before the end
 */
public record ProbeTraining(
        ProbeSchedule schedule, long seed, Path file, Map<String, String> asked, boolean resumes, long writeNanos) {
    /** Few enough that writing costs little, many enough that little is lost. */
    public static final long WRITE_NANOS = 2_000_000_000L;

    /**
     * What an epoch came to.
     *
     * @param number from 1
     * @param of how many
     * @param losses each head's mean loss
     * @param rates those of the last step
     */
    public record Epoch(int number, int of, double[] losses, double[] rates) {}

    /** Is told of every epoch that is done. */
    @FunctionalInterface
    public interface Listener {
        /** @throws IOException to end the training */
        void done(Epoch epoch) throws IOException;
    }

    /**
     * Trains until the schedule's end.
     *
     * @param heads all that they hold is replaced
     * @param baseRates of each head, for batches of 256
     * @param data makes the batches from an epoch on
     * @throws IOException if no sample can be read, the file cannot be written, or is that of another training
     */
    public void run(LinearHeads heads, double[] baseRates, BatchSource data, Listener listener) throws IOException {
        int first = begin(heads);
        if (first >= schedule.epochs()) {
            return;
        }
        LinearHeads.Sizes sizes = heads.sizes();
        int[] labels = new int[sizes.batch()];
        FloatBuffer features = ByteBuffer.allocateDirect(
                        Math.multiplyExact(Float.BYTES, Math.multiplyExact(sizes.batch(), sizes.width())))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
        long written = System.nanoTime();
        try (FeatureBatches batches = data.from(first)) {
            int steps = batches.stepsPerEpoch();
            for (int epoch = first; epoch < schedule.epochs(); epoch++) {
                double[] means = new double[sizes.heads()];
                double[] rates = null;
                for (int step = 0; step < steps; step++) {
                    batches.next(epoch, step, features, labels);
                    rates = schedule.rates(baseRates, epoch + (double) step / steps);
                    double[] losses = heads.step(features, labels, rates);
                    for (int h = 0; h < means.length; h++) {
                        means[h] += losses[h] / steps;
                    }
                }
                int done = epoch + 1;
                if (done == schedule.epochs() || System.nanoTime() - written >= writeNanos) {
                    new ProbeFile(asked, done, sizes.heads(), heads.state()).write(file);
                    written = System.nanoTime();
                }
                listener.done(new Epoch(done, schedule.epochs(), means, rates));
            }
        }
    }

    /** Starts the heads, or takes them from the file, and says how many epochs they have behind them. */
    private int begin(LinearHeads heads) throws IOException {
        if (!resumes || !Files.exists(file)) {
            heads.start(seed);
            return 0;
        }
        ProbeFile saved = ProbeFile.read(file);
        saved.requireSame(file, asked);
        try {
            heads.restore(saved.state());
        } catch (IllegalArgumentException e) {
            throw new IOException(file + " holds a probe of other sizes: " + e.getMessage(), e);
        }
        return saved.epoch();
    }

    /** Makes a training's batches. */
    @FunctionalInterface
    public interface BatchSource {
        /** @throws IOException if there is not enough memory for them */
        FeatureBatches from(int epoch) throws IOException;
    }
}
