package io.github.vicmae.train;

import io.github.vicmae.device.Device;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.List;

/**
 * What a run measures of its encoder while it trains: k-NN accuracy on labelled samples. None of this affects what the run computes, but for the share
 * of the training data that is held back.
 *
 * @param data labelled samples; empty for none
 * @param test samples to classify by those of {@code data}; if empty, each half of {@code data} is classified by the other
 * @param share of each class of the training data that is held back from training and measured on, 0 for none
 * @param every epochs between measurements
 * @param frames of each video, whose features are averaged
 */
public record MonitorSettings(
        @Setting(
                flag = "--monitor",
                label = "DIR|LIST|TAR",
                description =
                        "labelled videos or images to measure k-NN accuracy on while the run goes on: each half of them is classified by the other")
        List<String> data,

        @Setting(
                flag = "--monitor-test",
                label = "DIR|LIST|TAR",
                description = "labelled videos or images that those of --monitor classify, in place of halves")
        List<String> test,

        @Setting(
                flag = "--monitor-share",
                description =
                        "share of each class of the training data to hold back from training and use in place of --monitor",
                value = "0",
                shownDefault = "none",
                range = "[0, 0.5]",
                former = "0")
        double share,

        @Setting(
                flag = "--monitor-every",
                description = "epochs between measurements; the untrained and the finished encoder are measured anyway",
                value = "1",
                range = "[1, inf)",
                former = "1")
        int every,

        @Setting(
                flag = "--monitor-frames",
                description = "frames of each video that are encoded; their features are averaged",
                value = "4",
                range = "[1, 1000]",
                former = "4")
        int frames) {
    /** Nothing is measured. */
    public static final MonitorSettings NONE = new MonitorSettings(List.of(), List.of(), 0, 1, 4);

    /**
     * @throws IllegalArgumentException with one sentence, if the settings do not go together
     */
    public MonitorSettings {
        data = data == null ? List.of() : List.copyOf(data);
        test = test == null ? List.of() : List.copyOf(test);
        Definitions.check(MonitorSettings.class, data, test, share, every, frames);
        if (share > 0 && !(data.isEmpty() && test.isEmpty())) {
            throw new IllegalArgumentException(
                    "--monitor-share measures on a share of the training data; leave it out, or --monitor and --monitor-test");
        }
        if (data.isEmpty() && !test.isEmpty()) {
            throw new IllegalArgumentException(
                    "--monitor-test is classified by the labelled samples of --monitor; name those too");
        }
    }

    /** Whether anything is measured. */
    public boolean measures() {
        return share > 0 || !data.isEmpty();
    }

    /** Bytes of device memory of the encoder that is measured. */
    public static long plannedBytes(Device.Kind kind, ModelConfig model) {
        return FeatureExtractor.plannedBytes(kind, model.trunk(), Monitor.BATCH);
    }
}
