package io.github.vicmae.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.LoaderSettings;
import io.github.vicmae.data.Shuffle;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.model.Execution;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.FormerLayout;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.optim.AdamW;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import io.github.vicmae.settings.SettingTree;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Everything that a pre-training run depends on.
 *
 * @param model encoder, decoder and objective
 * @param data folders and lists of videos and images
 * @param views how frames and images become views
 * @param schedule batches, epochs and learning rate
 * @param optimizer AdamW's settings
 * @param loading how data come in
 * @param compute how the model is computed
 * @param checkpoints when the run is saved
 * @param monitor what is measured of the encoder on labelled samples
 * @param init a checkpoint whose weights the run starts from, or null for fresh ones
 * @param initPartial whether the run takes what fits of that checkpoint, or all of it
 */
public record TrainSettings(
        ModelConfig model,

        @Setting(
                flag = "--data",
                label = "DIR|LIST|TAR",
                description = "folders of videos and images, tar shards, or lists of 'path label' lines")
        List<String> data,

        Views views,
        Schedule schedule,
        AdamW.Settings optimizer,
        Loading loading,
        Compute compute,

        @Setting(flag = "--seed", description = "seed of everything random", value = "0")
        long seed,

        CheckpointSettings checkpoints,
        MonitorSettings monitor,

        @Setting(
                flag = "--init",
                label = "FILE",
                description =
                        "start from these weights: a checkpoint of another run, or a published one of MAE, ViC-MAE, ST-MAE or OmniMAE")
        String init,

        @Setting(
                flag = "--init-partial",
                description = "take what fits of --init, such as another method's checkpoint, and list the rest",
                value = "false",
                former = "false")
        boolean initPartial) {
    private static final String MONITOR = "monitor";

    /** How frames and images become views. */
    public record Views(
            @Setting(flag = "--no-colour", description = "leave out the changes of colour", value = "true")
            boolean colour,

            @Setting(flag = "--no-spatial", description = "leave out random crops and flips", value = "true")
            boolean spatial,

            @Setting(
                    flag = "--window",
                    description = "seconds within which a video's frames are drawn",
                    value = "2.12",
                    range = "(0, inf)")
            double windowSeconds,

            @Setting(
                    flag = "--frame-distance",
                    description = "take frames this far apart instead; 0 takes the same frame twice",
                    value = "-1",
                    shownDefault = "drawn within the window",
                    range = "[-1, inf)")
            int frameDistance,

            @Setting(
                    flag = "--video-share",
                    description = "share of videos in each batch",
                    shownDefault = "that of the data",
                    range = "[0, 1]")
            Double videoShare,

            @Setting(
                    flag = "--stride",
                    description = "frames from one frame of a clip to the next",
                    value = "1",
                    shownDefault = "the method's",
                    range = "[1, inf)",
                    former = "1")
            int stride,

            @Setting(
                    flag = "--clip-seconds",
                    description = "seconds over which the frames of a clip are spread, in place of a stride",
                    shownDefault = "the method's",
                    range = "(0, inf)",
                    former = "null")
            Double clipSeconds) {
        /** The presets' own. */
        public static final Views DEFAULT =
                new Views(true, true, FrameSampler.DEFAULT_WINDOW, FrameSampler.DISTANT, null, 1, null);

        public Views {
            Definitions.check(
                    Views.class, colour, spatial, windowSeconds, frameDistance, videoShare, stride, clipSeconds);
        }
    }

    /**
     * How data come in.
     *
     * @param deviceViews whether views are made on the device, from uploaded crops, or on the host: equal within 1/255
     */
    public record Loading(
            @Setting(
                    flag = "--workers",
                    description = "decoding threads",
                    shownDefault = "the processors",
                    range = "[1, inf)")
            int workers,

            @Setting(flag = "--prefetch", description = "batches decoded ahead", value = "2", range = "[1, inf)")
            int prefetch,

            @Setting(description = "whether views are made on the device, from uploaded crops, or on the host")
            boolean deviceViews,

            @Setting(
                    flag = "--shuffle",
                    label = "samples|shards",
                    description =
                            "order of an epoch: samples in any order, or shard by shard (tar files, folders) through a shuffle buffer,"
                                    + " which reads few shards at a time",
                    value = "samples",
                    former = "\"samples\"")
            Shuffle shuffle,

            @Setting(
                    flag = "--shuffle-buffer",
                    label = "N",
                    description = "samples that the buffer of --shuffle shards draws from",
                    value = "10000",
                    range = "[1, inf)",
                    former = "10000")
            int shuffleBuffer,

            @Setting(
                    flag = "--no-scaled-decode",
                    description =
                            "decode large JPEGs whole, also where views shrink them so far that 1/2, 1/4 or 1/8 of their size is enough",
                    value = "true",
                    former = "false")
            boolean scaledDecode) {
        public Loading {
            Definitions.check(Loading.class, workers, prefetch, deviceViews, shuffle, shuffleBuffer, scaledDecode);
            if (shuffle == Shuffle.SAMPLES && shuffleBuffer != LoaderSettings.SHUFFLE_BUFFER) {
                throw new IllegalArgumentException(
                        "--shuffle-buffer does not apply to --shuffle samples, which has no buffer");
            }
        }

        /** Of a number of workers, two batches ahead, views made on the host, all samples shuffled. */
        public static Loading of(int workers) {
            return new Loading(workers, 2, false, Shuffle.SAMPLES, LoaderSettings.SHUFFLE_BUFFER, true);
        }

        /** The same with views made on the device, or on the host. */
        public Loading withDeviceViews(boolean on) {
            return new Loading(workers, prefetch, on, shuffle, shuffleBuffer, scaledDecode);
        }
    }

    /** How the model is computed. */
    public record Compute(
            @Setting(
                    flag = "--precision",
                    label = "fp32|bf16",
                    description =
                            "bf16 stores activations and the products' copy of the weights in bfloat16; sums, the residual stream,"
                                    + " parameters and the optimizer stay floats",
                    value = "fp32",
                    former = "\"fp32\"")
            Precision precision,

            @Setting(
                    flag = "--recompute",
                    description =
                            "recompute each block's activations in the backward pass: less memory, more time, the same results",
                    value = "false")
            boolean recompute) {
        /** In floats, with all activations kept. */
        public static final Compute DEFAULT = new Compute(Precision.FP32, false);
    }

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public TrainSettings {
        data = List.copyOf(data);
        monitor = monitor == null ? MonitorSettings.NONE : monitor; // as in settings of older versions
        Definitions.check(
                TrainSettings.class,
                model,
                data,
                views,
                schedule,
                optimizer,
                loading,
                compute,
                seed,
                checkpoints,
                monitor,
                init,
                initPartial);
        model.objective().requireBatch(schedule.batch());
        String method = model.objective().method();
        if (!model.objective().hasDistantViews()
                && (views.frameDistance() != FrameSampler.DISTANT
                        || views.windowSeconds() != FrameSampler.DEFAULT_WINDOW)) {
            throw new IllegalArgumentException("--window and --frame-distance do not apply to --method " + method
                    + ": its views are drawn anywhere");
        }
        if (model.trunk().frames() == 1 && (views.stride() != 1 || views.clipSeconds() != null)) {
            throw new IllegalArgumentException(
                    "--stride and --clip-seconds do not apply to --method " + method + ": its views are single frames");
        }
        if (model.objective() instanceof ClassifierConfig classifier && classifier.clipStride() != views.stride()) {
            throw new IllegalArgumentException(
                    "A classifier is trained on the clips that it is tested on, but its clipStride is "
                            + classifier.clipStride() + " and views.stride is " + views.stride());
        }
        if (views.stride() != 1 && views.clipSeconds() != null) {
            throw new IllegalArgumentException("Give --stride or --clip-seconds, not both");
        }
        if (checkpoints.keepBest() != null) {
            List<String> losses = new ArrayList<>(List.of(model.objective().losses()));
            losses.add(0, RunLog.LOSS);
            boolean pretrains = model.objective().hasDecoder();
            String measured = pretrains ? CheckpointSettings.KNN : CheckpointSettings.ACCURACY;
            if (checkpoints.keepBest().equals(measured) && !monitor.measures()) {
                throw new IllegalArgumentException("--keep-best " + measured + " needs labelled samples to measure on"
                        + (pretrains ? ": name them with --monitor, or hold some back with --monitor-share" : ""));
            }
            if (monitor.measures()) {
                losses.add(measured);
            }
            if (!losses.contains(checkpoints.keepBest())) {
                throw new IllegalArgumentException(
                        "--keep-best wants one of " + String.join(", ", losses) + ", not " + checkpoints.keepBest());
            }
        }
        if (views.videoShare() != null && model.objective().kind(model.trunk(), 0) != null) {
            throw new IllegalArgumentException("--video-share does not apply to the "
                    + model.objective().described() + ": its batches are of one kind");
        }
    }

    /** The settings of a run that is not monitored; see the record's other constructor. */
    public TrainSettings(
            ModelConfig model,
            List<String> data,
            Views views,
            Schedule schedule,
            AdamW.Settings optimizer,
            Loading loading,
            Compute compute,
            long seed,
            CheckpointSettings checkpoints,
            String init,
            boolean initPartial) {
        this(
                model,
                data,
                views,
                schedule,
                optimizer,
                loading,
                compute,
                seed,
                checkpoints,
                MonitorSettings.NONE,
                init,
                initPartial);
    }

    /**
     * The same with one setting changed.
     *
     * @param key such as {@code schedule.epochs}
     * @throws IllegalArgumentException if there is no such setting, or the value is refused
     */
    public TrainSettings with(String key, Object value) {
        return SettingTree.with(this, key, value);
    }

    /** Forward passes of an update whose samples are each other's negatives; 1 if each is on its own. */
    public int together() {
        boolean whole = schedule.accumulateContrast() == Schedule.Negatives.WHOLE;
        return whole && model.objective().hasNegatives() ? schedule.accumulate() : 1;
    }

    Execution execution(Device device) {
        return new Execution(compute.precision(), compute.recompute(), Execution.inputs(device.kind()));
    }

    /** How the samples of a batch become views. */
    ViewSettings viewSettings(int batch) {
        return model.objective().viewSettings(model.trunk(), batch).with(views.colour(), views.spatial());
    }

    /** Which frames the views of a batch take from a video. */
    FrameSampler sampler(int batch) {
        ViewSettings of = viewSettings(batch);
        FrameSampler places =
                model.objective().places(model.trunk(), batch, views.windowSeconds(), views.frameDistance());
        if (of.frames() == 1) {
            return places;
        }
        return views.clipSeconds() == null
                ? places.withClips(of.frames(), views.stride())
                : places.withClips(of.frames(), views.clipSeconds());
    }

    /**
     * How batches are loaded.
     *
     * @param samples of a batch
     */
    LoaderSettings loader(int samples) {
        double share = views.videoShare() == null ? Double.NaN : views.videoShare();
        return new LoaderSettings(samples, loading.workers(), loading.prefetch(), seed, share, loading.deviceViews())
                .withShuffle(loading.shuffle(), loading.shuffleBuffer())
                .withScaledDecode(loading.scaledDecode());
    }

    /** Brings a run's settings of any version of this library up to date, in place: what it lacks has the value of its time. */
    static void upgrade(ObjectNode run) {
        upgradeLayout(run);
        if (run.at("/schedule/accumulateContrast").isMissingNode()
                && run.at("/schedule/accumulate").asInt() == 1) {
            SettingTree.put(run, "schedule.accumulateContrast", Schedule.Negatives.WHOLE); // one pass is the whole
        }
        if (!run.has(MONITOR)) {
            run.putObject(MONITOR);
        }
        SettingTree.addFormer(run, TrainSettings.class);
    }

    /** Moves settings of any version of this library to where they are today, in place. */
    static void upgradeLayout(ObjectNode run) {
        if (run.has("batch")) {
            Map<String, String> places = new LinkedHashMap<>();
            for (String name : new String[] {"epochs", "batch", "accumulate", "baseLearningRate", "warmupEpochs"}) {
                places.put(name, "schedule." + name);
            }
            for (String name : new String[] {"workers", "prefetch", "deviceViews"}) {
                places.put(name, "loading." + name);
            }
            places.put("precision", "compute.precision");
            places.put("recompute", "compute.recompute");
            places.put("reconstructionWeight", "model.objective.reconstructionWeight");
            places.put("contrastive", "model.objective.contrastiveWeight");
            FormerLayout.move(run, places);
            // Runs from before these settings existed: both were off.
            if (!run.at("/compute/recompute").isBoolean()) {
                SettingTree.put(run, "compute.recompute", false);
            }
            if (!run.at("/loading/deviceViews").isBoolean()) {
                SettingTree.put(run, "loading.deviceViews", false);
            }
        }
        FormerLayout.move(run, Map.of("checkpointEvery", "checkpoints.every"));
        if (run.get("model") instanceof ObjectNode model) {
            FormerLayout.upgradeModel(model);
        }
    }
}
