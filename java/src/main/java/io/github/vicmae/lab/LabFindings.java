package io.github.vicmae.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * What a stage found.
 *
 * @param device its description
 * @param deviations of results from the expected values
 * @param timings beside the built-in losses
 * @param finding what the emulated device found wrong; null if nothing
 * @param error why the stage could not start or finish; null if it finished
 * @param failure an error of the lab itself, which says nothing about the loss; null if there was none
 * @param samples results of the problems, in their order, for a later stage to compare with
 */
record LabFindings(
        String device,
        List<Deviation> deviations,
        List<LossTiming> timings,
        String finding,
        String error,
        String failure,
        List<LossResult> samples) {
    static LabFindings error(String message) {
        return new LabFindings("", List.of(), List.of(), null, message, null, List.of());
    }

    static LabFindings failure(String message) {
        return new LabFindings("", List.of(), List.of(), null, null, message, List.of());
    }

    static LabFindings finding(String device, String message) {
        return new LabFindings(device, List.of(), List.of(), message, null, null, List.of());
    }

    static LabFindings checked(String device, List<Deviation> deviations, List<LossResult> samples) {
        return new LabFindings(
                device, new ArrayList<>(deviations), List.of(), null, null, null, new ArrayList<>(samples));
    }

    static LabFindings timed(String device, List<LossTiming> timings, List<Deviation> deviations) {
        return new LabFindings(
                device, new ArrayList<>(deviations), new ArrayList<>(timings), null, null, null, List.of());
    }

    /** The same for a stage that ended early. */
    LabFindings brokenOff(String message) {
        return new LabFindings(device, deviations, timings, finding, message, failure, samples);
    }
}
