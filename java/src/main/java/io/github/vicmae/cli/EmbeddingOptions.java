package io.github.vicmae.cli;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.Fingerprint;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.EncoderOptions;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.ViewFeatures;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Options for embeddings of files. */
final class EmbeddingOptions {
    /** What is taken of a view. */
    enum Tokens {
        POOLED,
        CLS,
        PATCHES;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final int LISTED = 12;
    private static final Pattern DURATION = Pattern.compile("([0-9]*\\.?[0-9]+)\\s*(ms|s|m|min|h|)");

    @Option(
            names = "--tokens",
            paramLabel = "pooled|cls|patches",
            defaultValue = "pooled",
            description = "the pooled tokens of a view, its class token, or the tokens of all its patches, for .npy and"
                    + " .safetensors (default: ${DEFAULT-VALUE})")
    private Tokens tokens;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "32",
            description = "views that the encoder takes at once (default: ${DEFAULT-VALUE})")
    private int batch;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "threads that decode (default: one for each processor)")
    private Integer workers;

    @Option(
            names = "--precision",
            paramLabel = "fp32|bf16",
            defaultValue = "fp32",
            description = "of the encoder's activations and products; features are floats (default: ${DEFAULT-VALUE})")
    private String precision;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    /** Refused before any work. */
    Tokens tokens() {
        if (tokens == Tokens.PATCHES && Precision.of(precision) != Precision.FP32) {
            throw new IllegalArgumentException("Tokens of patches are computed in fp32: leave --precision out");
        }
        return tokens;
    }

    /** What else makes features differ, for an index's place; empty by default. */
    String variant() {
        return Precision.of(precision) == Precision.FP32 ? "" : " " + precision;
    }

    /** Refuses what an index cannot hold. */
    void requireOneVector() {
        if (tokens == Tokens.PATCHES) {
            throw new IllegalArgumentException(
                    "An index holds one vector of a view: give --tokens pooled or cls, not patches");
        }
    }

    int heads() {
        return heads;
    }

    /** How samples are read; refused before any work. */
    FeatureStream.Settings stream(int frames, double every) {
        return new FeatureStream.Settings(
                frames, every, workers == null ? Runtime.getRuntime().availableProcessors() : workers, batch);
    }

    Encoder open(Path weights, Device device) throws IOException {
        return loading().batch(batch).load(weights, device);
    }

    /** How the encoder is loaded, but for its batch. */
    EncoderOptions loading() {
        return Encoder.options()
                .contexts(1)
                .wholeBatches(true)
                .precision(Precision.of(precision))
                .heads(heads);
    }

    /** @param every seconds between the rows of a video, 0 for one row: then an encoder of clips is given clips */
    ViewFeatures features(Encoder encoder, double every) {
        int clip = encoder.config().trunk().frames();
        if (clip > 1 && every == 0) {
            encoder.planClips(FeatureStream.clipBatch(encoder.config().trunk(), batch));
        }
        return encoder.features(tokens == Tokens.CLS ? FeatureTokens.CLS : FeatureTokens.POOLED);
    }

    /** @param vectors of a row */
    EmbeddingSettings settings(
            Path weights, ViewFeatures features, int vectors, FeatureStream.Settings stream, boolean isNormalized)
            throws IOException {
        return new EmbeddingSettings(
                weights.toString(),
                Fingerprint.of(weights),
                tokens.toString(),
                stream.every() > 0 ? 1 : stream.frames(),
                stream.every(),
                isNormalized,
                Precision.of(precision).toString(),
                vectors,
                features.width() / vectors);
    }

    static void notePassedOver(Path model, List<String> names, PrintWriter err) {
        if (!names.isEmpty()) {
            int more = names.size() - LISTED;
            err.println("note: " + model + " also holds what the encoder does not use: "
                    + String.join(", ", names.subList(0, Math.min(LISTED, names.size())))
                    + (more > 0 ? " and " + more + " more" : ""));
        }
    }

    /**
     * Reads {@code 1s}, {@code 500ms}, {@code 2.5} or {@code 1m}.
     *
     * @return seconds
     * @throws IllegalArgumentException if it is none, or zero
     */
    static double seconds(String option, String text) {
        Matcher matcher = DURATION.matcher(text.trim());
        double value = matcher.matches() ? Double.parseDouble(matcher.group(1)) : 0;
        if (!(value > 0)) {
            throw new IllegalArgumentException(
                    option + " takes a time such as 1s, 500ms, 2.5 (seconds) or 1m, not '" + text + "'");
        }
        return switch (matcher.group(2)) {
            case "ms" -> value / 1000;
            case "m", "min" -> value * 60;
            case "h" -> value * 3600;
            default -> value;
        };
    }
}
