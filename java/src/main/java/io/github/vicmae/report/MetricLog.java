package io.github.vicmae.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.io.JsonLines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run's {@code metrics.jsonl} says: every number of a line with a {@code step} becomes a value of a curve by its
 * name, and every line with a {@code skipped_file} a file with its reason. Names within {@code collapse} stand for
 * themselves. A null is a value that was not finite.
 */
public final class MetricLog {
    /** The k-NN accuracy of the encoder. */
    static final String KNN = "knn_top1";

    /** A classifier's accuracy on test samples. */
    static final String TEST_ACCURACY = "test_top1";

    private final Map<String, Values> metrics = new LinkedHashMap<>();
    private final Map<String, String> skipped = new LinkedHashMap<>();
    private final Map<String, Double> untrained = new LinkedHashMap<>();
    private MonitorFacts monitor = MonitorFacts.NONE;
    private int skippedCount;
    private int unreadableLines;
    private long lastStep;

    private static final class Values {
        private double[] steps = new double[64];
        private double[] values = new double[64];
        private int count;

        void add(double step, double value) {
            if (count == steps.length) {
                steps = Arrays.copyOf(steps, 2 * count);
                values = Arrays.copyOf(values, 2 * count);
            }
            steps[count] = step;
            values[count++] = value;
        }
    }

    /**
     * Reads a file; lines cut off by a crash are counted and skipped.
     *
     * @throws IOException if the file cannot be read
     */
    public static MetricLog read(Path file) throws IOException {
        MetricLog log = new MetricLog();
        log.unreadableLines = JsonLines.read(file, log::add);
        return log;
    }

    private void add(JsonNode line) {
        if (line.has("skipped_file")) {
            skipped.put(line.path("skipped_file").asText(), line.path("reason").asText());
            return;
        }
        if (!line.path("step").isIntegralNumber()) {
            return;
        }
        long step = line.path("step").longValue();
        lastStep = Math.max(lastStep, step);
        skippedCount = Math.max(skippedCount, line.path("skipped").asInt());
        addNumbers(step, line);
        addNumbers(step, line.path("collapse"));
        line.path("untrained")
                .properties()
                .forEach(field -> untrained.put(field.getKey(), field.getValue().asDouble(Double.NaN)));
        if (line.has("monitored")) {
            MonitorFacts facts = MonitorFacts.of(line.path("monitored"));
            if (!facts.id().equals(monitor.id())) {
                metrics.remove(KNN); // on other samples, so that the numbers cannot be compared
            }
            monitor = facts;
        }
    }

    /** Returns what an untrained encoder of the same shape gave on the run's data, by the names of the collapse figures. */
    Map<String, Double> untrained() {
        return Collections.unmodifiableMap(untrained);
    }

    /** Returns what k-NN accuracy is measured on. */
    public MonitorFacts monitor() {
        return monitor;
    }

    private void addNumbers(long step, JsonNode object) {
        object.properties().forEach(field -> {
            JsonNode value = field.getValue();
            if ((value.isNumber() || value.isNull()) && !field.getKey().equals("step")) {
                double number = value.isNull() ? Double.NaN : value.doubleValue();
                metrics.computeIfAbsent(field.getKey(), name -> new Values())
                        .add(step, Double.isFinite(number) ? number : Double.NaN);
            }
        });
    }

    /** Returns the curve of a metric; an empty one if the file does not have it. */
    Curve curve(String metric) {
        Values values = metrics.getOrDefault(metric, new Values());
        return Curve.of(Arrays.copyOf(values.steps, values.count), Arrays.copyOf(values.values, values.count));
    }

    /** Returns the skipped files with their reasons, in the order of their first appearance. */
    public Map<String, String> skipped() {
        return Collections.unmodifiableMap(skipped);
    }

    /** Returns the number of skipped files, by the list of them or, if that is shorter, by the steps' own count. */
    public int skippedCount() {
        return Math.max(skippedCount, skipped.size());
    }

    /** Returns the number of lines that could not be read. */
    public int unreadableLines() {
        return unreadableLines;
    }

    /** Returns the last step that has a line, 0 without any. */
    public long lastStep() {
        return lastStep;
    }

    /** Returns the last finite value of a metric, NaN without any. */
    public double last(String metric) {
        Values recorded = metrics.getOrDefault(metric, new Values());
        for (int i = recorded.count - 1; i >= 0; i--) {
            if (!Double.isNaN(recorded.values[i])) {
                return recorded.values[i];
            }
        }
        return Double.NaN;
    }
}
