package io.github.vicmae.cli;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.FileNames;
import io.github.vicmae.device.Device;
import io.github.vicmae.embed.EmbeddedFile;
import io.github.vicmae.embed.EmbeddingRun;
import io.github.vicmae.embed.EmbeddingSettings;
import io.github.vicmae.embed.EmbeddingStore;
import io.github.vicmae.embed.EmbeddingTable;
import io.github.vicmae.embed.Selection;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.eval.ViewFeatures;
import io.github.vicmae.search.IndexFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Makes an index, or extends one by what is new. */
final class IndexBuild {
    private static final int NAMED = 3;

    private final Path folder;
    private final Path model;
    private final Path weights;
    private final EmbeddingOptions options;
    private final FeatureStream.Settings stream;
    private final PrintWriter err;

    /**
     * @param model as it was given
     * @param weights its file
     */
    IndexBuild(
            Path folder,
            Path model,
            Path weights,
            EmbeddingOptions options,
            FeatureStream.Settings stream,
            PrintWriter err) {
        this.folder = folder;
        this.model = model;
        this.weights = weights;
        this.options = options;
        this.stream = stream;
        this.err = err;
    }

    /** Paths as an index has them: those that lead to the same file from everywhere. */
    static List<String> absolute(List<Path> data) {
        return data.stream()
                .map(path -> FileNames.text(path.toAbsolutePath().normalize()))
                .toList();
    }

    void run(List<Path> data, Device device) throws IOException {
        options.requireOneVector();
        IndexFolder.check(folder);
        List<String> roots = absolute(data);
        Dataset files = Dataset.scan(roots.stream().map(FileNames::path).toList());
        files.report().sentences().forEach(sentence -> err.println("warning: " + sentence));
        try (IndexFolder index = IndexFolder.open(folder);
                Encoder encoder = options.open(weights, device)) {
            EmbeddingOptions.notePassedOver(model, encoder.passedOver(), err);
            ViewFeatures features = options.features(encoder, stream.every());
            EmbeddingSettings settings =
                    options.settings(weights.toAbsolutePath().normalize(), features, 1, stream, false);
            refuseOther(index, settings);
            try (EmbeddingTable former = index.formerTable();
                    EmbeddingStore store = EmbeddingStore.open(index.part(), settings)) {
                EmbeddingRun run = new EmbeddingRun(store, former, files, file -> !isBeneath(file, roots), true);
                if (former != null || run.known() > 0) {
                    err.println(run.known() + " files are in the index already, " + run.missing() + " are new"
                            + (run.changed() > 0 ? " or have changed" : ""));
                }
                if (run.missing() > 0) {
                    EmbedCommand.embed(
                            run,
                            encoder,
                            features,
                            stream,
                            "what is done is kept in " + folder + ", and the same command goes on",
                            err);
                }
                replace(index, run, former, files, roots);
            }
        }
    }

    private void refuseOther(IndexFolder index, EmbeddingSettings settings) throws IOException {
        if (index.formerSettings() != null) {
            List<String> differences = settings.differences(index.formerSettings());
            if (!differences.isEmpty()) {
                throw new IOException(folder + " cannot be extended with other settings than it was made with: "
                        + String.join("; ", differences) + ". Give the same ones, or make a new index");
            }
        }
    }

    private void replace(IndexFolder index, EmbeddingRun run, EmbeddingTable former, Dataset files, List<String> roots)
            throws IOException {
        List<EmbeddedFile> dropped = new ArrayList<>();
        Selection table = run.table(dropped::add);
        if (table.rows() == 0) {
            throw new IOException("None of the " + files.size() + " files could be read");
        }
        if (!dropped.isEmpty()) {
            err.println("dropped " + dropped.size() + " files that are not in the data any more: "
                    + String.join(
                            ", ",
                            dropped.stream()
                                    .limit(NAMED)
                                    .map(file -> FileNames.printable(file.path()))
                                    .toList())
                    + (dropped.size() > NAMED ? ", ..." : ""));
        }
        Set<String> all = new LinkedHashSet<>(index.formerData());
        boolean isNewRoot = all.addAll(roots);
        if (former == null || run.missing() > 0 || !dropped.isEmpty() || isNewRoot) {
            int rows = (int) Math.min(Integer.MAX_VALUE, table.rows());
            try (SampleProgress progress = new SampleProgress(err, "rows in the graph", rows)) {
                index.replace(table, List.copyOf(all), progress);
            }
        } else {
            EmbeddingStore.delete(index.part()); // nothing came of it
        }
        long skipped =
                table.files().stream().filter(file -> file.failure() != null).count();
        err.println(table.rows() + " rows of " + (table.files().size() - skipped) + " files are in " + folder
                + (skipped > 0 ? "; " + skipped + " files could not be read" : "")
                + (table.rows() > IndexFolder.MOST_EXACT ? " (searched by a graph)" : " (searched exactly)"));
    }

    /** Whether a file would be found below what is given, if it were still there. */
    private static boolean isBeneath(EmbeddedFile file, List<String> roots) {
        return roots.stream()
                .anyMatch(root ->
                        file.path().equals(root) || file.path().startsWith(root.endsWith("/") ? root : root + "/"));
    }
}
