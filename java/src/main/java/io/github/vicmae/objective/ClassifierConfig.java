package io.github.vicmae.objective;

import io.github.vicmae.data.MixingSettings;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.RandAugment;
import io.github.vicmae.data.view.RandomErasing;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.layer.Parameter;
import io.github.vicmae.layer.ParameterGroup;
import io.github.vicmae.model.PositionKind;
import io.github.vicmae.model.StepValues;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.Setting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Fine-tuning's settings: an encoder and a linear classifier, trained together on labelled images or clips, as MAE's and ST-MAE's code does (He et al.
 * 2022, appendix A.1; Feichtenhofer et al. 2022).
 *
 * @param classes the classes' names, in the order of the classifier's outputs
 * @param layerDecay null for that of the encoder's size
 * @param mixing of a batch's samples and targets
 */
public record ClassifierConfig(
        @Setting(description = "the classes' names, in the order of the classifier's outputs")
        List<String> classes,

        @Setting(
                flag = "--drop-path",
                description =
                        "largest probability that a sample leaves out a block's branch; it grows linearly from 0 over the blocks",
                value = "0.1",
                range = "[0, 1)")
        double dropPath,

        @Setting(
                flag = "--dropout",
                description = "probability that a feature is left out before the classifier",
                value = "0",
                range = "[0, 1)")
        double dropout,

        @Setting(
                flag = "--layer-decay",
                description = "factor of the learning rate from each layer to the one below it",
                shownDefault = "0.65, 0.75 for l16 and h14",
                range = "(0, 1]")
        Double layerDecay,

        @Setting(
                flag = "--repeat",
                description = "views drawn from each sample in one pass of decoding (repeated augmentation)",
                value = "1",
                shownDefault = "the method's",
                range = "[1, 64]")
        int repeat,

        @Setting(
                flag = "--rand-augment",
                label = "TEXT",
                description =
                        "RandAugment as timm writes it, such as rand-m9-mstd0.5-inc1; none for no changes of colour and shape",
                value = "rand-m9-mstd0.5-inc1")
        String randAugment,

        @Setting(
                flag = "--erase",
                description = "probability that a view loses a box (random erasing)",
                value = "0.25",
                range = "[0, 1]")
        double erase,

        @Setting(
                flag = "--no-flip",
                description =
                        "leave out the mirroring of videos, where left and right matter, as in Something-Something",
                value = "true")
        boolean flip,

        @Setting(
                flag = "--ema",
                description =
                        "decay of a moving average of the weights, such as 0.9999, which is tested and saved as the model; 0 for none",
                value = "0",
                range = "[0, 1)")
        double ema,

        @Setting(
                description = "frames of the video from one frame of a clip to the next",
                value = "1",
                range = "[1, inf)")
        int clipStride,

        MixingSettings mixing)
        implements ObjectiveConfig {
    /** The name of the loss. */
    static final String LOSS = "cross_entropy";

    private static final double LAYER_DECAY = 0.65;
    private static final double LAYER_DECAY_LARGE = 0.75;
    private static final int LARGE = 1024;

    /**
     * @throws IllegalArgumentException with one sentence, if a setting is refused
     */
    public ClassifierConfig {
        classes = classes == null ? List.of() : List.copyOf(classes);
        Definitions.check(
                ClassifierConfig.class,
                classes,
                dropPath,
                dropout,
                layerDecay,
                repeat,
                randAugment,
                erase,
                flip,
                ema,
                clipStride,
                mixing);
        RandAugment.parse(randAugment); // refuses what it does not know
        if (classes.size() < 2) {
            throw new IllegalArgumentException("A classifier tells at least 2 classes apart, and there "
                    + (classes.isEmpty() ? "are none" : "is one, '" + classes.get(0) + "'")
                    + "; the first level of a data set's folders names the classes");
        }
    }

    /** The published settings. */
    public static final class FineTuning implements Method {
        /** Its name in settings. */
        public static final String NAME = "finetune";

        @Override
        public String name() {
            return NAME;
        }

        @Override
        public String title() {
            return "fine-tuning (He et al., CVPR 2022, appendix A.1)";
        }

        @Override
        public Class<ClassifierConfig> settings() {
            return ClassifierConfig.class;
        }

        @Override
        public boolean hasDecoder() {
            return false;
        }

        @Override
        public Map<String, Object> model(ModelSize size, Variant variant) {
            return Map.of("trunk.positions", PositionKind.TUNED);
        }

        @Override
        public Map<String, Object> run() {
            return Map.of(
                    "schedule.baseLearningRate", 5e-4,
                    "optimizer.beta2", 0.999);
        }

        @Override
        public double warmupEpochs(double epochs) {
            return Math.min(5, epochs / 10);
        }
    }

    @Override
    public String method() {
        return FineTuning.NAME;
    }

    @Override
    public String described() {
        return "fine-tuning";
    }

    @Override
    public List<ViewBatch> batches(TrunkConfig trunk, int batch) {
        return ObjectiveConfig.single(trunk, repeat, batch, 0);
    }

    @Override
    public List<StepValues> values(TrunkConfig trunk, int batch) {
        int rows = Math.multiplyExact(repeat, batch);
        List<StepValues> values = new ArrayList<>();
        values.add(new StepValues("targets", rows, classes.size()));
        if (dropPath > 0) {
            values.add(new StepValues("drop path of the step", trunk.depth(), 2, rows));
        }
        if (dropout > 0) {
            values.add(new StepValues("dropout", rows, trunk.dim()));
        }
        return values;
    }

    /** The place of dropout's factors among these, the last one. */
    int dropoutPlace() {
        return dropPath > 0 ? 2 : 1;
    }

    @Override
    public ViewSettings viewSettings(TrunkConfig trunk, int batch) {
        return ViewSettings.fineTuning(
                        trunk.height(),
                        trunk.width(),
                        trunk.channels(),
                        repeat,
                        RandAugment.parse(randAugment),
                        new RandomErasing((float) erase, RandomErasing.Fill.PIXEL),
                        flip)
                .withFrames(trunk.frames());
    }

    /** Clips come from videos; single frames from videos and images. */
    @Override
    public Kind kind(TrunkConfig trunk, int batch) {
        return trunk.frames() > 1 ? Kind.VIDEO : null;
    }

    @Override
    public double averageDecay() {
        return ema;
    }

    @Override
    public String[] losses() {
        return new String[] {LOSS};
    }

    @Override
    public double headFlop(TrunkConfig trunk) {
        return 2.0 * trunk.dim() * classes.size();
    }

    @Override
    public Objective on(Workspace workspace, ModelConfig config) {
        return new Classifier(workspace, config);
    }

    /**
     * Layer decay (Clark et al. 2020; BEiT's and MAE's form): layer 0 makes the tokens, block i is layer i + 1, what follows is layer depth + 1, and the rate of
     * layer l is that of the last times {@code decay^(depth + 1 - l)}. Class token, positions and vectors have no weight decay.
     */
    ParameterGroup group(TrunkConfig trunk, Parameter parameter) {
        int depth = trunk.depth();
        String name = parameter.name();
        boolean isToken = name.startsWith("cls_token") || name.startsWith("pos_embed");
        int layer = depth + 1;
        if (isToken || name.startsWith("patch_embed")) {
            layer = 0;
        } else if (name.startsWith("blocks.")) {
            layer = Integer.parseInt(name.split("\\.")[1]) + 1;
        }
        ParameterGroup group = ParameterGroup.scaled(Math.pow(layerDecay(trunk), depth + 1.0 - layer));
        return isToken ? group.withoutDecay() : group;
    }

    private double layerDecay(TrunkConfig trunk) {
        return layerDecay != null ? layerDecay : trunk.dim() < LARGE ? LAYER_DECAY : LAYER_DECAY_LARGE;
    }
}
