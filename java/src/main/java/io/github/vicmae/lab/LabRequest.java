package io.github.vicmae.lab;

import java.nio.file.Path;

/**
 * One stage of the lab, as its own process receives it.
 *
 * @param settings the lab's, with an absolute path to the loss
 * @param device where the stage runs; on the emulated one under every schedule
 * @param results the file that receives the {@link LabFindings}
 * @param peer the emulated device's findings, which the results are compared with where there is no oracle; null for none
 */
record LabRequest(Stage stage, LabSettings settings, String device, Path results, Path peer) {
    enum Stage {
        /** On the emulated device: races, bounds, reads of unwritten memory. */
        SAFETY,
        /** On a device as it is used: the results. */
        CHECK,
        /** Beside the built-in losses. */
        TIME
    }
}
