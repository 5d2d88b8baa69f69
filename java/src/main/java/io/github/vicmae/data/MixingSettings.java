package io.github.vicmae.data;

import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;

/**
 * How samples and labels of a batch are mixed for training a classifier.
 *
 * @param mixup parameter of Beta(mixup, mixup), from which mixup's share is drawn; 0 for no mixup
 * @param cutmix parameter of CutMix's; 0 for no CutMix
 * @param mixProbability share of the batches that are mixed at all
 * @param switchProbability share of the mixed batches that get CutMix where both are on
 * @param smoothing share of the target that is spread over all classes
 */
public record MixingSettings(
        @Setting(
                flag = "--mixup",
                description = "parameter of the Beta distribution of mixup's share; 0 for no mixup",
                value = "0.8",
                range = "[0, 1000]")
        double mixup,

        @Setting(
                flag = "--cutmix",
                description = "parameter of the Beta distribution of CutMix's share; 0 for no CutMix",
                value = "1",
                range = "[0, 1000]")
        double cutmix,

        @Setting(
                flag = "--mix-probability",
                description = "share of the batches that are mixed",
                value = "1",
                range = "[0, 1]")
        double mixProbability,

        @Setting(
                flag = "--mix-switch-probability",
                description = "share of the mixed batches that get CutMix, where mixup and CutMix are on",
                value = "0.5",
                range = "[0, 1]")
        double switchProbability,

        @Setting(
                flag = "--smoothing",
                description = "label smoothing: share of the target that is spread over all classes",
                value = "0.1",
                range = "[0, 1)")
        double smoothing) {
    public MixingSettings {
        Definitions.check(MixingSettings.class, mixup, cutmix, mixProbability, switchProbability, smoothing);
    }

    /** Mixup 0.8 and CutMix 1 in turn, label smoothing 0.1: the usual settings for Vision Transformers. */
    public static MixingSettings usual() {
        return new MixingSettings(0.8, 1, 1, 0.5, 0.1);
    }

    /** Nothing is mixed or smoothed. */
    public static MixingSettings none() {
        return new MixingSettings(0, 0, 1, 0.5, 0);
    }

    /** Whether any batch may be mixed. */
    public boolean mixes() {
        return mixProbability > 0 && (mixup > 0 || cutmix > 0);
    }
}
