package io.github.vicmae.kernel.oracle;

/** A contrastive loss of rows and columns from its definition in double precision, with its gradient. */
public interface ContrastiveOracle {
    /**
     * The loss.
     *
     * @param rows [R, D]
     * @param columns [K, D]; the same array where rows are columns
     */
    double loss(double[] rows, double[] columns);

    /**
     * Adds weight times the gradients of the loss; those of both sides to one array where rows are columns.
     *
     * @param drows [R, D]
     * @param dcolumns [K, D]; {@code drows} where rows are columns
     * @return the 2-norms of the terms that were added up for {@code drows} and {@code dcolumns}: where they all but cancel, a result in floats is
     *     held against these
     */
    double[] backward(double[] drows, double[] dcolumns, double[] rows, double[] columns, double weight);
}
