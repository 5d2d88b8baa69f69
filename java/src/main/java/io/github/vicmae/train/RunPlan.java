package io.github.vicmae.train;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.optim.RateSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A run on its data before anything is computed: which batches a step takes, how many steps there are, and their learning rates. */
public final class RunPlan {
    private final TrainSettings settings;
    private final Dataset data;
    private final int unlabelled;
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
        data = settings.model().objective().hasDecoder() ? all : labelled(all);
        unlabelled = all.size() - data.size();
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

    /** Samples that are left out, since they have no class. */
    int unlabelled() {
        return unlabelled;
    }

    /** The run's videos and images. */
    public Dataset data() {
        return data;
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
}
