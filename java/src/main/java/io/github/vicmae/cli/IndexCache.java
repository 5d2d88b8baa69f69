package io.github.vicmae.cli;

import io.github.vicmae.embed.Fingerprint;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Where indexes lie that no folder was named for: {@code $XDG_CACHE_HOME/vicmae}, else {@code ~/.cache/vicmae}. */
final class IndexCache {
    private static final int DIGITS = 16;

    private IndexCache() {}

    /**
     * The folder for the index of a model and data.
     *
     * @param settings what else tells two of them apart
     */
    static Path folder(Path weights, List<Path> data, String settings) throws IOException {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path root = cache != null && Path.of(cache).isAbsolute()
                ? Path.of(cache)
                : Path.of(System.getProperty("user.home"), ".cache");
        String text = Fingerprint.of(weights) + "\n" + settings + "\n" + String.join("\n", IndexBuild.absolute(data));
        String hash = Fingerprint.of(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_16LE)));
        return root.resolve("vicmae").resolve("index-" + hash.substring(0, DIGITS));
    }
}
