package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.eval.CachedProbe;
import io.github.vicmae.eval.ProbeSchedule;
import io.github.vicmae.eval.SampleFeatures;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a linear probe is trained. */
final class ProbeOptions {
    private static final List<Double> RATE = List.of(0.1);
    private static final List<Double> RATES = List.of(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0);
    private static final double WARMUP_SHARE = 1.0 / 9;

    /** Of all training samples in one step: few steps of large rates do not settle. */
    private static final int STEPS_OF_EPOCH = 10;

    private static final int LEAST_BATCH = 32;
    private static final int MOST_BATCH = 512;

    @Mixin
    private FeatureOptions features;

    @Option(names = "--cached", description = "compute the features of the plain views once and train on those")
    private boolean cached;

    @Option(
            names = "--lr",
            split = ",",
            paramLabel = "RATE",
            description =
                    "peak learning rate for batches of 256, to be multiplied with batch / 256; with --cached several, of"
                            + " which a tenth of the training samples, held back, choose one (default: 0.1; with --cached"
                            + " 0.1,0.3,1,3,10,30,100)")
    private List<Double> rates;

    @Option(names = "--epochs", paramLabel = "N", defaultValue = "90", description = "(default: ${DEFAULT-VALUE})")
    private int epochs;

    @Option(
            names = "--warmup",
            paramLabel = "EPOCHS",
            description = "epochs over which the rate rises (default: a ninth of all, 10 of 90)")
    private Double warmup;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "training samples of a step (default: a tenth of all, from 32 to 512)")
    private Integer batch;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "seed of the start, the order, crops and flips (default: ${DEFAULT-VALUE})")
    private long seed;

    @Option(
            names = "--crop",
            paramLabel = "SHARE",
            defaultValue = "0.875",
            description =
                    "side of the central crop in testing, as a share of the short side (default: ${DEFAULT-VALUE}, 224 of"
                            + " 256)")
    private double crop;

    /** @throws IllegalArgumentException with a sentence, if options do not go together */
    void check() {
        if (batch != null && batch < 2) {
            throw new IllegalArgumentException("--batch must be at least 2 for BatchNorm, not " + batch);
        }
        schedule(MOST_BATCH);
        cachedSettings(MOST_BATCH);
        reading();
        if (!cached && rates().size() > 1) {
            throw new IllegalArgumentException(
                    "Several rates are tried over features that are computed once: add --cached,"
                            + " or give --lr one rate");
        }
    }

    /**
     * @throws IOException if there are images and videos, and views are to be drawn anew each epoch
     */
    void requireOneKind(Dataset train) throws IOException {
        if (!cached && train.images() > 0 && train.videos() > 0) {
            throw new IOException("The training data have " + train.images() + " images and " + train.videos()
                    + " videos, which get different numbers of views; add --cached, or choose by --kind image or --kind"
                    + " video");
        }
    }

    boolean isCached() {
        return cached;
    }

    FeatureOptions features() {
        return features;
    }

    /** Samples of a step where there are so many in all. */
    int batch(int samples) {
        int wanted = batch != null ? batch : Math.max(LEAST_BATCH, Math.min(MOST_BATCH, samples / STEPS_OF_EPOCH));
        return Math.min(wanted, samples);
    }

    /** Whether more samples of a step were asked for than there are. */
    boolean asksForMoreThan(int samples) {
        return batch != null && batch > samples;
    }

    int epochs() {
        return epochs;
    }

    long seed() {
        return seed;
    }

    List<Double> rates() {
        return rates != null ? rates : cached ? RATES : RATE;
    }

    private double warmup() {
        return warmup != null ? warmup : epochs * WARMUP_SHARE;
    }

    ProbeSchedule schedule(int samplesOfStep) {
        return new ProbeSchedule(epochs, warmup(), samplesOfStep);
    }

    CachedProbe.Settings cachedSettings(int samples) {
        return new CachedProbe.Settings(rates(), epochs, warmup(), batch(samples), seed);
    }

    SampleFeatures.Settings reading() {
        return features.settings(SampleFeatures.Settings.BATCH, crop);
    }

    /** What the result depends on, by name. */
    Map<String, String> asked() {
        Map<String, String> asked = new TreeMap<>();
        asked.put("features", features.tokens().toString());
        asked.put("views", cached ? "cached" : "crops and flips");
        asked.put("rates", rates().toString());
        asked.put("epochs", Integer.toString(epochs));
        asked.put("warm-up", Double.toString(warmup()));
        asked.put("batch", batch == null ? "default" : batch.toString());
        asked.put("seed", Long.toString(seed));
        asked.put("frames", Integer.toString(features.frames()));
        if (cached) {
            asked.put("crop", Double.toString(crop));
        }
        return asked;
    }

    /** The same for the results' page. */
    void describe(EvaluationFacts facts, int samplesOfStep) {
        facts.put("features", features.tokens().toString());
        facts.put("training views", cached ? "plain, computed once" : "crops and flips, anew each epoch");
        facts.put("frames of a video", features.frames());
        facts.put("epochs", epochs);
        facts.put("warm-up", Math.round(warmup() * 100) / 100.0 + " epochs");
        facts.put("batch", samplesOfStep);
        facts.put("seed", seed);
    }
}
