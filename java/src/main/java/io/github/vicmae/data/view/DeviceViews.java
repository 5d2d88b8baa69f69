package io.github.vicmae.data.view;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DType;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.augment.AugmentDraws;
import io.github.vicmae.kernel.augment.AugmentWorkspace;

/**
 * Makes the views of one batch at a time on a device: page-locked host memory, device memory for the uploaded crops and draws, and the
 * kernels' workspace. A step is
 *
 * <pre>{@code
 * views.load(batch.frames());    // copies to page-locked memory; the batch can be released
 * views.upload(stream);          // asynchronous
 * views.make(kernels, images);   // asynchronous; the same launches each time, so they can be captured
 * }</pre>
 *
 * <p>To upload a batch while another is in use make two, the second {@linkplain #DeviceViews(Device, ViewSettings, int, DeviceViews) with the
 * workspace of the first}, and upload on a stream of its own: there {@link #make} has to wait for {@link #upload}, and the next
 * {@link #upload} for {@link #make}, through events of the caller. {@link #load} itself waits for the upload before. {@link #upload} must not
 * be captured. For one thread at a time.
 */
public final class DeviceViews implements AutoCloseable {
    /** Frames made at once: few enough for the large caches, many enough to fill a card. */
    private static final int AT_ONCE = 128;
    /** An upload takes this fraction of the memory, or a multiple of it. */
    private static final int PIECES = 64;

    private final int views;
    private final float[] scale;
    private final float[] shift;
    private final Plan plan;
    private final AugmentWorkspace workspace;
    private final Tensor[] pieces;
    private final Event uploaded;
    private HostBuffer staging;
    private boolean underWay;
    private int usedBytes;

    /** The device memory, planned but not yet allocated. */
    private static final class Plan {
        private final Arena arena = new Arena("device views");
        private final Tensor draws;
        private final Tensor normalisation;
        private final Tensor frames;
        private final AugmentWorkspace workspace;

        Plan(ViewSettings settings, int views, AugmentWorkspace shared) {
            draws = arena.tensor("draws", DType.I32, Math.multiplyExact(views, settings.frames()), AugmentDraws.WORDS);
            normalisation = arena.floats("normalisation", 2, settings.channels());
            frames = arena.tensor("frames", DType.U8, FrameUpload.capacity(settings, views));
            workspace = shared != null
                    ? shared
                    : new AugmentWorkspace(
                            arena,
                            FrameUpload.shape(settings),
                            atOnce(settings, views),
                            settings.mayJitter(),
                            settings.mayBlur());
        }
    }

    /** Frames of whole views: as many as are made at once, and those of one view at least. */
    private static int atOnce(ViewSettings settings, int views) {
        return Math.min(views, Math.max(1, AT_ONCE / settings.frames())) * settings.frames();
    }

    /**
     * Allocates the memory for batches of {@code batch} samples.
     *
     * @throws io.github.vicmae.device.DeviceException if the device does not have enough memory
     */
    public DeviceViews(Device device, ViewSettings settings, int batch) {
        this(device, settings, Math.multiplyExact(settings.views(), batch), (AugmentWorkspace) null);
    }

    /**
     * The same, sharing the workspace of another instance with the same settings: both must make their views on one stream, and this one must
     * be closed first.
     */
    public DeviceViews(Device device, ViewSettings settings, int batch, DeviceViews sharing) {
        this(device, settings, Math.multiplyExact(settings.views(), batch), shared(settings, sharing.workspace));
    }

    private static AugmentWorkspace shared(ViewSettings settings, AugmentWorkspace workspace) {
        if (!workspace.shape().equals(FrameUpload.shape(settings))
                || settings.mayJitter() && !workspace.hasJitter()
                || settings.mayBlur() && !workspace.hasBlur()) {
            throw new IllegalArgumentException("The workspace that is to be shared was planned for other views: "
                    + workspace.shape() + ", not " + FrameUpload.shape(settings)
                    + ", or for fewer operations; share that of a DeviceViews with the same settings.");
        }
        return workspace;
    }

    private DeviceViews(Device device, ViewSettings settings, int views, AugmentWorkspace shared) {
        this.views = views;
        scale = settings.scale();
        shift = settings.shift();
        plan = new Plan(settings, views, shared);
        workspace = plan.workspace;
        uploaded = device.newEvent();
        try {
            staging = device.hostBuffer(plan.draws.bytes() + plan.normalisation.bytes() + plan.frames.bytes());
            plan.arena.allocate(device);
            pieces = pieces(plan.frames);
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** Slices that start where the tensor does, each one piece longer than the one before; made once, so that uploads create no tensors. */
    private static Tensor[] pieces(Tensor bytes) {
        long piece = Math.max(1, (bytes.size() + PIECES - 1) / PIECES);
        Tensor[] beginnings = new Tensor[Math.toIntExact((bytes.size() + piece - 1) / piece)];
        for (int i = 0; i < beginnings.length; i++) {
            int length = Math.toIntExact(Math.min(bytes.size(), (i + 1) * piece));
            beginnings[i] = bytes.slice("frames in use", 0, length);
        }
        return beginnings;
    }

    /** Device bytes that {@code count} instances with these settings take, sharing one workspace; nothing is allocated. */
    public static long plannedBytes(ViewSettings settings, int batch, int count) {
        Plan owner = new Plan(settings, Math.multiplyExact(settings.views(), batch), null);
        Plan another = new Plan(settings, Math.multiplyExact(settings.views(), batch), owner.workspace);
        return owner.arena.bytes() + (count - 1) * another.arena.bytes();
    }

    /** Device bytes in use, without a shared workspace. */
    public long bytes() {
        return plan.arena.bytes();
    }

    /** Bytes of crops and draws of the last loaded batch that are uploaded. */
    public long uploadBytes() {
        return plan.draws.bytes() + usedBytes;
    }

    /**
     * Copies the crops and draws of a batch, as {@link ViewWriter#pack} has packed them, to page-locked memory once the upload before is done;
     * the batch may be released then.
     *
     * @throws IllegalArgumentException if there is another number of views, or they were packed with other settings
     */
    public void load(FrameUpload frames) {
        if (frames.views() != views || !frames.shape().equals(workspace.shape())) {
            throw new IllegalArgumentException("Memory was planned for " + views + " views of " + workspace.shape()
                    + ", but there are " + frames.views() + " of " + frames.shape() + ".");
        }
        if (underWay) {
            uploaded.synchronize();
            underWay = false;
        }
        int normalisation = Math.toIntExact(plan.draws.bytes());
        int start = normalisation + Math.toIntExact(plan.normalisation.bytes());
        int channels = scale.length;
        for (int i = 0; i < frames.draws().capacity(); i++) {
            staging.bytes().putInt(Integer.BYTES * i, frames.draws().get(i));
        }
        for (int c = 0; c < channels; c++) {
            staging.bytes().putFloat(normalisation + Float.BYTES * c, scale[c]);
            staging.bytes().putFloat(normalisation + Float.BYTES * (channels + c), shift[c]);
        }
        usedBytes = frames.usedBytes();
        staging.bytes().put(start, frames.frames(), 0, usedBytes);
    }

    /**
     * Starts the copy of the loaded batch to the device.
     *
     * @throws IllegalStateException if nothing was loaded
     */
    public void upload(Stream stream) {
        if (usedBytes == 0) {
            throw new IllegalStateException("No batch was loaded; call load before upload.");
        }
        long start = plan.draws.bytes() + plan.normalisation.bytes();
        underWay = true;
        stream.upload(plan.draws, staging, 0);
        stream.upload(plan.normalisation, staging, plan.draws.bytes());
        stream.upload(beginning(usedBytes), staging, start);
        uploaded.record(stream);
    }

    private Tensor beginning(int bytes) {
        long piece = pieces[0].size();
        return pieces[(int) ((bytes + piece - 1) / piece) - 1];
    }

    /**
     * Makes the views of the last upload.
     *
     * @param images [V, B, C, T, H, W] or as many elements in another shape, written: normalised views as in {@link
     * io.github.vicmae.data.Batch#views()}
     */
    public void make(Kernels kernels, Tensor images) {
        kernels.augment().make(images, plan.frames, plan.draws, plan.normalisation, workspace);
    }

    /** Frees all memory; uploads and views in progress must have finished. */
    @Override
    public void close() {
        Closing.all(uploaded, staging, plan.arena);
    }
}
