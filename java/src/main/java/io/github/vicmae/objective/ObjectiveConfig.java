package io.github.vicmae.objective;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.annotation.JsonTypeIdResolver;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.StepValues;
import io.github.vicmae.model.TrunkConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.Forms;
import java.util.List;

/** What an encoder and a decoder are trained for: a method's settings, one record each. */
@JsonTypeInfo(use = JsonTypeInfo.Id.CUSTOM, property = "method")
@JsonTypeIdResolver(Methods.Resolver.class)
@Forms(Methods.Records.class)
public interface ObjectiveConfig {
    /** The method's name, as {@code --method} takes it. */
    String method();

    /** How the trained encoder's tokens become one feature vector. */
    default Pooling pooling() {
        return Pooling.MEAN;
    }

    /**
     * The batches of views that a step encodes.
     *
     * @param batch samples of a step
     * @throws IllegalArgumentException if a batch leaves no patch visible
     */
    List<ViewBatch> batches(TrunkConfig trunk, int batch);

    /** What a step needs besides its views. */
    default List<StepValues> values(TrunkConfig trunk, int batch) {
        return List.of();
    }

    /** The decay of the moving average of the weights that is kept beside them and saved as the model; 0 for none. */
    default double averageDecay() {
        return 0;
    }

    /** How the samples of a batch become views. */
    ViewSettings viewSettings(TrunkConfig trunk, int batch);

    /** The method in a message, after "the": {@code method NAME}, and what its settings add to that. */
    default String described() {
        return "method " + method();
    }

    /** The samples that a batch takes; null for images and videos alike. */
    default Kind kind(TrunkConfig trunk, int batch) {
        return null;
    }

    /** Whether the views of a video are drawn at a distance from each other; if not, each is drawn from the whole video. */
    default boolean hasDistantViews() {
        return false;
    }

    /**
     * The places in a video from which the views of a batch are taken.
     *
     * @param windowSeconds the window of {@linkplain #hasDistantViews distant views}
     * @param distance of these in frames, or {@link FrameSampler#DISTANT}
     */
    default FrameSampler places(TrunkConfig trunk, int batch, double windowSeconds, int distance) {
        int views = viewSettings(trunk, batch).views();
        return hasDistantViews() ? new FrameSampler(views, windowSeconds, distance) : FrameSampler.anywhere(views);
    }

    /** Whether the model has a decoder. */
    default boolean hasDecoder() {
        return Methods.named(method()).hasDecoder();
    }

    /** The losses' names, in the order of their weights, a reconstruction loss for each batch first; metrics have them under these. */
    default String[] losses() {
        return new String[] {Losses.RECONSTRUCTION};
    }

    /** Values of the losses behind the reconstruction losses. */
    default int lossValues() {
        return 0;
    }

    /** Whether samples of a step are each other's negatives, so that it matters which ones run together. */
    default boolean hasNegatives() {
        return false;
    }

    /**
     * The losses' weights in the sum whose gradient a step takes.
     *
     * @param step from 0
     * @param total steps of the run
     */
    default double[] weights(long step, long total) {
        return new double[] {1};
    }

    /**
     * @throws IllegalArgumentException if a step of so many samples is too small
     */
    default void requireBatch(int batch) {
        if (batch < 1) {
            throw new IllegalArgumentException("A batch has at least 1 sample, not " + batch);
        }
    }

    /** Multiply-adds, each counted as two operations, of what comes on top of encoder and decoder, forward, for one view. */
    default double headFlop(TrunkConfig trunk) {
        return 0;
    }

    /** Declares the method's layers. */
    Objective on(Workspace workspace, ModelConfig config);

    /**
     * Patches that stay visible, {@code int(L * (1 - maskRatio))}.
     *
     * @throws IllegalArgumentException if there are none
     */
    static int kept(PatchGrid grid, double maskRatio) {
        return kept(grid, maskRatio, (long) (grid.patches() * (1 - maskRatio)));
    }

    /** The same number, checked. */
    static int kept(PatchGrid grid, double maskRatio, long kept) {
        if (kept < 1) {
            throw new IllegalArgumentException("A mask ratio of " + maskRatio + " leaves none of the " + grid.patches()
                    + " patches visible; use a smaller ratio");
        }
        return (int) kept;
    }

    /** The one batch of a method that takes views of the trunk's grid. */
    static List<ViewBatch> single(TrunkConfig trunk, int views, int batch, double maskRatio) {
        return single(trunk, views, 0, batch, maskRatio);
    }

    /** The same with so many of the views that are not reconstructed. */
    static List<ViewBatch> single(TrunkConfig trunk, int views, int extra, int batch, double maskRatio) {
        PatchGrid grid = trunk.grid();
        int kept = kept(grid, maskRatio);
        return List.of(new ViewBatch("", grid, trunk.frames(), trunk.channels(), views, extra, batch, kept));
    }
}
