package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.ModelConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * A trained encoder for use in other programs: images in, pooled features out.
 *
 * <pre>{@code
 * try (Device device = Device.auto(); Encoder encoder = Encoder.load(Path.of("model.safetensors"), device)) {
 *     float[] z = encoder.embed(Path.of("cat.jpg"));
 * }
 * }</pre>
 *
 * <p>The file may be one of ours or a published PyTorch checkpoint (.pth) of MAE or ViC-MAE. For one thread at a time; several encoders may
 * share a device.
 */
public final class Encoder implements AutoCloseable {
    private static final int DEFAULT_BATCH = 16;

    private final FeatureExtractor extractor;
    private final EvalView view;
    private final ViewSettings settings;
    private final FloatBuffer input;
    private final FloatBuffer output;

    private Encoder(FeatureExtractor extractor, ViewSettings settings) {
        this.extractor = extractor;
        this.settings = settings;
        view = new EvalView(settings);
        input = direct(extractor.batch() * settings.viewSize());
        output = direct(extractor.batch() * extractor.config().dim());
    }

    /**
     * Loads an encoder that runs up to 16 images at once.
     *
     * @throws IOException if the file cannot be read, or is no checkpoint of a vision transformer
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public static Encoder load(Path file, Device device) throws IOException {
        return load(file, device, DEFAULT_BATCH);
    }

    /** The same, running up to {@code batch} images at once. */
    public static Encoder load(Path file, Device device, int batch) throws IOException {
        return load(file, 0, device, batch);
    }

    /**
     * The same for a published checkpoint of no standard width.
     *
     * @param heads attention heads of the encoder; 0 for those of the standard size of its width
     */
    public static Encoder load(Path file, int heads, Device device, int batch) throws IOException {
        try (TensorSource source = TensorSource.open(file)) {
            return load(source, Checkpoint.config(source, heads), device, batch);
        }
    }

    /** The same for a file that does not say what model it holds. */
    public static Encoder load(Path file, ModelConfig config, Device device, int batch) throws IOException {
        try (TensorSource source = TensorSource.open(file)) {
            return load(source, config, device, batch);
        }
    }

    private static Encoder load(TensorSource source, ModelConfig config, Device device, int batch) throws IOException {
        FeatureExtractor extractor = new FeatureExtractor(device, config, batch);
        try {
            extractor.load(source);
            return new Encoder(extractor, ViewSettings.paper(config.height(), config.width(), config.channels()));
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, extractor);
            throw e;
        }
    }

    /** The model's settings. */
    public ModelConfig config() {
        return extractor.config();
    }

    /** Values of a feature vector, D. */
    public int width() {
        return extractor.config().dim();
    }

    /**
     * The features of an image, or of a video's middle frame: the short side is resized to the model's, the centre cut out.
     *
     * @return [D]
     * @throws IOException if the file cannot be read
     */
    public float[] embed(Path file) throws IOException {
        return embed(Frames.middle(file));
    }

    /** The features of an image, [D]. */
    public float[] embed(Image image) {
        return embed(List.of(image))[0];
    }

    /** The features of an image, [D]. */
    public float[] embed(BufferedImage image) {
        return embed(Image.of(image));
    }

    /** The features of several images, [n][D]. */
    public float[][] embed(List<Image> images) {
        float[][] features = new float[images.size()][width()];
        int size = settings.viewSize();
        for (int done = 0; done < images.size(); ) {
            int part = Math.min(extractor.batch(), images.size() - done);
            for (int i = 0; i < part; i++) {
                view.write(images.get(done + i), input, i * size);
            }
            extractor.extract(input, output, part);
            for (int i = 0; i < part; i++) {
                output.get(i * width(), features[done + i]);
            }
            done += part;
        }
        return features;
    }

    /**
     * The batch form without any copy on the Java heap.
     *
     * @param images normalised, [count, C, H, W], a direct buffer in native order, from its position 0 on
     * @param features [count, D], written from its position 0 on
     * @throws IllegalArgumentException if a buffer is too small
     */
    public void embed(FloatBuffer images, FloatBuffer features, int count) {
        extractor.extract(images, features, count);
    }

    private static FloatBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Override
    public void close() {
        extractor.close();
    }
}
