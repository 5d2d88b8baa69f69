package io.github.vicmae.spark;

import java.io.Serializable;
import java.util.function.Consumer;

/**
 * What every task has to know.
 *
 * @param model path of the weights
 * @param fingerprint SHA-256 of that file, which an executor's file must have too
 * @param classToken whether rows are class tokens, not pooled ones
 * @param frames of a video, whose mean is its row
 * @param every seconds between the rows of a video; 0 for one row, the mean
 * @param isNormalized whether every vector is divided by its length
 * @param batch views that are computed at once
 * @param heads attention heads of an encoder of no standard width, else 0
 * @param device a device's name; auto takes the card that Spark has assigned
 */
record EmbedSettings(
        String model,
        String fingerprint,
        boolean classToken,
        int frames,
        double every,
        boolean isNormalized,
        int batch,
        int heads,
        String device)
        implements Serializable {

    /** The settings while some of them change. */
    static final class Draft {
        boolean classToken;
        int frames;
        double every;
        boolean isNormalized;
        int batch;
        int heads;
        String device;
    }

    /** The same with changes. */
    EmbedSettings with(Consumer<Draft> change) {
        Draft draft = new Draft();
        draft.classToken = classToken;
        draft.frames = frames;
        draft.every = every;
        draft.isNormalized = isNormalized;
        draft.batch = batch;
        draft.heads = heads;
        draft.device = device;
        change.accept(draft);
        return new EmbedSettings(
                model,
                fingerprint,
                draft.classToken,
                draft.frames,
                draft.every,
                draft.isNormalized,
                draft.batch,
                draft.heads,
                draft.device);
    }
}
