package io.github.vicmae.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * What a stage found.
 *
 * @param device in words
 * @param deviations from what should be
 * @param timings beside the built-in losses
 * @param finding what the emulated device found wrong; null if nothing
 * @param error why the stage could not be done; null if it was
 * @param samples results for problems, in their order, for another stage to compare with
 */
record LabFindings(
        String device,
        List<Deviation> deviations,
        List<LossTiming> timings,
        String finding,
        String error,
        List<LossResult> samples) {
    static LabFindings error(String message) {
        return new LabFindings("", List.of(), List.of(), null, message, List.of());
    }

    static LabFindings finding(String device, String message) {
        return new LabFindings(device, List.of(), List.of(), message, null, List.of());
    }

    static LabFindings checked(String device, List<Deviation> deviations, List<LossResult> samples) {
        return new LabFindings(device, new ArrayList<>(deviations), List.of(), null, null, new ArrayList<>(samples));
    }

    static LabFindings timed(String device, List<LossTiming> timings) {
        return new LabFindings(device, List.of(), new ArrayList<>(timings), null, null, List.of());
    }
}
