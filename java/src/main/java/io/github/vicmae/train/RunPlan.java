package io.github.vicmae.train;

import io.github.vicmae.data.LabelledSplit;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.eval.ClassMatch;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.optim.RateSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A run on its data before anything is computed: which batches a step takes, how many steps there are, and their learning rates. */
public final class RunPlan {
    /**
     * Sum of a run's rates below which it learns next to nothing: AdamW moves a weight by about the rate in each step, and initial weights are a few
     * hundredths. On the demo's clips a sum of 0.045 left k-NN accuracy within two standard errors of an untrained encoder's, and 0.24 tripled it. Published
     * settings with their batches have sums above 100.
     */
    private static final double LEAST_RATE_SUM = 0.05;

    private final TrainSettings settings;
    private final Dataset data;
    private final int unlabelled;
    private final MonitorData monitored;
    /** What a classifier is tested on while it is trained; null for nothing. */
    private final Dataset tested;

    private final List<Feed> feeds = new ArrayList<>();
    private final int batchesPerEpoch;
    private final long totalSteps;
    private final RateSchedule rates;

    /**
     * Looks for the data.
     *
     * @throws IOException if the data cannot be read, or lack what the method needs
     * @throws IllegalArgumentException if the settings do not fit the data
     */
    public RunPlan(TrainSettings settings) throws IOException {
        this.settings = settings;
        Dataset all = Dataset.scan(settings.data().stream().map(Path::of).toList());
        boolean classifies = !settings.model().objective().hasDecoder();
        Dataset usable = classifies ? labelled(all) : all;
        unlabelled = all.size() - usable.size();
        MonitorSettings monitor = settings.monitor();
        Dataset heldBack = null;
        if (monitor.share() > 0) {
            LabelledSplit split = LabelledSplit.share(usable, monitor.share(), settings.seed());
            data = split.rest();
            heldBack = split.taken();
        } else {
            data = usable;
        }
        monitored = monitor.measures() && !classifies ? MonitorData.of(monitor, heldBack) : null;
        tested = monitor.measures() && classifies ? tested(monitor, heldBack) : null;
        Schedule schedule = settings.schedule();
        List<ViewBatch> batches =
                settings.model().objective().batches(settings.model().trunk(), schedule.batch());
        for (int i = 0; i < batches.size(); i++) {
            feeds.add(new Feed(settings, data, batches.get(i), i));
        }
        batchesPerEpoch = feeds.stream().mapToInt(Feed::batchesPerEpoch).max().orElseThrow();
        totalSteps = schedule.steps(batchesPerEpoch);
        rates = schedule.rates(batchesPerEpoch);
    }

    /** The samples with classes, which must be those of the settings. */
    private Dataset labelled(Dataset all) throws IOException {
        if (settings.loading().deviceViews()) {
            throw new IllegalArgumentException(
                    "A classifier's views are made and mixed on the host; set loading.deviceViews to false");
        }
        ClassifierConfig classifier = (ClassifierConfig) settings.model().objective();
        Dataset labelled = all.labelled();
        if (labelled.size() == 0) {
            throw new IOException("None of the " + all.size()
                    + " samples has a class; classes are named by the folders below the given ones, or by lists");
        }
        if (!labelled.classNames().equals(classifier.classes())) {
            throw new IOException("The data's classes are " + labelled.classNames() + ", and those of the run are "
                    + classifier.classes());
        }
        return labelled;
    }

    private static Dataset tested(MonitorSettings monitor, Dataset heldBack) throws IOException {
        Dataset all = heldBack != null
                ? heldBack
                : Dataset.scan(monitor.data().stream().map(Path::of).toList());
        return ClassMatch.labelled(all, "test data");
    }

    /** What a classifier is tested on while it is trained; null for nothing. */
    Dataset tested() {
        return tested;
    }

    /** Samples that are left out, since they have no class. */
    int unlabelled() {
        return unlabelled;
    }

    /** The labelled samples that the encoder is measured on while it is trained, null if there are none. */
    MonitorData monitored() {
        return monitored;
    }

    /** What the encoder is measured on while it is trained, as part of a sentence; null for nothing. */
    public String monitor() {
        return monitored == null
                ? null
                : monitored.classified() + " labelled " + monitored.kinds() + " of " + monitored.classes() + " classes"
                        + (monitored.isHalves()
                                ? ", each half classified by the other"
                                : ", classified by " + monitored.reference().size() + " others");
    }

    /** The run's videos and images. */
    public Dataset data() {
        return data;
    }

    /**
     * The run in words.
     *
     * @param parameters that it trains
     * @param done steps that are done already
     */
    String describe(long parameters, long done) {
        return data.videos() + " videos and " + data.images() + " images, " + parameters + " parameters, " + totalSteps
                + " steps" + (done > 0 ? ", going on after step " + done : "");
    }

    /** Batches, which are forward passes, of an epoch. */
    public int batchesPerEpoch() {
        return batchesPerEpoch;
    }

    /** Updates of the whole run. */
    public long totalSteps() {
        return totalSteps;
    }

    /** The learning rate of each step. */
    public RateSchedule rates() {
        return rates;
    }

    List<Feed> feeds() {
        return feeds;
    }

    /** Passes over the data after so many steps. */
    public double epoch(long steps) {
        return (double) steps * settings.schedule().accumulate() / batchesPerEpoch;
    }

    /** Samples of a kind that no batch takes. */
    public int unused(Kind kind) {
        boolean taken = feeds.stream().anyMatch(feed -> feed.takes(kind));
        return taken ? 0 : kind == Kind.VIDEO ? data.videos() : data.images();
    }

    /** What to change where the learning rates are too small for a run of this length to learn anything, as a sentence; null where they are not. */
    public String advice() {
        if (settings.init() != null) {
            return null; // small changes of trained weights may be what is wanted
        }
        double sum = 0;
        for (long s = 0; s < totalSteps && sum < LEAST_RATE_SUM; s++) {
            sum += rates.at(s);
        }
        if (sum >= LEAST_RATE_SUM) {
            return null;
        }
        Schedule schedule = settings.schedule();
        return String.format(
                Locale.ROOT,
                "The learning rate peaks at %.2g (--lr %.3g for 256 samples, and a step has %d), too little to learn much in %d steps;"
                        + " --recipe small has settings for few data, or try --lr 0.01, or train longer",
                schedule.peakLearningRate(),
                schedule.baseLearningRate(),
                schedule.effectiveBatch(),
                totalSteps);
    }

    /**
     * Whether the first steps would have been the same by another schedule: with the same learning rates and the same weights of the losses.
     *
     * @param done how many steps
     */
    boolean hasSamePast(Schedule other, long done) {
        RateSchedule otherRates = other.rates(batchesPerEpoch);
        long otherTotal = other.steps(batchesPerEpoch);
        for (long s = 0; s < done; s++) {
            if (rates.at(s) != otherRates.at(s)
                    || !Arrays.equals(
                            settings.model().objective().weights(s, totalSteps),
                            settings.model().objective().weights(s, otherTotal))) {
                return false;
            }
        }
        return true;
    }

    /**
     * Another length of a run is accepted where it changes nothing of what is done already.
     *
     * @param done steps
     * @param newest the checkpoint that another run could begin with
     * @throws IOException if the run would have had other steps so far, or is shorter
     */
    void requireSamePast(RunFolder run, long done, Path newest) throws IOException {
        Schedule former = run.formerSchedule();
        Schedule now = settings.schedule();
        if (totalSteps < done) {
            throw new IOException("The run in " + run.path() + " has done " + done + " steps; with these data --epochs "
                    + now.epochs() + " has only " + totalSteps);
        }
        if (!former.equals(now) && !hasSamePast(former, done)) {
            throw new IOException("The run in " + run.path() + " was planned for " + lengthOf(former) + "; with "
                    + lengthOf(now)
                    + " its steps so far would have had other learning rates or weights of the losses. To train on,"
                    + " begin a new run with --init " + newest
                    + "; a run with --decay constant (and --lambda-ramp constant) can be extended");
        }
    }

    private static String lengthOf(Schedule schedule) {
        return schedule.epochs() + " epochs"
                + (schedule.cooldownEpochs() == 0 ? "" : " with a cooldown of " + schedule.cooldownEpochs());
    }
}
