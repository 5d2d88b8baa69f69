package io.github.vicmae.report;

import java.util.List;
import java.util.function.ToDoubleBiFunction;

/**
 * What the charts of a comparison are drawn against.
 *
 * @param id its name in the page's style
 * @param label what it shows, with its unit
 * @param place where a run was at the end of a step, NaN where that is not known
 */
record XAxis(String id, String label, ToDoubleBiFunction<ComparedRun, Double> place) {
    private static final double LONGEST_IN_SMALLER_UNIT = 180;

    /** The step, the time in a unit that suits the longest run, and the samples seen. */
    static List<XAxis> of(List<ComparedRun> runs) {
        double longest = runs.stream()
                .mapToDouble(run -> run.seconds(run.metrics().lastStep()))
                .filter(Double::isFinite)
                .max()
                .orElse(0);
        String unit = longest <= LONGEST_IN_SMALLER_UNIT
                ? "seconds"
                : longest <= 60 * LONGEST_IN_SMALLER_UNIT ? "minutes" : "hours";
        double length = unit.equals("seconds") ? 1 : unit.equals("minutes") ? 60 : 3600;
        return List.of(
                new XAxis("step", "step", (run, step) -> step),
                new XAxis("time", unit + " of training", (run, step) -> run.seconds(step) / length),
                new XAxis("samples", "samples seen", ComparedRun::samples));
    }

    double[] places(ComparedRun run, double[] steps) {
        double[] places = new double[steps.length];
        for (int i = 0; i < steps.length; i++) {
            places[i] = place.applyAsDouble(run, steps[i]);
        }
        return places;
    }
}
