package io.github.vicmae.layer;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Precision;
import io.github.vicmae.device.Tensor;

/**
 * Linear, BatchNorm, ReLU, Linear, BatchNorm, ReLU, Linear. The rows come in groups (one for each view); BatchNorm's statistics are of one
 * group, and the running ones move once for each, as if the head had been called once per group.
 */
public final class ProjectionHead {
    private static final float EPS = 1e-5f;
    private static final float MOMENTUM = 0.1f;

    /** Linear, BatchNorm and ReLU with what they keep. */
    private final class Stage {
        private final Linear linear;
        private final Parameter gamma;
        private final Parameter beta;
        private final Parameter runningMean;
        private final Parameter runningVar;
        private final Tensor linearOut;
        private final Tensor out;
        private final Tensor mean;
        private final Tensor rstd;

        Stage(String name, int linearIndex, int in) {
            Parameters p = context.parameters();
            String norm = name + "." + (linearIndex + 1);
            linear = new Linear(context, name + "." + linearIndex, in, hidden, groups * rows);
            gamma = p.trained(norm + ".weight", new Init.Constant(1), hidden);
            beta = p.trained(norm + ".bias", new Init.Constant(0), hidden);
            runningMean = p.buffer(norm + ".running_mean", new Init.Constant(0), hidden);
            runningVar = p.buffer(norm + ".running_var", new Init.Constant(1), hidden);
            Arena arena = context.activations();
            linearOut = context.activation(name + "." + linearIndex, groups * rows, hidden);
            out = context.activation(norm, groups * rows, hidden);
            mean = arena.floats(norm + ".mean", groups, hidden);
            rstd = arena.floats(norm + ".rstd", groups, hidden);
        }

        void forward(Tensor x, boolean countsBatch) {
            linear.forward(linearOut, x);
            context.kernels()
                    .batchNorm()
                    .forward(
                            out,
                            mean,
                            rstd,
                            runningMean.value(),
                            runningVar.value(),
                            linearOut,
                            gamma.value(),
                            beta.value(),
                            groups,
                            rows,
                            hidden,
                            EPS,
                            countsBatch ? MOMENTUM : 0,
                            true);
        }

        /** dout is overwritten by the gradient with respect to the linear map's output. */
        void backward(Tensor dx, Tensor dout, Tensor x, boolean accumulate) {
            context.kernels()
                    .batchNorm()
                    .backward(
                            dout,
                            gamma.gradient(),
                            beta.gradient(),
                            dout,
                            out,
                            linearOut,
                            gamma.value(),
                            mean,
                            rstd,
                            groups,
                            rows,
                            hidden,
                            true);
            // The bias has no gradient: BatchNorm takes away whatever it adds. Summing it up would only give AdamW
            // rounding errors to follow.
            linear.backwardWeight(dout, x);
            linear.backwardInput(dx, dout, accumulate);
        }
    }

    private final Context context;
    private final int groups;
    private final int rows;
    private final int hidden;
    private final Stage first;
    private final Stage second;
    private final Linear last;
    private final Tensor out;
    /** The gradient of the output as the products read it; null in fp32. */
    private final Tensor dout;

    private final Tensor dhidden1;
    private final Tensor dhidden2;

    /**
     * @param name the published name: projector, predictor or target
     * @param groups number of views
     * @param rows rows of each, at least 2
     */
    public ProjectionHead(Context context, String name, int groups, int rows, int in, int hidden, int outWidth) {
        this.context = context;
        this.groups = groups;
        this.rows = rows;
        this.hidden = hidden;
        first = new Stage(name, 0, in);
        second = new Stage(name, 3, hidden);
        last = new Linear(context, name + ".6", hidden, outWidth, groups * rows);
        out = context.activations().floats(name, groups * rows, outWidth);
        dout = context.precision() == Precision.FP32
                ? null
                : context.activation("d " + name + " rounded", groups * rows, outWidth);
        dhidden1 = context.activation("d " + name + " hidden 1", groups * rows, hidden);
        dhidden2 = context.activation("d " + name + " hidden 2", groups * rows, hidden);
    }

    /** [groups * rows, out] of the last forward pass, floats. */
    public Tensor output() {
        return out;
    }

    /** Runs the head on x [groups * rows, in]. */
    public void forward(Tensor x) {
        forward(x, true);
    }

    /** The same, where the running statistics stay as they are unless {@code countsBatch}: for a batch that is run again. */
    public void forward(Tensor x, boolean countsBatch) {
        first.forward(x, countsBatch);
        second.forward(first.out, countsBatch);
        last.forward(out, second.out);
    }

    /** dx = (or += if {@code accumulate}) the gradient with respect to x; gradient is that of the output, floats like dx. */
    public void backward(Tensor dx, Tensor gradient, Tensor x, boolean accumulate) {
        Tensor dy = gradient;
        if (dout != null) {
            context.kernels().pointwise().convert(dout, gradient);
            dy = dout;
        }
        last.backwardParameters(dy, second.out);
        last.backwardInput(dhidden2, dy, false);
        second.backward(dhidden1, dhidden2, first.out, false);
        first.backward(dx, dhidden1, x, accumulate);
    }
}
