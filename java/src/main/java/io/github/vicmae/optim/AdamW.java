package io.github.vicmae.optim;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.GradientNorm;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.layer.Parameters;
import java.nio.FloatBuffer;

/**
 * AdamW (Loshchilov and Hutter 2019) over a model's flat buffers, in torch's order: decay, moments, step. The gradient's norm is computed, and
 * clipped if wanted, on the device.
 */
public final class AdamW implements AutoCloseable {
    /**
     * @param beta1 decay of the mean
     * @param beta2 decay of the mean square
     * @param eps added to the root
     * @param weightDecay on parameters of more than one dimension that are no biases
     * @param clipNorm the largest gradient norm that is not scaled down; 0 for no clipping
     */
    public record Settings(double beta1, double beta2, double eps, double weightDecay, double clipNorm) {
        /** The paper's: betas 0.9 and 0.95, weight decay 0.05, no clipping. */
        public static final Settings DEFAULT = new Settings(0.9, 0.95, 1e-8, 0.05, 0);

        public Settings {
            require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "AdamW's betas must lie in [0, 1)");
            require(eps > 0, "AdamW's eps must be positive");
            require(weightDecay >= 0, "The weight decay must not be negative");
            require(clipNorm >= 0, "The clipping norm must not be negative; 0 switches clipping off");
        }

        private static void require(boolean holds, String message) {
            if (!holds) {
                throw new IllegalArgumentException(message);
            }
        }
    }

    private static final int SCALARS = 8;

    private final Kernels kernels;
    private final Parameters parameters;
    private final Settings settings;
    private final Arena arena = new Arena("optimizer");
    private final Tensor scalars;
    private final Tensor clip;
    private final Tensor scratch;
    private HostBuffer scalarsHost;
    private HostBuffer clipHost;
    private long steps;

    /**
     * Takes the little memory that the update needs besides the parameters'.
     *
     * @throws io.github.vicmae.device.DeviceException if the device has not that much
     */
    public AdamW(Kernels kernels, Parameters parameters, Settings settings) {
        this.kernels = kernels;
        this.parameters = parameters;
        this.settings = settings;
        Stream stream = kernels.stream();
        scalars = arena.floats("AdamW's scalars", SCALARS);
        clip = arena.floats("gradient norm", 2);
        scratch = arena.floats("gradient norm's scratch", Math.toIntExact(GradientNorm.scratchSize(stream)));
        try {
            arena.allocate(stream.device());
            scalarsHost = stream.device().hostBuffer(scalars.bytes());
            clipHost = stream.device().hostBuffer(clip.bytes());
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** Updates so far. */
    public long steps() {
        return steps;
    }

    /** Sets the number of updates, when a run is resumed. */
    public void setSteps(long done) {
        steps = done;
    }

    /**
     * Updates every parameter from its gradient and clears the gradients.
     *
     * @return false, and no parameter is touched, if the gradients' norm is not finite
     */
    public boolean step(double learningRate) {
        Stream stream = kernels.stream();
        kernels.gradientNorm().compute(clip, parameters.gradients(), (float) settings.clipNorm(), scratch);
        stream.download(clipHost, 0, clip);
        stream.synchronize();
        if (!Float.isFinite(gradientNorm())) {
            return false;
        }
        steps++;
        FloatBuffer s = scalarsHost.floats();
        s.put(0, (float) learningRate);
        s.put(1, (float) settings.beta1());
        s.put(2, (float) settings.beta2());
        s.put(3, (float) settings.eps());
        s.put(4, (float) settings.weightDecay());
        s.put(5, (float) (1 - Math.pow(settings.beta1(), steps)));
        s.put(6, (float) (1 - Math.pow(settings.beta2(), steps)));
        s.put(7, 0);
        stream.upload(scalars, scalarsHost, 0);
        kernels.adamW()
                .step(
                        parameters.values(),
                        parameters.rounded(),
                        parameters.gradients(),
                        parameters.firstMoments(),
                        parameters.secondMoments(),
                        parameters.decayed(),
                        scalars,
                        clip);
        stream.zero(parameters.gradients());
        stream.synchronize();
        return true;
    }

    /** The 2-norm of all gradients together at the last step, before clipping. */
    public float gradientNorm() {
        return clipHost.floats().get(0);
    }

    @Override
    public void close() {
        Closing.all(this::waitForCopies, scalarsHost, clipHost, arena);
    }

    /** A host buffer must outlive the copies that were given to the stream. */
    private void waitForCopies() {
        Stream stream = kernels.stream();
        if (!stream.isClosed() && !stream.device().isLost()) {
            stream.synchronize();
        }
    }
}
