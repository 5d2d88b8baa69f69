package io.github.vicmae.train;

import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.Variant;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.optim.WeightRamp;
import java.util.List;

/**
 * Everything that a pre-training run depends on.
 *
 * @param model the model
 * @param data folders and lists of videos and images
 * @param views how frames and images become views
 * @param batch samples of a forward pass, at least 2
 * @param accumulate forward passes of an update
 * @param epochs passes over the data
 * @param baseLearningRate for 256 samples an update: the peak rate is base * batch * accumulate / 256
 * @param warmupEpochs of linear warm-up, may be a fraction
 * @param optimizer AdamW's settings
 * @param reconstructionWeight of the reconstruction loss
 * @param contrastive the contrastive loss's weight over time
 * @param seed of everything that is drawn
 * @param workers decoding threads
 * @param prefetch batches that are decoded ahead of the step
 * @param checkpointEvery epochs between checkpoints
 * @param precision of products and activations
 * @param recompute whether activations are computed anew in the backward pass: less memory, more time, the same bits
 * @param deviceViews whether views are made on the device, from uploaded crops, or on the host: equal within 1/255
 * @param init a checkpoint whose weights the run starts from, or null for fresh ones
 */
public record TrainSettings(
        ModelConfig model,
        List<String> data,
        Views views,
        int batch,
        int accumulate,
        int epochs,
        double baseLearningRate,
        double warmupEpochs,
        AdamW.Settings optimizer,
        double reconstructionWeight,
        WeightRamp contrastive,
        long seed,
        int workers,
        int prefetch,
        int checkpointEvery,
        Precision precision,
        boolean recompute,
        boolean deviceViews,
        String init) {

    /** Samples for which the base learning rate is meant. */
    private static final double RATE_BATCH = 256;

    /**
     * How frames and images become views.
     *
     * @param colour whether colours change (off in the paper's ablation "spatial")
     * @param spatial whether crops and flips are random (off in the paper's ablation "colour")
     * @param windowSeconds the window of distant sampling
     * @param frameDistance a fixed distance between a video's two frames, or {@link FrameSampler#DISTANT}
     * @param videoShare share of videos in every batch; null for that of the data
     */
    public record Views(boolean colour, boolean spatial, double windowSeconds, int frameDistance, Double videoShare) {
        /** The presets' own. */
        public static final Views DEFAULT =
                new Views(true, true, FrameSampler.DEFAULT_WINDOW, FrameSampler.DISTANT, null);
    }

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public TrainSettings {
        data = List.copyOf(data);
        require(
                batch >= 2,
                "A batch of " + batch
                        + " is too small: the heads' BatchNorm and the contrastive loss need at least 2 samples");
        require(accumulate >= 1, "Gradients are accumulated over at least 1 batch, not " + accumulate);
        require(epochs >= 1, "A run has at least 1 epoch, not " + epochs);
        require(baseLearningRate > 0 && Double.isFinite(baseLearningRate), "The base learning rate must be positive");
        require(
                warmupEpochs >= 0 && warmupEpochs <= epochs,
                "A warm-up of " + warmupEpochs + " epochs does not fit into a run of " + epochs);
        require(
                reconstructionWeight >= 0 && Double.isFinite(reconstructionWeight),
                "The reconstruction weight must be a number of at least 0, not " + reconstructionWeight);
        require(workers >= 1 && prefetch >= 1, "Loading needs at least 1 worker and 1 batch ahead");
        require(checkpointEvery >= 1, "Checkpoints are at least 1 epoch apart, not " + checkpointEvery);
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    Execution execution(Device device) {
        return new Execution(precision, recompute, Execution.inputs(device.kind()));
    }

    /** The highest learning rate. */
    double peakLearningRate() {
        return baseLearningRate * batch * accumulate / RATE_BATCH;
    }

    /** How the preset of a model makes views. */
    public static ViewSettings presetViews(ModelConfig model) {
        return model.variant() == Variant.RELEASE
                ? ViewSettings.release(model.height(), model.width(), model.channels())
                : ViewSettings.paper(model.height(), model.width(), model.channels());
    }

    ViewSettings viewSettings() {
        return presetViews(model).with(views.colour(), views.spatial());
    }

    FrameSampler sampler() {
        return new FrameSampler(2, views.windowSeconds(), views.frameDistance());
    }

    LoaderSettings loader() {
        double share = views.videoShare() == null ? Double.NaN : views.videoShare();
        return new LoaderSettings(batch, workers, prefetch, seed, share, deviceViews);
    }
}
