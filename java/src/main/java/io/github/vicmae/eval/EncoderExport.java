package io.github.vicmae.eval;

import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.RetypedSource;
import io.github.vicmae.io.TensorForm;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.TensorWriter;
import io.github.vicmae.io.onnx.OnnxGraph;
import io.github.vicmae.io.onnx.OnnxWriter;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.EncoderNames;
import io.github.vicmae.model.EncoderTensors;
import io.github.vicmae.model.NamedTensor;
import io.github.vicmae.model.OnnxEncoder;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.objective.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

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
     * @param image side of the images in pixels, see {@link Encoder#load(Path, int, int, io.github.vicmae.device.Device, int)}; 0 for that of
     *     training
     * @throws IOException if the file cannot be read, or holds no encoder that could be run
     */
    public static EncoderExport open(Path file, int heads, int image) throws IOException {
        EncoderFile opened = EncoderFile.open(file, heads, image);
        try {
            ModelConfig config = opened.config();
            return new EncoderExport(config, EncoderTensors.of(opened.source(), config.trunk()));
        } catch (IOException | RuntimeException | Error e) {
            opened.close();
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

    /**
     * What a program has to know to prepare images, and where the encoder comes from: texts by key.
     *
     * @param pooling of the tokens to features
     */
    public Map<String, String> description(Pooling pooling) {
        TrunkConfig trunk = config.trunk();
        ViewSettings views = config.objective().viewSettings(trunk, 0);
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("model", tensors.path().getFileName().toString());
        texts.put("method", config.objective().method());
        texts.put("pooling", pooling.toString());
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
        StringJoiner text = new StringJoiner(" ");
        for (float value : values) {
            text.add(Float.toString(value));
        }
        return text.toString();
    }

    /**
     * Writes the encoder.
     *
     * @param form of the file
     * @param type of the weights; null for the file's own
     * @param names of the tensors; ONNX has ours
     * @param pooling of ONNX's output {@code features}; null for the model's
     * @param more further texts for the file's metadata
     * @return the files that were written: one, or two where an ONNX model is beyond 2 GiB
     * @throws IllegalArgumentException if the encoder has no class token, and it is asked for
     */
    public List<Path> write(
            Path file, TensorForm form, DType type, EncoderNames names, Pooling pooling, Map<String, String> more)
            throws IOException {
        Pooling how = pooling == null ? config.objective().pooling() : pooling;
        if (form == TensorForm.ONNX) {
            OnnxGraph graph = OnnxEncoder.graph(typed(tensors, type), config.trunk(), how);
            description(how).forEach(graph::metadata);
            more.forEach(graph::metadata);
            return new OnnxWriter(graph).write(file);
        }
        TensorWriter writer = form.writer();
        TensorSource source = typed(names.source(tensors, config.trunk()), type);
        for (NamedTensor tensor : names.named(source, config.objective().method())) {
            tensor.add(writer, source);
        }
        if (names.trunk(config.trunk()).equals(config.trunk())) {
            description(how).forEach(writer::metadata);
        }
        more.forEach(writer::metadata);
        writer.write(file);
        return List.of(file);
    }

    private static TensorSource typed(TensorSource source, DType type) {
        return type == null ? source : new RetypedSource(source, type);
    }

    @Override
    public void close() throws IOException {
        tensors.close();
    }
}
