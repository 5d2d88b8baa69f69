package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.kernel.patch.PositionKernels;
import io.github.vicmae.kernel.patch.PositionTables;

/** The positions that are added to a grid's tokens: fixed tables, or trained parameters. */
public final class Positions {
    /** A kind of positions, such as {@code Positions::sinCos}. */
    @FunctionalInterface
    public interface Kind {
        /**
         * Declares the positions of a grid's tokens.
         *
         * @param name the tables' published name, as in {@code pos_embed}
         * @param width of a token
         */
        Positions declare(Context context, String name, PatchGrid grid, int width);
    }

    private final Context context;
    private final PatchGrid grid;
    private final int width;
    private final Parameter space;
    private final Parameter time;
    private final Parameter classToken;
    private PositionTables values;
    private PositionTables gradients;

    private Positions(
            Context context, PatchGrid grid, int width, Parameter space, Parameter time, Parameter classToken) {
        this.context = context;
        this.grid = grid;
        this.width = width;
        this.space = space;
        this.time = time;
        this.classToken = classToken;
        if (context.training() && space.isTrained()) {
            context.scratch().need(PositionKernels.scratchSize(grid, width));
        }
    }

    /**
     * MAE's fixed 2-D table, [1, grid.tokens(), width]: see {@link SinCos#table}. The class token's row, if there is one, is 0.
     *
     * @throws IllegalArgumentException if the grid has several times, which such a table does not tell apart
     */
    public static Positions sinCos(Context context, String name, PatchGrid grid, int width) {
        if (grid.times() != 1) {
            throw new IllegalArgumentException(
                    "2-D positions do not tell the " + grid.times() + " times of " + grid + " apart");
        }
        Init init = new Init.Table(SinCos.table(width, grid.rows(), grid.columns(), grid.classToken()));
        Parameter table = context.parameters().buffer(name, init, 1, grid.tokens(), width);
        return new Positions(context, grid, width, table, null, null);
    }

    /**
     * The fixed 1-D table of OmniMAE (Girdhar et al. 2023), [1, patches of the longest clip, width]; an image takes the first frame's rows.
     *
     * @param longest the grid of the longest clip, of as many patches a frame
     * @throws IllegalArgumentException if there is a class token, which has no row, or the longest clip is shorter than the grid's
     */
    public static Positions sinusoid(Context context, String name, PatchGrid grid, PatchGrid longest, int width) {
        if (grid.classToken() || longest.places() != grid.places() || longest.times() < grid.times()) {
            throw new IllegalArgumentException("The positions of " + longest + " do not suit the tokens of " + grid);
        }
        Init init = new Init.Table(SinCos.line(width, longest.patches()));
        Parameter table = context.parameters().buffer(name, init, 1, longest.patches(), width);
        return new Positions(context, grid, width, table, null, null);
    }

    /**
     * Learned in space and in time, each from a normal distribution of deviation 0.02 (Feichtenhofer et al. 2022): {@code NAME_spatial [1,
     * places, width]}, {@code NAME_temporal [1, times, width]} and, with a class token, {@code NAME_class [1, 1, width]}.
     */
    public static Positions learned(Context context, String name, PatchGrid grid, int width) {
        Parameters p = context.parameters();
        Init init = new Init.Normal(0.02);
        return new Positions(
                context,
                grid,
                width,
                p.trained(name + "_spatial", init, 1, grid.places(), width),
                p.trained(name + "_temporal", init, 1, grid.times(), width),
                grid.classToken() ? p.trained(name + "_class", init, 1, 1, width) : null);
    }

    /**
     * MAE's table as it is trained in fine-tuning: {@code NAME [1, 1 + places, width]} from the 2-D table and, where there are several times,
     * {@code NAME_temporal [1, times, width]} from 0.
     */
    public static Positions tuned(Context context, String name, PatchGrid grid, int width) {
        Parameters p = context.parameters();
        Init init = new Init.Table(SinCos.table(width, grid.rows(), grid.columns(), grid.classToken()));
        Parameter table = p.trained(name, init, 1, grid.classTokens() + grid.places(), width);
        Parameter time =
                grid.times() == 1 ? null : p.trained(name + "_temporal", new Init.Constant(0), 1, grid.times(), width);
        return new Positions(context, grid, width, table, time, null);
    }

    /** The tables, on the device. */
    PositionTables values() {
        if (values == null) {
            values = new PositionTables(space.value(), value(time), value(classToken));
        }
        return values;
    }

    private static Tensor value(Parameter p) {
        return p == null ? null : p.value();
    }

    /**
     * Adds the gradients, if the positions are trained.
     *
     * @param dtokens [samples, grid.tokens(kept), width]
     * @param restore [samples, patches], or null if all patches are kept
     */
    void backward(Tensor dtokens, Tensor restore, int samples, int kept) {
        if (!space.isTrained()) {
            return;
        }
        if (gradients == null) {
            gradients = new PositionTables(space.gradient(), gradient(time), gradient(classToken));
        }
        Tensor scratch = context.scratch().tensor();
        context.kernels().positions().backward(gradients, dtokens, restore, grid, samples, kept, width, scratch);
    }

    private static Tensor gradient(Parameter p) {
        return p == null ? null : p.gradient();
    }
}
