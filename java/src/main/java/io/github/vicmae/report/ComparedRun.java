package io.github.vicmae.report;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A run of a comparison: what it recorded, and how long and by how many samples it had trained at each step. */
final class ComparedRun {
    private final String name;
    private final String report;
    private final ReportData data;
    private final double samplesPerStep;
    /** Seconds of training until the end of each step. */
    private final NavigableMap<Double, Double> seconds = new TreeMap<>();

    private ComparedRun(String name, String report, ReportData data) {
        this.name = name;
        this.report = report;
        this.data = data;
        samplesPerStep = samplesPerStep(data.settings());
        Curve rates = data.metrics().curve("pairs_per_second");
        double sum = 0;
        for (int i = 0; i < rates.steps().length; i++) {
            double rate = rates.values()[i];
            sum += rate > 0 ? samplesPerStep / rate : 0; // a step without a finite rate took no time that was measured
            seconds.put(rates.steps()[i], sum);
        }
    }

    /**
     * Reads a run.
     *
     * @param page the page that will link to the run's report
     * @throws IOException if there is no run in the folder, or its metrics cannot be read
     */
    static ComparedRun read(Path folder, String name, Path page) throws IOException {
        if (!Files.isRegularFile(folder.resolve("metrics.jsonl"))) {
            String found = Files.isDirectory(folder)
                    ? "there is no metrics.jsonl in it"
                    : Files.exists(folder) ? "it is a file, not a folder" : "there is no such folder";
            throw new IOException(
                    folder + " holds no run: " + found + "; name folders that pretrain --out has written.");
        }
        Path report = folder.resolve("report.html");
        String link = Files.isRegularFile(report) ? link(page, report) : null;
        return new ComparedRun(name, link, ReportData.read(folder, List.of()));
    }

    /** A relative address, so that the page may move along with the runs. */
    private static String link(Path page, Path file) {
        Path from = page.toAbsolutePath().normalize().getParent();
        Path to = file.toAbsolutePath().normalize();
        if (!from.getRoot().equals(to.getRoot())) {
            return to.toUri().toString();
        }
        List<String> names = new ArrayList<>();
        from.relativize(to).forEach(part -> names.add(part.toString()));
        try {
            // With "./" a name that contains a colon is no scheme.
            return new URI(null, null, "./" + String.join("/", names), null).toASCIIString();
        } catch (URISyntaxException e) {
            return to.toUri().toString();
        }
    }

    /** The samples of an update, NaN where the settings do not have them. Files of older versions have no tree. */
    private static double samplesPerStep(Map<String, String> settings) {
        String batch = settings.getOrDefault("schedule.batch", settings.get("batch"));
        String accumulate = settings.getOrDefault("schedule.accumulate", settings.getOrDefault("accumulate", "1"));
        String whole = "[1-9]\\d{0,8}";
        return batch != null && batch.matches(whole) && accumulate.matches(whole)
                ? Double.parseDouble(batch) * Double.parseDouble(accumulate)
                : Double.NaN;
    }

    String name() {
        return name;
    }

    /** The address of the run's own report, or null if there is none. */
    String report() {
        return report;
    }

    Map<String, String> settings() {
        return data.settings();
    }

    MetricLog metrics() {
        return data.metrics();
    }

    /** The feature dimension D, NaN if it is not known. */
    double dimension() {
        return data.dimension();
    }

    boolean isEmpty() {
        return metrics().lastStep() == 0;
    }

    boolean knowsSamples() {
        return !Double.isNaN(samplesPerStep);
    }

    /** The samples seen until the end of a step, NaN if that is not known. */
    double samples(double step) {
        return step * samplesPerStep;
    }

    /** The seconds that the steps until the end of this one took, NaN if that is not known. */
    double seconds(double step) {
        Map.Entry<Double, Double> entry = seconds.floorEntry(step);
        return entry == null ? Double.NaN : entry.getValue();
    }

    /** The samples seen per second of training, NaN if that is not known. */
    double samplesPerSecond() {
        long steps = metrics().lastStep();
        double all = seconds(steps);
        return all > 0 ? samples(steps) / all : Double.NaN;
    }

    /** The run's training time as text, a dash if it is not known. */
    String time() {
        double all = seconds(metrics().lastStep());
        if (Double.isNaN(all)) {
            return "\u2013";
        }
        if (all < 60) {
            return String.format(Locale.ROOT, "%.1f s", all);
        }
        long whole = Math.round(all);
        return whole < 3600
                ? String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60)
                : String.format(Locale.ROOT, "%,d h %02d min", whole / 3600, whole % 3600 / 60);
    }
}
