package io.github.vicmae.lab;

import java.util.List;

/**
 * A stage of the lab, for a process of its own.
 *
 * @param file the user's loss
 * @param like null for none
 * @param device where the stage runs; of the emulated one all schedules
 * @param results where it writes what it found
 * @param peer what the emulated device found before, which results are held against where there is no oracle; null for none
 */
record LabRequest(
        Stage stage,
        String file,
        String like,
        List<Form> forms,
        String device,
        float temperature,
        List<Integer> sizes,
        int width,
        int limitSeconds,
        String results,
        String peer) {
    enum Stage {
        /** On the emulated device: races, bounds, reads of what nobody wrote. */
        SAFETY,
        /** On a device as it is used: the results. */
        CHECK,
        /** Beside the built-in losses. */
        TIME
    }
}
