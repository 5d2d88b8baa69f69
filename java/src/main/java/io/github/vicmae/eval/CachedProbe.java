package io.github.vicmae.eval;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.Philox;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A linear probe over features that were computed once. With several rates, heads for all of them are trained side by side on a part of the training
 * samples, the best is chosen by the rest, and a head with its rate is then trained on all of them. Test samples have no part in it.
 */
public final class CachedProbe {
    /** The share of each class that is held back to choose among rates. */
    public static final double HELD_BACK = 0.1;

    /** Files in the probe's folder. */
    public static final String SWEEP = "sweep.safetensors";

    public static final String FILE = "probe.safetensors";

    /** Of the choice of the samples that are held back; no draw of the data has this kind. */
    private static final int PURPOSE = 0x48454C44; // "HELD"

    private final Device device;
    private final float[][] features;
    private final int[] labels;
    private final int classes;
    private final Settings settings;

    /**
     * How it is trained.
     *
     * @param rates for batches of 256, at least one
     * @param batch samples of a step; if there are fewer, all of them
     */
    public record Settings(List<Double> rates, int epochs, double warmup, int batch, long seed) {
        public Settings {
            rates = List.copyOf(rates);
            if (rates.isEmpty() || rates.stream().anyMatch(r -> !(r > 0 && r < Double.POSITIVE_INFINITY))) {
                throw new IllegalArgumentException("Learning rates must be positive, and one at least, not " + rates);
            }
        }
    }

    /**
     * A rate that was tried.
     *
     * @param right samples held back that were classified correctly
     * @param count samples held back
     * @param loss their mean cross-entropy
     */
    public record Candidate(double rate, int right, int count, double loss) {
        /** 0 to 1. */
        public double accuracy() {
            return (double) right / count;
        }
    }

    /**
     * What came of it.
     *
     * @param rate of the head
     * @param candidates the rates that were tried; empty where only one was asked for
     * @param head trained on all samples; the caller's to close
     */
    public record Result(double rate, List<Candidate> candidates, LinearHeads head) {}

    /**
     * @param features of the training samples, [n][D]
     * @param labels their class numbers, [n]
     * @param classes K
     */
    public CachedProbe(Device device, float[][] features, int[] labels, int classes, Settings settings) {
        this.device = device;
        this.features = features;
        this.labels = labels;
        this.classes = classes;
        this.settings = settings;
    }

    /**
     * Trains.
     *
     * @param folder for the heads' files
     * @param asked everything that the result depends on, by name
     * @param resumes whether to go on from files that are there
     * @throws IOException if a file cannot be written or is that of another training, or there are too few samples to choose a rate by
     */
    public Result run(Path folder, Map<String, String> asked, boolean resumes, ProbeTraining.Listener listener)
            throws IOException {
        List<Candidate> candidates = new ArrayList<>();
        double rate = settings.rates.get(0);
        if (settings.rates.size() > 1) {
            candidates.addAll(sweep(folder.resolve(SWEEP), asked, resumes, listener));
            rate = best(candidates).rate;
        }
        ProbeSchedule schedule = schedule(features.length);
        LinearHeads head = heads(1, schedule);
        try {
            train(
                    head,
                    features,
                    labels,
                    new double[] {rate},
                    schedule,
                    folder.resolve(FILE),
                    asked,
                    resumes,
                    listener);
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, head);
            throw e;
        }
        return new Result(rate, candidates, head);
    }

    private List<Candidate> sweep(
            Path file, Map<String, String> asked, boolean resumes, ProbeTraining.Listener listener) throws IOException {
        boolean[] held = heldBack(labels, classes, settings.seed);
        float[][] fit = chosen(held, false);
        float[][] rest = chosen(held, true);
        if (rest.length == 0) {
            throw new IOException("A rate cannot be chosen among " + settings.rates.size()
                    + ": no class has two training samples, of which one could be held back. Give one rate with --lr");
        }
        int[] restLabels = chosenLabels(held, true);
        double[] rates =
                settings.rates.stream().mapToDouble(Double::doubleValue).toArray();
        ProbeSchedule schedule = schedule(fit.length);
        List<Candidate> candidates = new ArrayList<>();
        try (LinearHeads heads = heads(rates.length, schedule)) {
            train(heads, fit, chosenLabels(held, false), rates, schedule, file, asked, resumes, listener);
            float[][][] logits = heads.logits(rest);
            for (int h = 0; h < rates.length; h++) {
                candidates.add(judge(rates[h], logits[h], restLabels));
            }
        }
        return candidates;
    }

    private ProbeSchedule schedule(int samples) {
        return new ProbeSchedule(settings.epochs, settings.warmup, Math.min(settings.batch, samples));
    }

    private LinearHeads heads(int count, ProbeSchedule schedule) {
        return new LinearHeads(device, new LinearHeads.Sizes(features[0].length, classes, count, schedule.batch()));
    }

    private void train(
            LinearHeads heads,
            float[][] of,
            int[] ofLabels,
            double[] rates,
            ProbeSchedule schedule,
            Path file,
            Map<String, String> asked,
            boolean resumes,
            ProbeTraining.Listener listener)
            throws IOException {
        new ProbeTraining(schedule, settings.seed, file, asked, resumes, ProbeTraining.WRITE_NANOS)
                .run(
                        heads,
                        rates,
                        epoch -> new CachedFeatures(of, ofLabels, schedule.batch(), settings.seed),
                        listener);
    }

    /** A tenth of each class, rounded up but never all of it, drawn at random. */
    static boolean[] heldBack(int[] labels, int classes, long seed) {
        int[] left = new int[classes];
        int[] counts = new int[classes];
        for (int label : labels) {
            counts[label]++;
        }
        for (int k = 0; k < classes; k++) {
            left[k] = counts[k] < 2 ? 0 : (int) Math.ceil(HELD_BACK * counts[k]);
        }
        boolean[] held = new boolean[labels.length];
        for (int i : CachedFeatures.order(labels.length, new Philox(seed, 0, 0, PURPOSE))) {
            held[i] = left[labels[i]]-- > 0;
        }
        return held;
    }

    private float[][] chosen(boolean[] held, boolean wanted) {
        List<float[]> rows = new ArrayList<>();
        for (int i = 0; i < held.length; i++) {
            if (held[i] == wanted) {
                rows.add(features[i]);
            }
        }
        return rows.toArray(float[][]::new);
    }

    private int[] chosenLabels(boolean[] held, boolean wanted) {
        return IntStream.range(0, held.length)
                .filter(i -> held[i] == wanted)
                .map(i -> labels[i])
                .toArray();
    }

    private static Candidate judge(double rate, float[][] logits, int[] labels) {
        int right = 0;
        double loss = 0;
        for (int i = 0; i < logits.length; i++) {
            float[] p = Softmax.of(logits[i]);
            right += Softmax.largest(p) == labels[i] ? 1 : 0;
            loss -= Math.log(Math.max(p[labels[i]], Float.MIN_NORMAL)) / logits.length;
        }
        return new Candidate(rate, right, logits.length, loss);
    }

    /** The one of the most that are right; of equal ones, that of the smallest loss. */
    private static Candidate best(List<Candidate> candidates) {
        Candidate best = candidates.get(0);
        for (Candidate one : candidates) {
            if (one.right > best.right || one.right == best.right && one.loss < best.loss) {
                best = one;
            }
        }
        return best;
    }
}
