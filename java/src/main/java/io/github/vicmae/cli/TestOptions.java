package io.github.vicmae.cli;

import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.TestClips;
import picocli.CommandLine.Option;

/** How a classifier is tested. */
final class TestOptions {
    /** Clips that are classified at once take as much memory as many images. */
    private static final int VIEWS_AT_ONCE = 32;

    @Option(
            names = "--views",
            paramLabel = "CLIPSxCROPS",
            defaultValue = "5x3",
            description =
                    "views of a video for a classifier of clips, whose predictions are averaged: clips at evenly spaced places, and"
                            + " crops along the longer side of each (default: ${DEFAULT-VALUE}; 7x3 and 2x3 are common too)")
    private String views;

    @Option(
            names = "--test-frames",
            paramLabel = "N",
            defaultValue = "" + SampleFeatures.Settings.FRAMES,
            description =
                    "evenly spaced frames of a video for a classifier of images, whose predictions are averaged (default:"
                            + " ${DEFAULT-VALUE})")
    private int frames;

    @Option(
            names = "--test-workers",
            paramLabel = "N",
            description = "threads that decode for the test (default: one for each processor)")
    private Integer workers;

    @Option(
            names = "--test-batch",
            paramLabel = "N",
            defaultValue = "" + VIEWS_AT_ONCE,
            description = "views that are classified at once (default: ${DEFAULT-VALUE})")
    private int batch;

    /** @throws IllegalArgumentException with a sentence, if a value is refused: before hours of training */
    void check() {
        TestClips.parse(views, 1, 1);
        settings(1);
    }

    String views() {
        return views;
    }

    int frames() {
        return frames;
    }

    SampleFeatures.Settings settings(double share) {
        int threads = workers == null ? Runtime.getRuntime().availableProcessors() : workers;
        return new SampleFeatures.Settings(frames, threads, batch, share);
    }

    int batch() {
        return batch;
    }
}
