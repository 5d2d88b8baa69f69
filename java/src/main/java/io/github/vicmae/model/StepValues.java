package io.github.vicmae.model;

import java.util.List;

/**
 * Floats that a step needs besides its views, such as targets.
 *
 * @param name what they are called in messages
 * @param shape of the tensor
 */
public record StepValues(String name, List<Integer> shape) {
    public StepValues {
        shape = List.copyOf(shape);
    }

    public StepValues(String name, Integer... shape) {
        this(name, List.of(shape));
    }

    int[] dims() {
        return shape.stream().mapToInt(Integer::intValue).toArray();
    }
}
