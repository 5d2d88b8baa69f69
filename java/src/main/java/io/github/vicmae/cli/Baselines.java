package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.EncoderFeatures;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.SampleFeatures;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.TrunkConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** Options for what an encoder is compared with. */
final class Baselines {
    @Option(names = "--untrained", description = "compare with an untrained encoder of the same shape")
    private boolean untrained;

    @Option(names = "--pixels", description = "compare with the views' pixels as features")
    private boolean pixels;

    /** Kinds of features of the same views by name, the encoder's own first. */
    static final class Kinds implements AutoCloseable {
        private final List<String> names = new ArrayList<>();
        private final List<ViewFeatures> features = new ArrayList<>();
        private FeatureExtractor fresh;

        List<String> names() {
            return names;
        }

        List<ViewFeatures> features() {
            return features;
        }

        private void add(String name, ViewFeatures kind) {
            names.add(name);
            features.add(kind);
        }

        @Override
        public void close() {
            if (fresh != null) {
                fresh.close();
            }
        }
    }

    boolean isAny() {
        return untrained || pixels;
    }

    /**
     * The encoder and what it is compared with.
     *
     * @param encoder has taken the memory for clips, if it is one of clips
     * @param remarks gets a sentence on what is left out
     */
    Kinds with(
            Device device,
            Encoder encoder,
            FeatureTokens tokens,
            SampleFeatures.Settings settings,
            long seed,
            List<Dataset> data,
            Consumer<String> remarks) {
        TrunkConfig trunk = encoder.config().trunk();
        Kinds kinds = new Kinds();
        kinds.add("trained encoder", encoder.features(tokens));
        if (untrained) {
            kinds.fresh = new FeatureExtractor(
                    device, trunk, encoder.config().objective().pooling(), settings.batch());
            if (trunk.frames() > 1) {
                kinds.fresh.planClips(settings.batch(trunk.frames()));
            }
            kinds.fresh.initialise(seed);
            kinds.add("untrained encoder", new EncoderFeatures(kinds.fresh, tokens));
        }
        long samples = data.stream().mapToLong(Dataset::size).sum();
        if (pixels && fits(samples * trunk.imageSize() * Float.BYTES, remarks)) {
            kinds.add("raw pixels", ViewFeatures.pixels(trunk));
        }
        return kinds;
    }

    /** Pixels are many numbers, and they are kept for all samples. */
    private static boolean fits(long bytes, Consumer<String> remarks) {
        long most = Runtime.getRuntime().maxMemory();
        if (bytes <= most / 2) {
            return true;
        }
        remarks.accept(String.format(
                Locale.ROOT,
                "Raw pixels are left out: those of all samples take %d MiB, more than half of the %d MiB that this"
                        + " Java may use; raise it with JAVA_TOOL_OPTIONS=-Xmx...",
                bytes >> 20,
                most >> 20));
        return false;
    }
}
