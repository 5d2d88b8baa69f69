package io.github.vicmae.loss;

import io.github.vicmae.device.Arena;
import io.github.vicmae.kernel.Kernels;
import io.github.vicmae.kernel.oracle.ContrastiveOracle;
import io.github.vicmae.layer.Scratch;

/**
 * A contrastive loss of this library.
 *
 * @param name the name that {@code --contrast} takes
 * @param description one sentence
 * @param source the paper
 * @param kind losses of the same kind compute the same function
 * @param extraColumns whether columns beyond the rows can be used, as negatives
 * @param leastRows the fewest rows
 * @param factory creates it
 * @param oracleFactory creates its definition in double precision
 */
public record BuiltInLoss(
        String name,
        String description,
        String source,
        String kind,
        boolean extraColumns,
        int leastRows,
        Factory factory,
        OracleFactory oracleFactory)
        implements LossDefinition {
    /** Makes a loss for a shape. */
    @FunctionalInterface
    public interface Factory {
        ContrastiveLoss create(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape);
    }

    /** Makes an oracle for a shape. */
    @FunctionalInterface
    public interface OracleFactory {
        ContrastiveOracle create(ContrastiveShape shape);
    }

    @Override
    public ContrastiveLoss create(Kernels kernels, Arena arena, Scratch scratch, ContrastiveShape shape) {
        return factory.create(kernels, arena, scratch, shape);
    }

    /** The definition in double precision. */
    public ContrastiveOracle oracle(ContrastiveShape shape) {
        return oracleFactory.create(shape);
    }
}
