package io.github.vicmae.report;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * One chart of the report.
 *
 * @param title what is drawn, with its unit
 * @param series the metrics with the names that the reader sees
 * @param noisy whether a moving mean helps the reader; a schedule is exact and has none
 * @param zero whether the axis begins at zero
 * @param reference a line to compare with, NaN for none
 * @param referenceName what that line stands for
 */
record Chart(
        String title, Map<String, String> series, boolean noisy, boolean zero, double reference, String referenceName) {
    private static final int MOST_POINTS = 2000;

    static Chart of(String title, String metric, boolean zero) {
        return new Chart(title, Map.of(metric, title), true, zero, Double.NaN, "");
    }

    private static Chart schedule(String title, String metric) {
        return new Chart(title, Map.of(metric, title), false, true, Double.NaN, "");
    }

    /** The charts of the losses, of which less is better. */
    static List<Chart> losses() {
        return List.of(
                of("Total loss", "loss", false),
                of("Reconstruction loss", "reconstruction", false),
                of("Reconstruction loss of images", "image_reconstruction", false),
                of("Reconstruction loss of clips", "clip_reconstruction", false),
                of("Contrastive loss", "contrastive", false));
    }

    /** The charts of the quantities that steer the losses. */
    private static List<Chart> steering() {
        Map<String, String> parts = new LinkedHashMap<>();
        for (String part : new String[] {"embedding", "encoder", "decoder", "heads"}) {
            parts.put("gradient_norm_" + part, part);
        }
        return List.of(
                schedule("Contrastive weight \u03bb", "lambda"),
                schedule("Learning rate", "learning_rate"),
                of("Gradient norm", "gradient_norm", true),
                new Chart("Gradient norm of the parts", parts, true, true, Double.NaN, ""));
    }

    /**
     * The chart of the encoder's accuracy.
     *
     * @param untrained that of an untrained encoder, NaN if there is none to compare with
     */
    static List<Chart> accuracy(double untrained) {
        return List.of(
                of("Top-1 accuracy on test samples", MetricLog.TEST_ACCURACY, false),
                new Chart(
                        "k-NN accuracy",
                        Map.of(MetricLog.KNN, "k-NN accuracy"),
                        false,
                        true,
                        untrained,
                        Double.isNaN(untrained) ? "" : "untrained"));
    }

    static List<Chart> speed() {
        return List.of(
                of("Throughput, samples per second", "pairs_per_second", true),
                of("Waiting for data, share of the step", "data_wait", true));
    }

    /** The charts of the collapse figures. */
    static List<Chart> collapse(double dimension) {
        Map<String, String> similarities = new LinkedHashMap<>();
        similarities.put("positive_similarity", "same sample");
        similarities.put("negative_similarity", "different samples");
        return List.of(
                new Chart(
                        "Feature deviation",
                        Map.of("feature_deviation", "Feature deviation"),
                        true,
                        true,
                        1,
                        "1 = spread evenly"),
                new Chart(
                        "Effective rank",
                        Map.of("effective_rank", "Effective rank"),
                        true,
                        true,
                        dimension,
                        "D = " + String.format(Locale.ROOT, "%.0f", dimension)),
                new Chart("Cosine similarity of views", similarities, true, true, Double.NaN, ""));
    }

    /** The charts of a report's first section: the losses and what steers them. */
    static List<Chart> training() {
        return Stream.concat(losses().stream(), steering().stream()).toList();
    }

    /** Returns a chart for each series, with its name in the title if there are several. */
    List<Chart> separate() {
        return series.size() == 1
                ? List.of(this)
                : series.entrySet().stream()
                        .map(s -> new Chart(
                                title + ": " + s.getValue(),
                                Map.of(s.getKey(), s.getValue()),
                                noisy,
                                zero,
                                reference,
                                referenceName))
                        .toList();
    }

    /** The metric of a chart of one series. */
    String metric() {
        return series.keySet().iterator().next();
    }

    /** Returns the metrics of which the log has at least one value. */
    List<String> present(MetricLog log) {
        List<String> present = new ArrayList<>();
        for (String metric : series.keySet()) {
            if (!Double.isNaN(log.last(metric))) {
                present.add(metric);
            }
        }
        return present;
    }

    /** The title; where a run has recorded one of several series, with its name, since a single line has no legend. */
    String title(MetricLog log) {
        List<String> present = present(log);
        return series.size() > 1 && present.size() == 1 ? title + ": " + series.get(present.get(0)) : title;
    }

    void write(MetricLog log, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("title", title(log));
        json.writeBooleanField("zero", zero);
        if (!Double.isNaN(reference)) {
            json.writeNumberField("reference", reference);
            json.writeStringField("referenceName", referenceName);
        }
        json.writeArrayFieldStart("series");
        for (String metric : present(log)) {
            Curve curve = log.curve(metric).thinned(MOST_POINTS);
            json.writeStartObject();
            json.writeStringField("name", series.get(metric));
            json.writeNumberField("window", curve.window());
            writeNumbers("x", curve.steps(), json);
            writeNumbers("y", curve.values(), json);
            if (noisy && curve.window() > 1) {
                writeNumbers("smooth", curve.smooth(), json);
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** Five significant digits are finer than a pixel; steps are whole numbers. */
    private static void writeNumbers(String name, double[] values, JsonGenerator json) throws IOException {
        json.writeArrayFieldStart(name);
        for (double value : values) {
            if (Double.isNaN(value)) {
                json.writeNull();
            } else if (value == Math.rint(value) && Math.abs(value) < 1e15) {
                json.writeNumber((long) value);
            } else {
                json.writeNumber(Double.toString(Double.parseDouble(String.format(Locale.ROOT, "%.5g", value))));
            }
        }
        json.writeEndArray();
    }
}
