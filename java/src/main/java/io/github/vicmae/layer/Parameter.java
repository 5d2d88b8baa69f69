package io.github.vicmae.layer;

import io.github.vicmae.device.Tensor;

/** A named part of the model's state: a trained parameter, or a buffer (no gradient) such as a running mean. */
public final class Parameter {
    private final String name;
    private final int[] shape;
    private final Init init;
    private final boolean trained;
    ParameterGroup group = ParameterGroup.TRAINED;
    Tensor value;
    Tensor rounded;
    /** Null where products gain nothing by it, and where weights change. */
    Tensor packed;
    /** Rows of the weight as products read it, [factorRows, size / factorRows]; 0 if none reads it without a backward pass to come. */
    int factorRows;

    Tensor gradient;
    Tensor firstMoment;
    Tensor secondMoment;
    Tensor average;

    Parameter(String name, Init init, boolean trained, int... shape) {
        this.name = name;
        this.init = init;
        this.trained = trained;
        this.shape = shape.clone();
    }

    /** The name in the published state dict. */
    public String name() {
        return name;
    }

    /** The shape in the published state dict. */
    public int[] shape() {
        return shape.clone();
    }

    public int size() {
        int size = 1;
        for (int d : shape) {
            size = Math.multiplyExact(size, d);
        }
        return size;
    }

    Init init() {
        return init;
    }

    public boolean isTrained() {
        return trained;
    }

    /** Whether AdamW's weight decay usually applies: more than one dimension, and not a bias. A {@link ParameterGroup} may exempt it. */
    public boolean isDecayed() {
        return trained && shape.length > 1 && !name.endsWith(".bias");
    }

    public Tensor value() {
        return value;
    }

    /** What products read: the value, or in bfloat16 its rounded copy. */
    Tensor factor() {
        return rounded == null ? value : rounded;
    }

    /** What a product is given in place of {@link #factor}, if it can take it; or null. */
    Tensor packed() {
        return packed;
    }

    /** The gradient, accumulated into by backward passes; null when the model was made for inference. */
    public Tensor gradient() {
        return gradient;
    }

    /** AdamW's running mean of the gradient. */
    public Tensor firstMoment() {
        return firstMoment;
    }

    /** The moving average of the value; null without one. */
    public Tensor average() {
        return average;
    }

    /** AdamW's running mean of the squared gradient. */
    public Tensor secondMoment() {
        return secondMoment;
    }
}
