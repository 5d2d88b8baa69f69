package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.ModelConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
 * <p>The file may be one of ours or a published PyTorch checkpoint (.pth) of MAE, ViC-MAE, ST-MAE or OmniMAE, DINOv2's or
 * timm's vision transformer, or an ONNX model that {@link EncoderExport} wrote.
 *
 * <p>An encoder may be shared by several threads: files are decoded side by side, and the device works for one call after the other. Several
 * encoders may share a device, which must stay open as long as they are used. After {@link #close()} every call throws an
 * {@link IllegalStateException}.
 */
public final class Encoder implements AutoCloseable {
    private final ModelConfig config;
    private final FeatureExtractor extractor;
    private final List<String> passedOver;
    private final EvalView view;
    private final ViewSettings settings;
    private final FloatBuffer input;
    private final FloatBuffer output;

    private Encoder(ModelConfig config, FeatureExtractor extractor, List<String> passedOver, ViewSettings settings) {
        this.config = config;
        this.extractor = extractor;
        this.passedOver = passedOver;
        this.settings = settings;
        view = new EvalView(settings);
        input = DirectBuffers.floats(extractor.batch() * settings.viewSize());
        output = DirectBuffers.floats(extractor.batch() * config.trunk().dim());
    }

    /** How an encoder is loaded, to be changed before it is. */
    public static EncoderOptions options() {
        return EncoderOptions.DEFAULT;
    }

    /**
     * Loads an encoder that runs up to 16 images at once.
     *
     * @throws IOException if the file cannot be read, is no checkpoint of a vision transformer, or holds tensors that change what is computed and
     *     that this encoder does not know
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public static Encoder load(Path file, Device device) throws IOException {
        return options().load(file, device);
    }

    /** The same, running up to {@code batch} images at once. */
    public static Encoder load(Path file, Device device, int batch) throws IOException {
        return options().batch(batch).load(file, device);
    }

    /**
     * The same for a published checkpoint of no standard width.
     *
     * @param heads attention heads of the encoder; 0 for those of the standard size of its width
     */
    public static Encoder load(Path file, int heads, Device device, int batch) throws IOException {
        return options().batch(batch).heads(heads).load(file, device);
    }

    /**
     * The same for images of another size than those that the encoder was trained with, as DINOv2's is used for.
     *
     * @param image side of the images in pixels, a multiple of the patch: positions are interpolated as the encoder's authors do; 0 for the
     *     side that it was trained with
     */
    public static Encoder load(Path file, int heads, int image, Device device, int batch) throws IOException {
        return options().batch(batch).heads(heads).image(image).load(file, device);
    }

    /** The same for a file that does not say what model it holds. */
    public static Encoder load(Path file, ModelConfig config, Device device, int batch) throws IOException {
        try (TensorSource source = TensorSource.open(file)) {
            return load(source, config, device, options().batch(batch));
        }
    }

    static Encoder load(TensorSource source, ModelConfig config, Device device, EncoderOptions options)
            throws IOException {
        EncoderFile.refuseClassifier(source.path(), config);
        FeatureExtractor extractor = new FeatureExtractor(
                device, config.trunk(), config.objective().pooling(), options.batch(), options.precision());
        try {
            List<String> passedOver = extractor.load(source);
            return new Encoder(
                    config,
                    extractor,
                    passedOver,
                    config.objective().viewSettings(config.trunk(), 0).withFrames(1));
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, extractor);
            throw e;
        }
    }

    /** The model's settings. */
    public ModelConfig config() {
        return config;
    }

    /**
     * Names of what the file holds and the encoder does not use, such as a classifier; not the decoder, the heads and the optimizer's state, which
     * are known to be there.
     */
    public List<String> passedOver() {
        return passedOver;
    }

    /** How samples become the encoder's views, one frame each. */
    public ViewSettings views() {
        return settings;
    }

    /**
     * Takes the memory for clips, which an encoder of clips can then be given through {@link #features}.
     *
     * @param batch clips that are run at once, at least 1
     * @throws IllegalStateException if the encoder takes images alone, or this was called before
     */
    public void planClips(int batch) {
        extractor.planClips(batch);
    }

    /**
     * The features of views as evaluations take them; the encoder must stay open.
     *
     * @throws IllegalArgumentException if the encoder has no class token, and one is asked for
     */
    public EncoderFeatures features(FeatureTokens tokens) {
        return new EncoderFeatures(extractor, tokens);
    }

    /**
     * A front that puts single images together to batches, for servers.
     *
     * @param most images of a batch; more than the encoder runs at once are done in parts
     * @param wait for how long the first image of a batch waits for others
     * @throws IllegalArgumentException unless there is at least one image, and the wait is 0 or more
     */
    public BatchingEncoder batching(int most, Duration wait) {
        return new BatchingEncoder(this, most, wait);
    }

    /** Values of a feature vector, D. */
    public int width() {
        return config.trunk().dim();
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

    /** The same for a sample of a data set. */
    public float[] embed(Sample sample) throws IOException {
        return embed(Frames.middle(sample.content(), sample.kind()));
    }

    /**
     * The same for an image's file in memory, such as a request's body.
     *
     * @throws IOException if it is no image that can be read
     */
    public float[] embed(byte[] file) throws IOException {
        return embed(Frames.middle(Content.of("the image in memory", file), Kind.IMAGE));
    }

    /** The same for an image's file that is read to its end; the stream is not closed. */
    public float[] embed(InputStream file) throws IOException {
        return embed(file.readAllBytes());
    }

    /**
     * The features of the frame that a video shows at a time.
     *
     * @param at from the video's start; beyond its end the last frame is taken
     * @return [D]
     * @throws IOException if the file is no video that can be read
     */
    public float[] embed(Path video, Duration at) throws IOException {
        try (Video frames = Video.open(Content.of(video))) {
            return embed(frames.frameAt(seconds(at), side()));
        }
    }

    /**
     * The features of a video's frames at equal distances in time, from its start on.
     *
     * @param step above 0
     * @throws IOException if the file is no video that can be read
     */
    public List<Moment> every(Path video, Duration step) throws IOException {
        if (step.isZero() || step.isNegative()) {
            throw new IllegalArgumentException("Frames of a video are taken at a distance above 0, not " + step);
        }
        List<Moment> moments = new ArrayList<>();
        try (Video frames = Video.open(Content.of(video))) {
            List<Image> images = new ArrayList<>();
            for (long i = 0; i == 0 || i * seconds(step) < frames.durationSeconds(); i++) {
                images.add(frames.frameAt(i * seconds(step), side()));
                if (images.size() == extractor.batch()) {
                    add(moments, images, step);
                }
            }
            add(moments, images, step);
        }
        return moments;
    }

    private void add(List<Moment> moments, List<Image> images, Duration step) {
        for (float[] features : embed(images)) {
            moments.add(new Moment(moments.size() * seconds(step), features));
        }
        images.clear();
    }

    /**
     * A frame's features.
     *
     * @param seconds from the video's start
     * @param features [D]
     */
    public record Moment(double seconds, float[] features) {}

    private static double seconds(Duration time) {
        return time.toNanos() / 1e9;
    }

    /** No frame has to be larger. */
    private int side() {
        return Math.max(settings.height(), settings.width());
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
        for (int done = 0; done < images.size(); done += extractor.batch()) {
            embedPart(images, done, Math.min(extractor.batch(), images.size() - done), features);
        }
        return features;
    }

    /** Between parts another thread may have its turn. */
    private synchronized void embedPart(List<Image> images, int start, int count, float[][] features) {
        for (int i = 0; i < count; i++) {
            view.write(images.get(start + i), input, i * settings.viewSize());
        }
        extractor.extract(input, output, count);
        for (int i = 0; i < count; i++) {
            output.get(i * width(), features[start + i]);
        }
    }

    /**
     * The batch form, which allocates nothing on the Java heap. Buffers may be direct or on the heap, and of either byte order; direct ones in
     * native order are the fastest.
     *
     * @param images normalised, [count, C, H, W], from index 0 on, whatever the position
     * @param features [count, D], written from index 0 on
     * @param count at least 0
     * @throws IllegalArgumentException if the count is negative, a buffer ends before its last value, or the features' buffer is read-only
     * @throws IllegalStateException if the encoder or its device is closed
     */
    public void embed(FloatBuffer images, FloatBuffer features, int count) {
        extractor.extract(images, features, count);
    }

    /** Frees the encoder's memory, once a call in progress in another thread is done. Closing it again does nothing. */
    @Override
    public void close() {
        extractor.close();
    }
}
