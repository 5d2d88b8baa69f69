package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.ViewFeatures;
import java.io.IOException;
import java.io.PrintWriter;
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
                    "evenly spaced frames of a video, whose features are averaged; an encoder of clips sees as many"
                            + " clips as hold them (default: ${DEFAULT-VALUE})")
    private int frames;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "threads that decode (default: one for each processor)")
    private Integer workers;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "" + SampleFeatures.Settings.BATCH,
            description = "views that the encoder takes at once (default: ${DEFAULT-VALUE})")
    private int batch;

    @Option(
            names = "--heads",
            defaultValue = "0",
            description = "attention heads of a published encoder of no standard width")
    private int heads;

    FeatureTokens tokens() {
        return tokens;
    }

    int heads() {
        return heads;
    }

    SampleFeatures.Settings settings() {
        int threads = workers == null ? Runtime.getRuntime().availableProcessors() : workers;
        return new SampleFeatures.Settings(frames, threads, batch, 1);
    }

    /** Computes features, with progress on standard error. */
    SampleFeatures extract(
            String what,
            Dataset data,
            Encoder encoder,
            List<? extends ViewFeatures> kinds,
            SampleFeatures.Settings settings,
            PrintWriter err)
            throws IOException {
        try (SampleProgress progress = new SampleProgress(err, what, data.size())) {
            return SampleFeatures.of(data, encoder.config().trunk(), encoder.views(), kinds, settings, progress);
        }
    }
}
