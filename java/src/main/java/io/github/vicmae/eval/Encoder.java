package io.github.vicmae.eval;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.image.PixelLayout;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.HostMemory;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.ExtractedTokens;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.Objective;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

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
 * <p>An encoder may be shared by any number of threads, virtual ones too. There is one copy of the weights; files are decoded and resized by their
 * callers side by side, and the device works for as many calls at the same time as there are {@linkplain EncoderOptions#contexts() contexts}, which are
 * made as they are needed. Who finds all in use waits. Requests of single images from many threads are faster through {@link #batching()}.
 *
 * <p>Several encoders may share a device, which must stay open as long as they are used. After {@link #close()} every call throws an
 * {@link IllegalStateException}.
 */
public final class Encoder implements AutoCloseable {
    private final ModelConfig config;
    private final EncoderContexts contexts;
    private final List<String> passedOver;
    private final ViewSettings settings;
    private final PictureFeatures pictures;

    private Encoder(ModelConfig config, FeatureExtractor extractor, List<String> passedOver, EncoderOptions options) {
        this.config = config;
        this.passedOver = passedOver;
        contexts = new EncoderContexts(extractor, options.contexts());
        settings = config.objective().viewSettings(config.trunk(), 0).withFrames(1);
        pictures = new PictureFeatures(
                this, settings, options.contexts() + Runtime.getRuntime().availableProcessors());
    }

    /** How an encoder is loaded, to be changed: two contexts, batches of 16 images, floats. */
    public static EncoderOptions options() {
        return EncoderOptions.DEFAULT;
    }

    /**
     * Loads an encoder with the default {@link #options()}.
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

    /** The same for evaluations: in one context, with {@linkplain EncoderOptions#wholeBatches() whole batches}. */
    public static Encoder load(Path file, int heads, Device device, int batch) throws IOException {
        return load(file, heads, 0, device, batch);
    }

    /** The same for images of another size than those that the encoder was trained with. */
    public static Encoder load(Path file, int heads, int image, Device device, int batch) throws IOException {
        return options()
                .contexts(1)
                .batch(batch)
                .heads(heads)
                .image(image)
                .wholeBatches(true)
                .load(file, device);
    }

    /** The same for a file that does not say what model it holds. */
    public static Encoder load(Path file, ModelConfig config, Device device, int batch) throws IOException {
        return options().batch(batch).config(config).load(file, device);
    }

    /**
     * An encoder of the weights of a model in training, on the same device, which later steps do not change.
     *
     * @param options contexts, batch and precision count
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    public static Encoder of(Objective model, EncoderOptions options) {
        FeatureExtractor extractor = options.extractor(model.stream().device(), model.config());
        try {
            extractor.copyFrom(model.state());
            return new Encoder(model.config(), extractor, List.of(), options);
        } catch (RuntimeException | Error e) {
            Closing.after(e, extractor);
            throw e;
        }
    }

    static Encoder load(TensorSource source, ModelConfig config, Device device, EncoderOptions options)
            throws IOException {
        FeatureExtractor extractor = options.extractor(device, config);
        try {
            List<String> passedOver = extractor.load(source);
            return new Encoder(config, extractor, passedOver, options);
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
        contexts.first().planClips(batch);
    }

    /**
     * The features of views as evaluations take them, computed one call after the other; the encoder must stay open.
     *
     * @throws IllegalArgumentException if the encoder has no class token, and one is asked for
     */
    public EncoderFeatures features(FeatureTokens tokens) {
        return new EncoderFeatures(contexts.first(), tokens);
    }

    /** Values of a feature vector, D. */
    public int width() {
        return config.trunk().dim();
    }

    /** Patches of an image, P. */
    public int patches() {
        return contexts.first().patches();
    }

    /** Images that are run at once. */
    public int batch() {
        return contexts.first().batch();
    }

    /** Calls that were worked for at the same time so far, at most: execution contexts that there are. */
    public int contexts() {
        return contexts.size();
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
     * The same for a file's bytes, such as an upload: a picture in any format that is read, or a video, of which the middle frame is taken.
     *
     * @throws IOException if they are neither
     */
    public float[] embed(byte[] file) throws IOException {
        return embed(Frames.middle(
                Content.of("the file in memory", file), ImageReader.isPicture(file) ? Kind.IMAGE : Kind.VIDEO));
    }

    /**
     * The same for a file that comes through a stream, which is read to its end and not closed.
     *
     * @throws IOException if the stream fails, or what came is no picture and no video, or is too long
     */
    public float[] embed(InputStream file) throws IOException {
        byte[] bytes = file.readNBytes((int) ImageReader.MAX_BYTES + 1);
        if (bytes.length > ImageReader.MAX_BYTES) {
            throw new IOException("The stream has more than the " + ImageReader.MAX_BYTES + " bytes that are read");
        }
        return embed(bytes);
    }

    /**
     * The features of a video's frame.
     *
     * @param at from the video's start; of a time behind the end the last frame
     * @throws IOException if the video cannot be read
     * @throws IllegalArgumentException if the time is negative
     */
    public float[] embed(Path video, Duration at) throws IOException {
        return VideoFrames.at(this, video, at);
    }

    /** The features of a video's frames at 0, {@code step}, 2 {@code step} and so on. */
    public List<Moment> every(Path video, Duration step) throws IOException {
        List<Moment> moments = new ArrayList<>();
        every(video, step, moments::add);
        return moments;
    }

    /**
     * The same for long videos, handed on as they come, in the order of their times.
     *
     * @throws IOException if the video cannot be read; some moments may have been handed on
     * @throws IllegalArgumentException if the step is not positive
     */
    public void every(Path video, Duration step, Consumer<Moment> to) throws IOException {
        VideoFrames.every(this, video, step, to);
    }

    /**
     * A frame's features.
     *
     * @param seconds from the video's start
     * @param features [D]
     */
    public record Moment(double seconds, float[] features) {}

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
        List<Image> all = List.copyOf(images); // no foreign code runs while the device waits
        return pictures.rows(all::get, all.size());
    }

    /**
     * The same into memory of the caller's.
     *
     * @param features [n, D], written from index 0 on
     * @throws IllegalArgumentException if the buffer is read-only or ends before its last value
     */
    public void embed(List<Image> images, FloatBuffer features) {
        List<Image> all = List.copyOf(images);
        new ExtractedTokens(features, null, null).require(all.size(), width(), patches());
        pictures.inParts(
                all::get,
                all.size(),
                (start, count, output) -> features.put(start * width(), output, 0, count * width()));
    }

    /**
     * The features of pictures in native memory or an array, of 8 bits a channel, which are resized and normalised as files are.
     *
     * @param pixels from index 0 on, whatever the position
     * @return [n][D]
     * @throws IllegalArgumentException if the buffer ends before the last picture does
     */
    public float[][] embed(ByteBuffer pixels, PixelLayout layout) {
        if (pixels.limit() < layout.bytes()) {
            throw new IllegalArgumentException("The pictures " + layout + " take " + layout.bytes()
                    + " bytes, and the buffer's limit is " + pixels.limit());
        }
        return pictures.rows(i -> layout.image(pixels, i), layout.count());
    }

    /**
     * The same for memory that is known by its address alone, as LWJGL's memAddress gives it. Beyond a null address and the layout's sizes nothing
     * can be checked: memory that is shorter or was freed crashes the JVM.
     */
    public float[][] embed(long pixels, PixelLayout layout) {
        PixelLayout one = layout.single();
        HostMemory.bytes(pixels, layout.count() == 0 ? 0 : one.bytes()); // null is found before any work
        return pictures.rows(
                i -> one.image(HostMemory.bytes(pixels + i * layout.imageStride(), one.bytes()), 0), layout.count());
    }

    /** All that the encoder says of an image: pooled features, class token, and the tokens of its patches. */
    public ImageTokens tokens(Image image) {
        return pictures.tokens(image);
    }

    /**
     * The batch form, which allocates nothing on the Java heap, unless it has to wait for another thread. Buffers may be direct or on the heap, and of
     * either byte order; direct ones in native order are the fastest. Those of a MemorySegment (Java 22 and newer) are given as
     * {@code segment.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer()}: a segment whose arena is closed, or of another thread, is refused.
     *
     * @param images normalised, [count, C, H, W], from index 0 on, whatever the position
     * @param features [count, D], written from index 0 on
     * @param count at least 0
     * @throws IllegalArgumentException if the count is negative, a buffer ends before its last value, or the features' buffer is read-only
     * @throws IllegalStateException if the encoder or its device is closed
     */
    public void embed(FloatBuffer images, FloatBuffer features, int count) {
        FeatureExtractor context = contexts.take();
        try {
            context.extract(images, features, count);
        } finally {
            contexts.giveBack(context);
        }
    }

    /** The same for class and patch tokens beside the pooled features, or without them. */
    public void extract(FloatBuffer images, ExtractedTokens to, int count) {
        FeatureExtractor context = contexts.take();
        try {
            context.extract(images, to, count);
        } finally {
            contexts.giveBack(context);
        }
    }

    /**
     * The batch form for memory that is known by its address alone. Beyond null addresses and the count nothing can be checked: memory that is
     * shorter or was freed crashes the JVM.
     *
     * @param images normalised floats [count, C, H, W], at a multiple of 4
     * @param features [count, D], at a multiple of 4
     */
    public void embed(long images, long features, int count) {
        if (count < 0) {
            throw new IllegalArgumentException("The number of images must be 0 or more, not " + count);
        }
        embed(
                HostMemory.floats(images, (long) count * settings.viewSize()),
                HostMemory.floats(features, (long) count * width()),
                count);
    }

    /** A front for servers, whose requests of single images are put together to batches, to be changed before it is started. */
    public BatchingOptions batching() {
        return BatchingOptions.of(this);
    }

    /**
     * The same, started.
     *
     * @param most images of a batch; more than the encoder runs at once are done in parts
     * @param delay for how long the first image of a batch waits for others
     * @throws IllegalArgumentException unless there is at least one image, and the delay is 0 or more
     */
    public BatchingEncoder batching(int most, Duration delay) {
        return batching()
                .most(most)
                .queue(Math.multiplyExact(BatchingOptions.QUEUED_BATCHES, most))
                .delay(delay)
                .start();
    }

    /** Writes a picture's view, [C, H, W], as the encoder takes it. */
    void view(Image image, FloatBuffer to) {
        pictures.view(image, to);
    }

    /** Frees the encoder's memory, once calls in progress in other threads are done. Closing it again does nothing. */
    @Override
    public void close() {
        contexts.close();
    }
}
