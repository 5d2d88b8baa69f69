package io.github.vicmae.model;

import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.Positions;
import java.util.Locale;

/** The positions that are added to tokens. */
public enum PositionKind {
    /** A fixed table in two dimensions (He et al. 2022). */
    SINCOS,
    /** That table, trained, and where views have several times a trained one in time, which begins at zero: for fine-tuning. */
    TUNED,
    /** Trained, in space and in time (Feichtenhofer et al. 2022). */
    LEARNED,
    /** One fixed sinusoid over all patches of a clip; an image takes those of the clip's first patches in time (Girdhar et al. 2023). */
    SINUSOID;

    /**
     * How layers declare positions of this kind.
     *
     * @param longest the grid of the longest views
     */
    Positions.Kind over(PatchGrid longest) {
        return switch (this) {
            case SINCOS -> Positions::sinCos;
            case TUNED -> Positions::tuned;
            case LEARNED -> Positions::learned;
            case SINUSOID -> (context, name, grid, width) -> Positions.sinusoid(context, name, grid, longest, width);
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
