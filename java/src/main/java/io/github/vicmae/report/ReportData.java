package io.github.vicmae.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.vicmae.settings.SettingYaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a report shows.
 *
 * @param title the report's title
 * @param settings the run's settings by name, in the order of the table
 * @param metrics what the run measured
 * @param samples reconstructions, a row each; may be empty
 * @param snapshots PNG pictures of the same samples over the run, with their captions; may be empty
 * @param facts what the run was and where it ran
 * @param results what the finished encoder was found to be worth; may be without rows
 */
public record ReportData(
        String title,
        Map<String, String> settings,
        MetricLog metrics,
        List<Sample> samples,
        Map<String, byte[]> snapshots,
        RunFacts facts,
        AccuracyTable results) {
    public ReportData {
        snapshots = Collections.unmodifiableMap(new LinkedHashMap<>(snapshots));
        settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
        samples = List.copyOf(samples);
    }

    /** Of a run without pictures of its course, of which no more is known. */
    public ReportData(String title, Map<String, String> settings, MetricLog metrics, List<Sample> samples) {
        this(title, settings, metrics, samples, Map.of(), RunFacts.NONE, new AccuracyTable("", List.of()));
    }

    /**
     * A sample's reconstructions.
     *
     * @param label the sample's name, such as its file
     * @param kind what it is, where there are samples of several kinds; empty otherwise
     * @param views the images of each of its views
     */
    public record Sample(String label, String kind, List<ReconstructionGrid.Images> views) {
        public Sample {
            views = List.copyOf(views);
        }
    }

    /**
     * Reads {@code metrics.jsonl} and {@code settings.yaml} in a run's folder. Nested settings get names with dots; a file
     * of settings that is missing or cut off gives an empty table.
     *
     * @throws IOException if the metrics cannot be read
     */
    public static ReportData read(Path run, List<Sample> samples) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String name : List.of("settings.yaml", "settings.json")) { // the latter in runs of older versions
            Path file = run.resolve(name);
            if (settings.isEmpty() && Files.isReadable(file)) {
                try {
                    flatten("", SettingYaml.read(Files.readString(file)), settings);
                } catch (IOException e) {
                    settings.put(name, "unreadable: " + e.getMessage());
                }
            }
        }
        Path name = run.toAbsolutePath().normalize().getFileName();
        return new ReportData(
                "Run " + name,
                settings,
                MetricLog.read(run.resolve("metrics.jsonl")),
                samples,
                Map.of(),
                RunFacts.read(run),
                AccuracyTable.read(run));
    }

    private static void flatten(String prefix, JsonNode node, Map<String, String> settings) {
        if (node.isObject()) {
            node.properties()
                    .forEach(field -> flatten(
                            prefix.isEmpty() ? field.getKey() : prefix + "." + field.getKey(),
                            field.getValue(),
                            settings));
        } else if (!prefix.isEmpty()) {
            settings.put(prefix, node.isValueNode() ? node.asText() : node.toString());
        }
    }

    /** The same with the pictures of the same samples over the run. */
    ReportData with(Map<String, byte[]> pictures) {
        return new ReportData(title, settings, metrics, samples, pictures, facts, results);
    }

    /** Whether the run pre-trains an encoder; if not, it trains a classifier. */
    boolean isPreTraining() {
        return !"finetune".equals(settings.get("model.objective.method"));
    }

    /** Returns the feature dimension D from the setting {@code dim} or one that ends in {@code .dim}, NaN without one. */
    double dimension() {
        for (Map.Entry<String, String> entry : settings.entrySet()) {
            boolean dim = entry.getKey().equals("dim") || entry.getKey().endsWith(".dim");
            if (dim && entry.getValue().matches("\\d{1,9}")) {
                return Integer.parseInt(entry.getValue());
            }
        }
        return Double.NaN;
    }
}
