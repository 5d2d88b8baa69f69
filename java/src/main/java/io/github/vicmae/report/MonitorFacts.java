package io.github.vicmae.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a run measures k-NN accuracy on, and what that is to be compared with.
 *
 * @param id tells sets of samples apart; empty if nothing is measured
 * @param samples that are classified
 * @param kinds what they are, such as "videos"
 * @param reference samples that classify them; 0 if each half classifies the other
 * @param classes of these samples
 * @param k neighbours that vote
 * @param frames of each video
 * @param untrained accuracy of an untrained encoder of the same shape, 0 to 1
 * @param pixels accuracy of raw pixels, NaN if it was not measured
 * @param chance accuracy of guessing
 */
public record MonitorFacts(
        String id,
        int samples,
        String kinds,
        int reference,
        int classes,
        int k,
        int frames,
        double untrained,
        double pixels,
        double chance) {
    /** Nothing is measured. */
    public static final MonitorFacts NONE = new MonitorFacts("", 0, "", 0, 0, 0, 0, Double.NaN, Double.NaN, Double.NaN);

    static MonitorFacts of(JsonNode object) {
        return new MonitorFacts(
                object.path("id").asText(),
                object.path("samples").asInt(),
                object.path("kinds").asText(),
                object.path("reference").asInt(),
                object.path("classes").asInt(),
                object.path("k").asInt(),
                object.path("frames").asInt(),
                object.path("untrained").asDouble(Double.NaN),
                object.path("raw_pixels").asDouble(Double.NaN),
                object.path("chance").asDouble(Double.NaN));
    }

    /** The same as an object of the metrics. */
    public Map<String, Object> line() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("id", id);
        line.put("samples", samples);
        line.put("kinds", kinds);
        line.put("reference", reference);
        line.put("classes", classes);
        line.put("k", k);
        line.put("frames", frames);
        line.put("untrained", untrained);
        line.put("raw_pixels", pixels);
        line.put("chance", chance);
        return line;
    }

    boolean isPresent() {
        return !id.isEmpty();
    }

    /** Standard error of an accuracy on these samples, as a share. */
    double error(double accuracy) {
        return Math.sqrt(accuracy * (1 - accuracy) / samples);
    }

    /** How the samples are classified, as part of a sentence. */
    String how() {
        String by = reference == 0 ? "each half classified by the other" : "classified by " + reference + " others";
        String of = frames > 1 ? ", features averaged over " + frames + " frames" : "";
        return samples + " labelled " + kinds + " of " + classes + " classes, " + by + " (k = " + k + of + ")";
    }

    /** An accuracy beside what it is to be compared with, as a line. */
    public String sentence(double accuracy) {
        String beside = Double.isNaN(pixels) ? "" : ", raw pixels " + ReportTables.percent(pixels);
        return "k-NN on " + samples + " labelled " + kinds + ": " + ReportTables.percent(accuracy)
                + String.format(Locale.ROOT, " +- %.1f", 100 * error(accuracy)) + " (untrained "
                + ReportTables.percent(untrained)
                + beside + ", chance " + ReportTables.percent(chance) + ")";
    }
}
