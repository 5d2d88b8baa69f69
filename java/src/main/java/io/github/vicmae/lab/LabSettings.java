package io.github.vicmae.lab;

import java.nio.file.Path;
import java.util.List;

/**
 * Settings of the lab.
 *
 * @param file the user's loss
 * @param like the built-in loss whose oracle it is compared with; null for none
 * @param forms the forms in which it is checked
 * @param device {@code cpu}, or a card where it is checked and timed besides the CPU
 * @param temperature the temperature of the loss
 * @param sizes the numbers of rows at which it is timed; empty for no timing
 * @param width the width at which it is timed
 * @param limitSeconds the time limit of each stage
 * @param ptx whether it is also compiled for cards, where nvcc is installed
 * @param out the folder of results
 */
public record LabSettings(
        Path file,
        String like,
        List<Form> forms,
        String device,
        float temperature,
        List<Integer> sizes,
        int width,
        int limitSeconds,
        boolean ptx,
        Path out) {
    /**
     * @throws IllegalArgumentException if a number is out of range
     */
    public LabSettings {
        forms = List.copyOf(forms);
        sizes = List.copyOf(sizes);
        for (int size : sizes) {
            if (size < 4 || size % 2 != 0) {
                throw new IllegalArgumentException(
                        "A loss is timed with an even number of rows, at least 4, not " + size);
            }
        }
        if (!(temperature > 0) || Float.isInfinite(temperature)) {
            throw new IllegalArgumentException("The temperature must be above 0, not " + temperature);
        }
        if (width < 1 || limitSeconds < 1) {
            throw new IllegalArgumentException(
                    "The width and the time limit must be at least 1, not " + width + " and " + limitSeconds);
        }
    }

    /** The same for a process that may run in another folder. */
    LabSettings withAbsoluteFile() {
        return new LabSettings(
                file.toAbsolutePath(), like, forms, device, temperature, sizes, width, limitSeconds, ptx, out);
    }
}
