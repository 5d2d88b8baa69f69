package io.github.vicmae.optim;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.GradientNorm;
import io.github.vicmae.layer.ParameterPart;
import io.github.vicmae.layer.Parameters;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The 2-norms of a model's gradients, of all and of each part, from one pass over them. */
final class GradientParts {
    /** The norm and a coefficient, for all and then for each part. */
    private static final int VALUES = 2;

    private final List<Parameters.Run> runs;
    private final List<ParameterPart> parts;
    private final Tensor norms;
    private final Tensor scratch;

    /** Declares the memory. */
    GradientParts(Arena arena, Stream stream, Parameters parameters) {
        // Those of one part are neighbours in the scratch memory, whatever lies between them.
        runs = new ArrayList<>(parameters.runs());
        runs.sort(Comparator.comparing(Parameters.Run::part));
        parts = runs.stream().map(Parameters.Run::part).distinct().toList();
        norms = arena.floats("gradient norms", VALUES * (1 + parts.size()));
        scratch = arena.floats(
                "gradient norms' scratch", Math.multiplyExact(runs.size(), GradientNorm.scratchSize(stream)));
    }

    List<ParameterPart> parts() {
        return parts;
    }

    /** All norms and coefficients: [2 (1 + parts)]. */
    Tensor norms() {
        return norms;
    }

    /** Where a part's norm is among them. */
    int place(int part) {
        return VALUES * (1 + part);
    }

    /** Gives the work to the stream; the first two values are the norm of all gradients and the coefficient that clips them. */
    void enqueue(GradientNorm kernels, Tensor gradients, float clipNorm) {
        for (int i = 0; i < runs.size(); i++) {
            kernels.partialSums(
                    scratch, i, gradients, runs.get(i).first(), runs.get(i).count());
        }
        kernels.finish(norms, 0, scratch, 0, runs.size(), clipNorm);
        int first = 0;
        for (int part = 0; part < parts.size(); part++) {
            int end = first;
            while (end < runs.size() && runs.get(end).part() == parts.get(part)) {
                end++;
            }
            kernels.finish(norms, place(part), scratch, first, end - first, 0);
            first = end;
        }
    }
}
