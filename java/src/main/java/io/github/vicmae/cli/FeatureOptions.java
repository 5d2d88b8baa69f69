package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.ViewFeatures;
import java.io.IOException;
import java.util.List;
import picocli.CommandLine.Option;

/** Options for the features of samples. */
final class FeatureOptions {
    @Option(
            names = "--features",
            paramLabel = "pooled|cls|both",
            defaultValue = "pooled",
            description =
                    "features of a view: its pooled patch tokens, its class token, or both (default: ${DEFAULT-VALUE})")
    private FeatureTokens tokens;

    @Option(
            names = "--frames",
            paramLabel = "N",
            defaultValue = "" + SampleFeatures.Settings.FRAMES,
            description =
                    "frames of a video, whose features are averaged: evenly spaced, in the training of a probe on crops"
                            + " and flips at random places; an encoder of clips sees as many clips as hold them (default:"
                            + " ${DEFAULT-VALUE})")
    private int frames;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "threads that decode (default: one for each processor)")
    private Integer workers;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    @Option(
            names = "--image",
            paramLabel = "PIXELS",
            defaultValue = "0",
            description =
                    "side of the views, a multiple of the encoder's patch: positions are interpolated (default: that of"
                            + " training)")
    private int image;

    FeatureTokens tokens() {
        return tokens;
    }

    int heads() {
        return heads;
    }

    int image() {
        return image;
    }

    int frames() {
        return frames;
    }

    int workers() {
        return workers == null ? Runtime.getRuntime().availableProcessors() : workers;
    }

    /**
     * How samples are read.
     *
     * @param batch views that are computed at once
     * @param share of the central crop
     */
    SampleFeatures.Settings settings(int batch, double share) {
        return new SampleFeatures.Settings(frames, workers(), batch, share);
    }

    /** Takes the memory for clips, if the encoder has them. */
    void planClips(Encoder encoder, SampleFeatures.Settings settings) {
        int clip = encoder.config().trunk().frames();
        if (clip > 1) {
            encoder.planClips(settings.batch(clip));
        }
    }

    /** Computes features, showing progress; {@code output} is told of files that cannot be read. */
    SampleFeatures extract(
            String what,
            Dataset data,
            Encoder encoder,
            List<? extends ViewFeatures> kinds,
            SampleFeatures.Settings settings,
            EvaluationOutput output)
            throws IOException {
        SampleFeatures found;
        try (SampleProgress progress = output.progress(what, data.size())) {
            found = SampleFeatures.of(data, encoder.config().trunk(), encoder.views(), kinds, settings, progress);
        }
        found.skipped().forEach(output::skip);
        return found;
    }
}
