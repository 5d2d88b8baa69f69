package io.github.vicmae.cli;

import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.SkippedFile;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.CachedProbe;
import io.github.vicmae.eval.EncodedFeatures;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.LinearHeads;
import io.github.vicmae.eval.ProbeSchedule;
import io.github.vicmae.eval.ProbeTraining;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.Softmax;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.io.JsonLines;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/** A linear probe's training, over features computed once or over views that are drawn anew. */
final class ProbeRun {
    /** Frames between those of a clip that is drawn in training, as VideoMAE's and ST-MAE's pre-training has them. */
    private static final int STRIDE = 4;

    /** Below this growth of the weights the rate is too small for so few steps, see {@link #noteGrowth}. */
    private static final double LITTLE_GROWTH = 5;

    /** A growth that is enough. */
    private static final double ENOUGH_GROWTH = 20;

    /** Below so many samples held back, accuracies differ by chance more than by the rate. */
    private static final int FEW_HELD_BACK = 30;

    private static final String LOG = "epochs.jsonl";
    private static final int READ_BYTES = 1 << 20;

    private final Device device;
    private final Encoder encoder;
    private final List<String> classes;
    private final ProbeOptions options;
    private final boolean resumes;
    private final EpochProgress progress;
    private final Map<String, String> asked;

    /**
     * What came of it.
     *
     * @param rate of the head, for batches of 256
     * @param batch samples of a step
     * @param logits of the test samples, [n][K]
     */
    record Outcome(double rate, int batch, float[][] logits, List<String> remarks) {}

    ProbeRun(
            Device device,
            Encoder encoder,
            List<String> classes,
            ProbeOptions options,
            boolean resumes,
            EpochProgress progress) {
        this.device = device;
        this.encoder = encoder;
        this.classes = classes;
        this.options = options;
        this.resumes = resumes;
        this.progress = progress;
        asked = options.asked();
    }

    /** Whether a folder holds a probe, whole or begun. */
    static boolean isBegun(Path folder) {
        return Files.exists(folder.resolve(CachedProbe.SWEEP)) || Files.exists(folder.resolve(CachedProbe.FILE));
    }

    /** Notes what is trained on, so that a training is not resumed with something else. */
    void note(Path weights, Dataset train) throws IOException {
        asked.put("encoder", weights.getFileName() + " with checksum " + checksum(weights));
        asked.put("training data", train.size() + " samples with fingerprint " + train.fingerprint());
    }

    private static String checksum(Path file) throws IOException {
        CRC32C checksum = new CRC32C();
        byte[] part = new byte[READ_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(part); n >= 0; n = in.read(part)) {
                checksum.update(part, 0, n);
            }
        }
        return Long.toHexString(checksum.getValue());
    }

    /**
     * Trains over features that were computed once.
     *
     * @param folder for the heads
     * @param kind of the features
     */
    Outcome cached(Path folder, SampleFeatures train, SampleFeatures test, int kind) throws IOException {
        Map<String, Integer> numbers = numbers();
        int[] labels = train.samples().stream()
                .mapToInt(sample -> numbers.get(sample.className()))
                .toArray();
        CachedProbe probe = new CachedProbe(
                device, train.features(kind), labels, classes.size(), options.cachedSettings(labels.length));
        CachedProbe.Result result = probe.run(folder, asked, resumes, epoch -> progress.done(epoch, Double.NaN));
        try (LinearHeads head = result.head()) {
            int batch = head.sizes().batch();
            List<String> remarks = new ArrayList<>();
            if (!result.candidates().isEmpty()) {
                remarks.add(described(result));
            }
            noteBatch(labels.length, remarks);
            return new Outcome(result.rate(), batch, head.logits(test.features(kind))[0], remarks);
        }
    }

    private static String described(CachedProbe.Result result) {
        StringBuilder text = new StringBuilder("The rate " + number(result.rate()) + " was chosen by "
                + result.candidates().get(0).count()
                + " training samples that were held back, on which the rates came to");
        for (CachedProbe.Candidate one : result.candidates()) {
            text.append(one == result.candidates().get(0) ? " " : ", ");
            text.append(String.format(Locale.ROOT, "%s: %.1f %%", number(one.rate()), 100 * one.accuracy()));
        }
        text.append(". The probe was then trained on all of them.");
        if (result.candidates().get(0).count() < FEW_HELD_BACK) {
            text.append(" So few samples hardly tell rates apart.");
        } else if (isBestAtAnEnd(result)) {
            text.append(
                    " It is the first or the last of those that were tried: one beyond it, given with --lr, may be better.");
        }
        return text.toString();
    }

    private static boolean isBestAtAnEnd(CachedProbe.Result result) {
        DoubleSummaryStatistics rates = result.candidates().stream()
                .mapToDouble(CachedProbe.Candidate::rate)
                .summaryStatistics();
        return result.rate() == rates.getMin() || result.rate() == rates.getMax();
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private Map<String, Integer> numbers() {
        Map<String, Integer> numbers = new HashMap<>();
        classes.forEach(name -> numbers.put(name, numbers.size()));
        return numbers;
    }

    private void noteBatch(int samples, List<String> remarks) {
        if (options.asksForMoreThan(samples)) {
            remarks.add("A step takes all " + samples + " samples, since there are no more.");
        }
    }

    /** Trains over crops and flips that are drawn anew each epoch. */
    Outcome augmented(Path folder, Dataset train, SampleFeatures test, Consumer<SkippedFile> onSkip)
            throws IOException {
        Map<String, Integer> numbers = numbers();
        int[] classOf = new int[train.classNames().size()];
        train.samples().forEach(sample -> classOf[sample.label()] = numbers.get(sample.className()));
        int[] testLabels = test.samples().stream()
                .mapToInt(sample -> numbers.getOrDefault(sample.className(), -1))
                .toArray();
        double rate = options.rates().get(0);
        ProbeSchedule schedule = options.schedule(options.batch(train.size()));
        List<String> remarks = new ArrayList<>();
        noteBatch(train.size(), remarks);
        noteGrowth(rate, train.size(), remarks);
        ViewFeatures features = encoder.features(options.features().tokens());
        try (LinearHeads head =
                new LinearHeads(device, new LinearHeads.Sizes(features.width(), classes.size(), 1, schedule.batch()))) {
            new ProbeTraining(schedule, options.seed(), folder.resolve(CachedProbe.FILE), asked, resumes, 0)
                    .run(
                            head,
                            new double[] {rate},
                            epoch -> batches(train, features, classOf, schedule.batch(), epoch, onSkip),
                            epoch -> {
                                double accuracy = accuracy(head.logits(test.features(0))[0], testLabels);
                                log(folder.resolve(LOG), epoch, accuracy);
                                progress.done(epoch, accuracy);
                            });
            return new Outcome(rate, schedule.batch(), head.logits(test.features(0))[0], remarks);
        }
    }

    /** Adds a line for an epoch; those of epochs that a training which was cut off had begun again are replaced. */
    private static void log(Path file, ProbeTraining.Epoch epoch, double accuracy) throws IOException {
        try (JsonLines lines = JsonLines.open(file)) {
            lines.truncateAfter(epoch.number() - 1);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("step", epoch.number());
            line.put("loss", epoch.losses()[0]);
            line.put("learning_rate", epoch.rates()[0]);
            line.put("test_accuracy", accuracy);
            lines.write(line);
        }
    }

    private EncodedFeatures batches(
            Dataset train, ViewFeatures features, int[] classOf, int batch, int epoch, Consumer<SkippedFile> onSkip)
            throws IOException {
        TrunkConfig trunk = encoder.config().trunk();
        boolean clips = trunk.frames() > 1 && train.videos() > 0;
        int views = train.videos() == 0 ? 1 : (options.features().frames() + trunk.frames() - 1) / trunk.frames();
        ViewSettings view = ViewSettings.probe(trunk.height(), trunk.width(), trunk.channels())
                .normalised(encoder.views().mean(), encoder.views().deviation())
                .withViews(views)
                .withFrames(clips ? trunk.frames() : 1);
        FrameSampler sampler = FrameSampler.anywhere(views);
        return new EncodedFeatures(
                train,
                view,
                clips ? sampler.withClips(trunk.frames(), STRIDE) : sampler,
                LoaderSettings.of(batch, options.features().workers(), options.seed()),
                features,
                classOf,
                epoch,
                onSkip);
    }

    /**
     * The rate was made for ImageNet's steps. LARS changes the weights by a share of their size, so the logarithm of how much they can grow is the sum over
     * the steps of rate times trust, here with half the peak as the mean and ten times by momentum.
     */
    private void noteGrowth(double rate, int samples, List<String> remarks) {
        double growth = 0.001 * 10 * 0.5 * rate / 256 * samples * options.epochs();
        if (growth < LITTLE_GROWTH) {
            remarks.add(String.format(
                    Locale.ROOT,
                    "The probe may have ended before it had learned: LARS changes the weights by a small share of their"
                            + " size in each step, and with the rate %s %d samples in %d epochs are few steps (ImageNet has"
                            + " 1.3 million samples). Try --cached, which tries several rates, or --lr %s.",
                    number(rate),
                    samples,
                    options.epochs(),
                    rounded(rate * ENOUGH_GROWTH / growth)));
        }
    }

    /** With one digit that counts. */
    private static String rounded(double value) {
        return new BigDecimal(value).round(new MathContext(1)).toPlainString();
    }

    private static double accuracy(float[][] logits, int[] labels) {
        int right = 0;
        for (int i = 0; i < labels.length; i++) {
            right += Softmax.largest(logits[i]) == labels[i] ? 1 : 0;
        }
        return (double) right / labels.length;
    }
}
