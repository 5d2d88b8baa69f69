package io.github.vicmae.eval;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.RetypedSource;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.onnx.OnnxGraph;
import io.github.vicmae.io.onnx.OnnxWriter;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.EncoderTensors;
import io.github.vicmae.model.OnnxEncoder;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ClassifierConfig;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The encoder of a checkpoint for use in other programs, without decoder, heads and optimizer. No device is needed. */
public final class EncoderExport implements AutoCloseable {
    private final ModelConfig config;
    private final EncoderTensors tensors;

    private EncoderExport(ModelConfig config, EncoderTensors tensors) {
        this.config = config;
        this.tensors = tensors;
    }

    /**
     * Opens a checkpoint of ours or a published one.
     *
     * @param heads attention heads of the encoder; 0 for those of the standard size of its width
     * @throws IOException if the file cannot be read, or holds no encoder that could be run
     */
    public static EncoderExport open(Path file, int heads) throws IOException {
        TensorSource source = TensorSource.open(file);
        try {
            ModelConfig config = ModelConfig.of(source, heads);
            if (config.objective() instanceof ClassifierConfig) {
                throw new IOException(file + " holds a fine-tuned classifier, whose encoder has no last norm to take"
                        + " features behind; give the checkpoint that it was fine-tuned from");
            }
            return new EncoderExport(config, EncoderTensors.of(source, config.trunk()));
        } catch (IOException | RuntimeException | Error e) {
            source.close();
            throw e;
        }
    }

    /** The model's settings. */
    public ModelConfig config() {
        return config;
    }

    /** What the file holds besides the encoder. */
    public List<String> leftOut() {
        return tensors.leftOut();
    }

    /** What a program has to know to prepare images, and where the encoder comes from: texts by key. */
    public Map<String, String> description() {
        TrunkConfig trunk = config.trunk();
        ViewSettings views = config.objective().viewSettings(trunk, 0);
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("model", tensors.path().getFileName().toString());
        texts.put("method", config.objective().method());
        texts.put("pooling", config.objective().pooling().toString());
        texts.put("image_height", Integer.toString(trunk.height()));
        texts.put("image_width", Integer.toString(trunk.width()));
        texts.put("channels", List.of("L", "LA", "RGB", "RGBA").get(trunk.channels() - 1));
        texts.put("value_range", "0 1");
        texts.put("mean", list(views.mean()));
        texts.put("std", list(views.deviation()));
        texts.put("crop", "center");
        texts.put("crop_share", "1");
        texts.put("interpolation", (views.bicubic() ? "bicubic" : "bilinear") + " antialias");
        texts.put(Checkpoint.CONFIG, config.json());
        return texts;
    }

    private static String list(float[] values) {
        Double[] exact = new Double[values.length];
        Arrays.setAll(exact, i -> Double.valueOf(Float.toString(values[i])));
        return Arrays.stream(exact)
                .map(v -> String.format(Locale.ROOT, "%s", v))
                .collect(Collectors.joining(" "));
    }

    /**
     * Writes the encoder as ONNX: see {@link OnnxEncoder}.
     *
     * @param type of the weights; null for the file's own
     * @param more further texts for the metadata
     * @return the files that were written
     */
    public List<Path> writeOnnx(Path file, DType type, Map<String, String> more) throws IOException {
        OnnxGraph graph = OnnxEncoder.graph(
                typed(type), config.trunk(), config.objective().pooling());
        description().forEach(graph::metadata);
        more.forEach(graph::metadata);
        return new OnnxWriter(graph).write(file);
    }

    private TensorSource typed(DType type) {
        return type == null ? tensors : new RetypedSource(tensors, type);
    }

    @Override
    public void close() throws IOException {
        tensors.close();
    }
}
