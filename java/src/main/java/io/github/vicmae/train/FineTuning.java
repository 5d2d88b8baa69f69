package io.github.vicmae.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The settings in which a fine-tuning run depends on what it starts from: the trunk's shape from a checkpoint or a named size, the views' form, the classes
 * of the data. They are a layer of a {@link SettingsBuilder}, between a file's settings and those that are given one by one.
 */
public final class FineTuning {
    /** Frames of a patch, where the encoder's own patches have one. */
    private static final int TUBE = 2;

    private static final int CLIP_REPEAT = 2;

    private final ObjectNode settings = SettingTree.empty();
    private final TrunkConfig start;
    private int height;
    private int width;
    private Clip clip;

    /**
     * The clips of a video classifier.
     *
     * @param frames of a clip
     * @param stride frames of the video from one to the next
     */
    public record Clip(int frames, int stride) {
        /**
         * Reads {@code 16x4}.
         *
         * @throws IllegalArgumentException if the text is none of a clip
         */
        public static Clip parse(String text) {
            if (!text.matches("[1-9][0-9]{0,3}x[1-9][0-9]{0,3}")) {
                throw new IllegalArgumentException(
                        "A clip is a number of frames and a stride, such as 16x4, not '" + text + "'");
            }
            String[] parts = text.split("x");
            return new Clip(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
        }
    }

    private FineTuning(TrunkConfig start) {
        this.start = start;
        height = start.height();
        width = start.width();
        SettingTree.put(settings, SettingsBuilder.METHOD, ClassifierConfig.FineTuning.NAME);
    }

    /**
     * Begins with a checkpoint's encoder.
     *
     * @param checkpoint of any method, ours or a published one
     * @param heads attention heads of a published encoder of no standard width, or 0
     * @throws IOException if it cannot be read
     */
    public static FineTuning from(Path checkpoint, int heads) throws IOException {
        try (TensorSource source = TensorSource.open(checkpoint)) {
            FineTuning result = new FineTuning(ModelConfig.of(source, heads).trunk());
            SettingTree.put(result.settings, "init", checkpoint.toString());
            return result;
        }
    }

    /** Begins with random weights: the supervised baseline. All layers learn alike then. */
    public static FineTuning fromScratch(ModelSize size) {
        FineTuning result = new FineTuning(Presets.of(size, "mae").trunk());
        SettingTree.put(result.settings, "init", null);
        SettingTree.put(result.settings, "model.objective.layerDecay", 1.0);
        return result;
    }

    /** With views of another size, in pixels. */
    public FineTuning image(int newHeight, int newWidth) {
        height = newHeight;
        width = newWidth;
        return this;
    }

    /** With clips of videos in place of single frames and images; each video gives two in one pass of decoding. */
    public FineTuning clip(Clip newClip) {
        clip = newClip;
        return this;
    }

    /**
     * With the classes of the data.
     *
     * @throws IOException if the data cannot be read
     */
    public FineTuning classesOf(List<Path> data) throws IOException {
        return classes(Dataset.scan(data).classNames());
    }

    /** With these classes. */
    public FineTuning classes(List<String> names) {
        SettingTree.put(settings, "model.objective.classes", names);
        return this;
    }

    /**
     * The layer of settings.
     *
     * @throws IllegalArgumentException if the views do not suit the encoder
     */
    public ObjectNode settings() {
        int frames = clip == null ? 1 : clip.frames();
        int tube = clip == null ? 1 : start.tube() > 1 ? start.tube() : TUBE;
        SettingTree.put(settings, "model.trunk", SettingTree.tree(start.tuned(height, width, frames, tube)));
        SettingTree.put(settings, "views.stride", clip == null ? 1 : clip.stride());
        SettingTree.put(settings, "model.objective.clipStride", clip == null ? 1 : clip.stride());
        SettingTree.put(settings, "views.clipSeconds", null);
        if (clip != null) {
            SettingTree.put(settings, "model.objective.repeat", CLIP_REPEAT);
        }
        return settings;
    }
}
